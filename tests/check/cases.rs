//! Every control that a machine tests, on data files: `controls/ITEM.toml`, one `[[case]]` for each situation.

use super::support::{self, empty, file, finding, name, path, process};
use harden::check::{Benchmark, Difference, Verdict};
use harden::inventory::Role;
use harden::resource::{ClusterEvidence, ConfigMapKey};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Where kubeadm keeps the kubelet's configuration.
const KUBELET_CONFIG: &str = "/var/lib/kubelet/config.yaml";

/// Every control has a case of each of these names.
const NEEDED: [&str; 3] = ["passes", "fails", "absent"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    case: Vec<Case>,
}

/// One situation and what is said of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Case {
    name: String,
    verdict: Verdict,
    /// Command lines.
    #[serde(default)]
    processes: Vec<String>,
    /// Variables of every process.
    #[serde(default)]
    environment: BTreeMap<String, String>,
    /// Path to mode and owner.
    #[serde(default)]
    files: BTreeMap<String, String>,
    /// Path to text.
    #[serde(default)]
    documents: BTreeMap<String, String>,
    /// The text of the kubelet's configuration.
    config: Option<String>,
    /// kubeadm's ClusterConfiguration.
    cluster_configuration: Option<String>,
    /// kubeadm's kubelet-config.
    kubelet_configuration: Option<String>,
    /// What could not be read.
    #[serde(default)]
    unread: Vec<String>,
    /// What the look that goes deeper than the benchmark's test came to.
    clean: Option<bool>,
    /// Whether it is a running system.
    live: Option<bool>,
    #[serde(default)]
    differences: Vec<Difference>,
    /// Texts that the evidence holds.
    #[serde(default)]
    says: Vec<String>,
    /// How many offending objects are named.
    objects: Option<usize>,
}

fn files() -> BTreeMap<String, Vec<Case>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/check/controls");
    let read = |entry: std::io::Result<fs::DirEntry>| {
        let path = entry.unwrap().path();
        let item = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = fs::read_to_string(&path).unwrap();
        let file: File = toml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        (item, file.case)
    };
    fs::read_dir(folder).unwrap().map(read).collect()
}

fn check(item: &str, case: &Case) {
    let mut evidence = empty();
    evidence.facts.live = case.live.unwrap_or(true);
    for (pid, line) in (100..).zip(&case.processes) {
        let mut process = process(pid, line);
        process.environment.clone_from(&case.environment);
        evidence.processes.push(process);
    }
    evidence.files = case.files.iter().map(|(at, text)| (path(at), file(text))).collect();
    let config = case.config.iter().map(|text| (KUBELET_CONFIG.to_owned(), text.clone()));
    let documents = case.documents.clone().into_iter().chain(config);
    evidence.documents = documents.map(|(at, text)| (path(&at), text)).collect();
    evidence.unread.clone_from(&case.unread);
    let mut cluster = ClusterEvidence::default();
    let maps = [
        (ConfigMapKey::ClusterConfiguration, &case.cluster_configuration),
        (ConfigMapKey::KubeletConfiguration, &case.kubelet_configuration),
    ];
    for (key, text) in maps {
        cluster.config_maps.extend(text.clone().map(|text| (key, text)));
    }
    let nodes = [(name("cp-1"), Role::ALL.into(), evidence)];
    let report = support::report("cis-1.12", &nodes, Some(&cluster), &BTreeMap::new());
    assert!(report.unreachable.is_empty(), "{item} {}: {:?}", case.name, report.unreachable);
    let is_cluster = Benchmark::named("cis-1.12").unwrap().control(item).unwrap().cluster;
    let finding = finding(&report, item, (!is_cluster).then_some("cp-1"));
    let context = format!("{item}, case `{}`: {finding:#?}", case.name);
    assert_eq!(finding.verdict, case.verdict, "{context}");
    assert_eq!(finding.differences, case.differences, "{context}");
    assert_eq!(finding.remedy.is_empty(), finding.verdict == Verdict::Pass, "{context}");
    assert!(!finding.evidence.is_empty(), "{context}");
    for text in &case.says {
        assert!(finding.evidence.iter().any(|line| line.contains(text)), "says `{text}`: {context}");
    }
    if case.clean.is_some() {
        assert_eq!(finding.clean, case.clean, "{context}");
    }
    if let Some(objects) = case.objects {
        assert_eq!(finding.objects.len(), objects, "{context}");
    }
}

#[test]
fn every_case_is_judged_as_it_says() {
    for (item, cases) in files() {
        for case in &cases {
            check(&item, case);
        }
    }
}

#[test]
fn every_mechanical_control_has_its_cases() {
    let files = files();
    for control in Benchmark::named("cis-1.12").unwrap().controls() {
        if !control.test.is_mechanical() {
            continue;
        }
        let cases = files.get(&control.item).unwrap_or_else(|| panic!("no cases of {}", control.item));
        let names: BTreeSet<&str> = cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names.len(), cases.len(), "{}: two cases of one name", control.item);
        for needed in NEEDED {
            assert!(names.contains(needed), "{} has no case `{needed}`", control.item);
        }
        for case in cases {
            let against = if control.scored { Verdict::Fail } else { Verdict::Warn };
            assert!([Verdict::Pass, against].contains(&case.verdict), "{}: {}", control.item, case.name);
        }
    }
}
