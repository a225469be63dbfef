//! Whole nodes: kubeadm's control plane and worker as they come, and hardened.

use super::host::Host;
use super::support::{Node, finding, name, report};
use harden::check::{Benchmark, Difference, Report, Verdict, questions};
use harden::inventory::{Minor, Role};
use harden::resource::{ClusterEvidence, ConfigMapKey, ControlId};
use std::collections::{BTreeMap, BTreeSet};

/// What kube-bench 0.15 with cis-1.12 fails on a fresh kubeadm 1.35 control plane.
const FRESH: [&str; 12] = [
    "1.1.12", "1.2.5", "1.2.15", "1.2.16", "1.2.17", "1.2.18", "1.2.19", "1.2.30", "1.3.2", "1.4.1", "4.1.1",
    "4.1.9",
];

fn node(of: &str, host: &Host, roles: &[Role]) -> Node {
    let roles: BTreeSet<Role> = roles.iter().copied().collect();
    let evidence = host.answer(&questions(Benchmark::named("cis-1.12").unwrap(), &roles));
    (name(of), roles, evidence)
}

fn control_plane(host: &Host) -> Node {
    node("cp-1", host, &[Role::ControlPlane, Role::Etcd])
}

fn judged(nodes: &[Node]) -> Report {
    report("cis-1.12", nodes, Some(&ClusterEvidence::default()), &BTreeMap::new())
}

/// The items of sections 1 to 4 with a verdict.
fn items(report: &Report, verdict: Verdict) -> Vec<&str> {
    let findings = report.findings.iter().filter(|finding| !finding.control.item.starts_with("5."));
    let findings = findings.filter(|finding| finding.verdict == verdict);
    findings.map(|finding| finding.control.item.as_str()).collect()
}

/// A control plane hardened by hand as an expert does it, its kubelet's record and ClusterConfiguration not touched.
fn hardened() -> Host {
    let mut host = Host::quickstart("cp-1");
    host.flags(
        "kube-apiserver",
        &[
            "--profiling=false",
            "--audit-log-path=/var/log/kubernetes/audit.log",
            "--audit-log-maxage=30",
            "--audit-log-maxbackup=10",
            "--audit-log-maxsize=100",
            "--audit-policy-file=/etc/kubernetes/audit/policy.yaml",
            "--enable-admission-plugins=NodeRestriction,DenyServiceExternalIPs,EventRateLimit",
            "--encryption-provider-config=/etc/kubernetes/encryption/config.yaml",
            "--tls-cipher-suites=TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
            "--service-account-extend-token-expiration=false",
            "--kubelet-certificate-authority=/etc/kubernetes/pki/ca.crt",
        ],
    );
    host.flags("kube-controller-manager", &["--profiling=false", "--terminated-pod-gc-threshold=1000"]);
    host.flags("kube-scheduler", &["--profiling=false"]);
    host.kubelet(
        "tlsCertFile: /a.crt\ntlsPrivateKeyFile: /a.key\npodPidsLimit: 4096\nseccompDefault: true\n",
    );
    host.kubelet("tlsCipherSuites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256]\n");
    let encryption = "resources:\n- resources: [secrets]\n  providers:\n  - secretbox:\n      keys: []\n  - identity: {}\n";
    host.write("/etc/kubernetes/encryption/config.yaml", "600 root:root", encryption);
    host.set("/var/lib/etcd", "d700 etcd:etcd");
    host.set("/var/lib/kubelet/config.yaml", "600 root:root");
    host.set("/etc/systemd/system/kubelet.service.d/10-kubeadm.conf", "600 root:root");
    host
}

#[test]
fn a_fresh_control_plane_fails_exactly_the_twelve() {
    let nodes = [control_plane(&Host::quickstart("cp-1"))];
    let report = judged(&nodes);
    assert_eq!(items(&report, Verdict::Fail), FRESH);
    assert_eq!(items(&report, Verdict::Pass).len(), 64);
    assert_eq!(items(&report, Verdict::Warn).len(), 21);
    assert_eq!(report.findings.len(), 131);
    assert!(report.findings.iter().all(|finding| finding.differences.is_empty()));
    let unscored: Vec<_> = report.findings.iter().filter(|finding| finding.node.is_none()).collect();
    assert_eq!(unscored.len(), 34 + 4);
    let profiling = finding(&report, "1.2.15", Some("cp-1"));
    assert_eq!(profiling.evidence, ["kube-apiserver runs without --profiling"]);
    assert_eq!(profiling.remedy, "Set --profiling=false of kube-apiserver");
    assert_eq!(profiling.section, "1.2 API Server");
}

#[test]
fn a_hardened_control_plane_fails_nothing() {
    let mut host = hardened();
    host.restart();
    let report = judged(&[control_plane(&host)]);
    assert_eq!(items(&report, Verdict::Fail), [""; 0]);
    let expected =
        ["1.1.9", "1.2.1", "1.2.11", "1.2.20", "3.1.1", "3.1.2", "3.1.3", "3.2.2", "4.1.3", "4.1.4"];
    assert_eq!(items(&report, Verdict::Warn), expected);
    assert!(report.findings.iter().all(|finding| finding.differences.is_empty()));
}

#[test]
fn what_was_written_and_not_restarted_is_a_finding() {
    let report = judged(&[control_plane(&hardened())]);
    let differ: Vec<&str> = report
        .findings
        .iter()
        .filter(|finding| finding.differences == [Difference::NotRestarted])
        .map(|finding| finding.control.item.as_str())
        .collect();
    let expected = [
        "1.2.3", "1.2.5", "1.2.9", "1.2.15", "1.2.16", "1.2.17", "1.2.18", "1.2.19", "1.2.27", "1.2.28",
        "1.2.29", "1.2.30", "1.3.1", "1.3.2", "1.4.1", "3.2.1",
    ];
    // The encryption config was not read: no running process names it. So that one cannot be compared.
    let expected: Vec<&str> = expected.into_iter().filter(|item| *item != "1.2.28").collect();
    assert_eq!(differ, expected);
}

#[test]
fn kubeadms_record_is_compared() {
    let mut host = hardened();
    host.restart();
    let kubelet = std::fs::read_to_string(
        std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("inventories/quickstart/cp-1/var/lib/kubelet/config.yaml"),
    )
    .unwrap();
    let configuration = "apiVersion: kubeadm.k8s.io/v1beta4\nkind: ClusterConfiguration\napiServer:\n  extraArgs:\n  - {name: profiling, value: \"false\"}\netcd:\n  local: {dataDir: /var/lib/etcd}\n";
    let cluster = ClusterEvidence {
        config_maps: [
            (ConfigMapKey::ClusterConfiguration, configuration.to_owned()),
            (ConfigMapKey::KubeletConfiguration, kubelet),
        ]
        .into(),
        ..ClusterEvidence::default()
    };
    let report = report("cis-1.12", &[control_plane(&host)], Some(&cluster), &BTreeMap::new());
    let lost: Vec<&str> = report
        .findings
        .iter()
        .filter(|finding| finding.differences == [Difference::LostAtUpgrade])
        .map(|finding| finding.control.item.as_str())
        .collect();
    let expected = [
        "1.2.3", "1.2.5", "1.2.9", "1.2.16", "1.2.17", "1.2.18", "1.2.19", "1.2.27", "1.2.28", "1.2.29",
        "1.2.30", "1.3.1", "1.3.2", "1.4.1", "3.2.1", "4.2.12", "4.2.13", "4.2.14",
    ];
    assert_eq!(lost, expected);
    assert!(report.findings.iter().all(|finding| finding.differences.len() < 2));
}

#[test]
fn a_record_that_cannot_be_read_is_said() {
    let config_maps = [(ConfigMapKey::ClusterConfiguration, String::from("apiVersion: v9\n"))].into();
    let nodes = [control_plane(&Host::quickstart("cp-1"))];
    let report = report(
        "cis-1.12",
        &nodes,
        Some(&ClusterEvidence { config_maps, ..ClusterEvidence::default() }),
        &BTreeMap::new(),
    );
    assert_eq!(report.unreachable.len(), 1);
    assert!(report.unreachable[0].error.contains("kubeadm-config"), "{:?}", report.unreachable);
}

#[test]
fn nodes_are_judged_by_their_roles() {
    let nodes = [
        control_plane(&Host::quickstart("cp-1")),
        node("w-1", &Host::quickstart("w-1"), &[Role::Worker]),
        node("etcd-1", &Host::default(), &[Role::Etcd]),
    ];
    let report = report("cis-1.12", &nodes, None, &BTreeMap::new());
    let of = |node: &str| {
        let node = name(node);
        report.findings.iter().filter(move |finding| finding.node.as_ref() == Some(&node)).collect::<Vec<_>>()
    };
    assert_eq!(of("cp-1").len(), 60 + 7 + 1 + 25);
    assert_eq!(of("w-1").len(), 25);
    let failed = of("w-1").into_iter().filter(|finding| finding.verdict == Verdict::Fail);
    assert_eq!(failed.map(|finding| finding.control.item.as_str()).collect::<Vec<_>>(), ["4.1.1", "4.1.9"]);
    // etcd's own files are looked at where etcd is.
    assert_eq!(of("etcd-1").len(), 4 + 7);
    // Without the API nothing is said of section 5.
    assert_eq!(report.findings.iter().filter(|finding| finding.node.is_none()).count(), 4);
    // By control in the benchmark's order, then by node in the inventory's.
    let order: Vec<_> = report.findings.iter().map(|finding| finding.control.item.as_str()).collect();
    let controls: Vec<_> =
        Benchmark::named("cis-1.12").unwrap().controls().map(|control| control.item.as_str()).collect();
    let positions: Vec<_> =
        order.iter().map(|item| controls.iter().position(|other| other == item)).collect();
    assert!(positions.is_sorted());
}

#[test]
fn resources_that_claim_a_control_are_named() {
    let id = |text: &str| text.parse::<ControlId>().unwrap();
    let resource = |text: &str| BTreeSet::from([text.to_owned()]);
    let fixes = BTreeMap::from([
        (id("cis-1.12:1.2.15"), resource("static-pod.kube-apiserver")),
        (id("cis-2.0:1.2.15"), resource("file.mine")),
    ]);
    let nodes = [control_plane(&Host::quickstart("cp-1"))];
    let old = report("cis-1.12", &nodes, None, &fixes);
    assert_eq!(finding(&old, "1.2.15", Some("cp-1")).fixed_by, ["static-pod.kube-apiserver"]);
    assert!(finding(&old, "1.2.16", Some("cp-1")).fixed_by.is_empty());
    let new = report("cis-2.0", &nodes, None, &fixes);
    assert_eq!(finding(&new, "1.2.15", Some("cp-1")).fixed_by, ["file.mine", "static-pod.kube-apiserver"]);
}

#[test]
fn both_cis_benchmarks_judge_alike() {
    let nodes = [control_plane(&Host::quickstart("cp-1"))];
    let old = judged(&nodes);
    let new = report("cis-2.0", &nodes, Some(&ClusterEvidence::default()), &BTreeMap::new());
    assert_eq!(new.benchmark_title, "CIS Kubernetes Benchmark v2.0.1");
    assert!(new.findings.iter().all(|finding| finding.control.benchmark == "cis-2.0"));
    let verdicts =
        |report: &Report| report.findings.iter().map(|finding| finding.verdict).collect::<Vec<_>>();
    assert_eq!(verdicts(&new), verdicts(&old));
}

#[test]
fn a_benchmark_is_found_by_name_and_by_version() {
    for minor in Minor::OLDEST.0..=Minor::NEWEST.0 {
        assert_eq!(Benchmark::for_version(Minor(minor)).name, "cis-1.12");
    }
    let names: Vec<_> = Benchmark::all().iter().map(|benchmark| benchmark.name.as_str()).collect();
    assert_eq!(names, ["cis-1.12", "cis-2.0", "nsa-cisa-1.2"]);
    assert!(Benchmark::named("cis-1.13").is_none());
    let cis = Benchmark::named("cis-1.12").unwrap();
    assert_eq!(cis.controls().count(), 131);
    assert_eq!(cis.controls().filter(|control| control.scored).count(), 65);
    assert_eq!(cis.controls().filter(|control| control.test.is_mechanical()).count(), 92);
}
