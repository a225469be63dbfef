//! What a drift check makes of differences: what counts, what is new, who did it. Pure: reports are made here, and no node is asked.

use harden::drift::{
    CauseKind, Class, Found, Item, NodeReport, NodeState, Report, apply_ignores, compare, explain, processes,
    read,
};
use harden::inventory::{DriftIgnore, IgnoredThing, NodeName, parse};
use harden::resource::{
    Applied, AppliedResource, AuditEvent, CertificateFacts, CertificateState, FileKind, FileState,
    KeyAlgorithm, Mode, NodePath, Observed, ObservedContent, Package, PresentFile, Process, Times, Traces,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// 2026-11-24.
const NOW: i64 = 1_795_478_400;
const YEAR: i64 = 365 * 86_400;

fn name(text: &str) -> NodeName {
    serde_json::from_value(text.into()).unwrap()
}

fn path(text: &str) -> NodePath {
    text.parse().unwrap()
}

fn item(resource: &str, subject: &str, class: Class) -> Item {
    Item {
        resource: resource.to_owned(),
        subject: subject.to_owned(),
        class,
        what: vec![String::from("mode 0644 → 0600")],
        since: Some(NOW - 60),
        ..Item::default()
    }
}

fn report(nodes: &[(&str, Vec<Item>)]) -> Report {
    let node = |(node, items): &(&str, Vec<Item>)| NodeReport {
        node: name(node),
        state: NodeState::Read {
            items: items.clone(),
            applied: None,
            failed_apply: None,
            certificates: Vec::new(),
        },
    };
    Report {
        format_version: harden::drift::FORMAT_VERSION.to_owned(),
        cluster: String::from("prod"),
        started: NOW,
        nodes: nodes.iter().map(node).collect(),
        ..Report::default()
    }
}

/// As an inventory says them.
fn ignores(text: &str) -> Vec<DriftIgnore> {
    let text = format!(
        "[cluster]\nname = \"prod\"\nkubernetes = \"1.35\"\n\
         [[nodes]]\nname = \"cp-1\"\naddress = \"192.0.2.1\"\nroles = [\"control-plane\", \"etcd\"]\n\
         [[nodes]]\nname = \"w-1\"\naddress = \"192.0.2.2\"\nroles = [\"worker\"]\n{text}"
    );
    parse(Path::new("harden.toml"), text.into_bytes(), None).unwrap().inventory.drift.ignores
}

#[test]
fn what_is_ignored_is_counted_and_does_not_count() {
    let ignores = ignores(
        "[[drift.ignore]]\npath = \"/etc/a*\"\nreason = \"one\"\nexpires = 2026-11-24\n\
         [[drift.ignore]]\nresource = \"file.b\"\nnodes = [\"worker\"]\nreason = \"two\"\n\
         [[drift.ignore]]\npath = \"/etc/c\"\nreason = \"three\"\nexpires = 2026-11-23\n",
    );
    assert_eq!(ignores[0].of, IgnoredThing::Path(String::from("/etc/a*")));
    let items = || {
        vec![
            item("file.a", "/etc/a.conf", Class::Drift),
            item("file.a2", "/etc/a2.conf", Class::Pending),
            item("file.b", "/etc/b", Class::Both),
            item("file.c", "/etc/c", Class::Drift),
        ]
    };
    let mut report = report(&[("cp-1", items()), ("w-1", items())]);
    apply_ignores(&mut report, &ignores, NOW);
    let counts: Vec<_> = report.ignores.iter().map(|ignore| (ignore.count, ignore.expired)).collect();
    assert_eq!(counts, [(2, false), (1, false), (2, true)]);
    let summary = report.summary();
    // b on the control plane, and c on both, whose last day is over.
    assert_eq!((summary.drift, summary.ignored, summary.pending), (3, 3, 4));
    assert_eq!(report.nodes[1].items()[2].ignored.as_ref().unwrap().reason, "two");
    assert!(report.nodes[0].items()[2].ignored.is_none());
}

#[test]
fn only_what_is_new_counts_against_an_earlier_report() {
    let old = vec![item("file.a", "/etc/a", Class::Drift), item("file.b", "/etc/b", Class::Pending)];
    let last = read(&serde_json::to_string(&report(&[("w-1", old.clone())])).unwrap()).unwrap();
    let mut again = old.clone();
    // Changed once more; drifted now; on another node.
    again.push(Item { since: Some(NOW), ..item("file.a", "/etc/a", Class::Drift) });
    again.push(item("file.b", "/etc/b", Class::Both));
    let mut now = report(&[("w-1", again), ("w-2", old)]);
    compare(&mut now, &last).unwrap();
    let known: Vec<bool> = now.items().map(|(_, item)| item.known).collect();
    assert_eq!(known, [true, false, false, false, false, false]);
    assert_eq!((now.summary().drift, now.summary().known, now.since_last), (3, 1, Some(NOW)));

    let mut other = Report { cluster: String::from("test"), ..report(&[]) };
    assert!(compare(&mut other, &last).unwrap_err().to_string().contains("`prod`, and not of `test`"));
    assert!(read("{\"format_version\": \"1.0\"}").unwrap_err().to_string().contains("its format is 1.0"));
    for text in ["", "{}", "[]", "no", "{\"format_version\": \"2.0\"}"] {
        assert!(read(text).is_err(), "{text}");
    }
}

fn present(sha256: &str, modified: i64, text: &str) -> FileState {
    FileState::Present(PresentFile {
        kind: FileKind::File,
        mode: Mode(0o600),
        owner: String::from("root"),
        group: String::from("root"),
        sha256: sha256.to_owned(),
        modified,
        content: ObservedContent::Text(text.to_owned()),
    })
}

fn certificate(not_after: i64) -> CertificateState {
    CertificateState::Present(CertificateFacts {
        common_name: String::from("kube-apiserver"),
        organizations: BTreeSet::new(),
        dns_names: BTreeSet::new(),
        addresses: BTreeSet::new(),
        usages: BTreeSet::new(),
        algorithm: KeyAlgorithm::Rsa2048,
        not_before: 0,
        not_after,
        serial: String::from("01"),
        signed_by_issuer: true,
    })
}

fn found(resource: &str, at: &str, attributes_only: bool) -> Found {
    Found { item: item(resource, at, Class::Drift), paths: vec![path(at)], attributes_only }
}

#[test]
fn who_did_it_is_recognised() {
    const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";
    const CERTIFICATE: &str = "/etc/kubernetes/pki/apiserver.crt";
    const UNIT: &str = "/usr/lib/systemd/system/kubelet.service";
    const EDITED: &str = "/usr/lib/systemd/system/other.service";
    let mut all = [
        found("static-pod.kube-apiserver", MANIFEST, false),
        found("certificate.apiserver", CERTIFICATE, false),
        found("attributes.kubelet-unit", UNIT, true),
        found("attributes.other", EDITED, true),
    ];
    let times = |modified, changed| Times { modified, changed };
    let package = |name: &str, is_as_packaged| Package { name: name.to_owned(), is_as_packaged };
    let traces = Traces {
        times: BTreeMap::from([
            (path(MANIFEST), times(NOW + 30, NOW + 40)),
            (path(CERTIFICATE), times(NOW + 5, NOW + 5)),
            (path(UNIT), times(NOW - YEAR, NOW + 7)),
            (path(EDITED), times(NOW, NOW + 9)),
        ]),
        packages: BTreeMap::from([
            (path(UNIT), package("kubelet", true)),
            (path(EDITED), package("other", false)),
        ]),
        package_lines: BTreeMap::from([
            (String::from("kubelet"), String::from("2026-11-24 upgrade kubelet:amd64 1.35.3 1.35.4")),
            (String::from("other"), String::from("2026-11-24 upgrade other:amd64 1 2")),
        ]),
        audit: BTreeMap::from([(
            path(MANIFEST),
            AuditEvent {
                at: NOW + 30,
                login_user: String::from("1000"),
                program: String::from("/usr/bin/kubeadm"),
            },
        )]),
        kubeadm: vec![(NOW, String::from("/etc/kubernetes/tmp/kubeadm-backup-manifests-1"))],
    };
    let mut observed = Observed::default();
    observed.files.insert(path(CERTIFICATE), present("new", NOW + 5, ""));
    observed.certificates.insert(path(CERTIFICATE), certificate(NOW + YEAR));
    explain(&mut all, &traces, &observed);
    let kinds: Vec<_> = all.iter().map(|found| found.item.cause.as_ref().map(|cause| cause.kind)).collect();
    assert_eq!(
        kinds,
        [Some(CauseKind::KubeadmUpgrade), Some(CauseKind::KubeadmRenewal), Some(CauseKind::Package), None]
    );
    let since: Vec<_> = all.iter().map(|found| found.item.since).collect();
    assert_eq!(since, [Some(NOW + 30), Some(NOW + 5), Some(NOW + 7), Some(NOW + 9)]);
    assert_eq!(
        all[0].item.evidence,
        ["audit.log: /usr/bin/kubeadm by login user 1000, 2026-11-24 00:00:30 UTC"]
    );
    assert_eq!(all[2].item.evidence, ["2026-11-24 upgrade kubelet:amd64 1.35.3 1.35.4"]);
    assert!(all[3].item.evidence.is_empty(), "the package did not do that");

    // What only the inventory changed is nobody's doing, whatever the same node's logs say of its paths.
    let mut pending = [found("certificate.apiserver", CERTIFICATE, false)];
    pending[0].item.class = Class::Pending;
    pending[0].item.since = None;
    explain(&mut pending, &traces, &observed);
    assert_eq!((&pending[0].item.cause, pending[0].item.since), (&None, None));

    // harden issues for a year as well, and knows its own.
    let left = AppliedResource {
        files: BTreeMap::from([(path(CERTIFICATE), String::from("new"))]),
        ..AppliedResource::default()
    };
    let resources = BTreeMap::from([("certificate.apiserver".parse().unwrap(), left)]);
    observed.applied = Some(Applied { resources, ..Applied::default() });
    let mut own = [found("certificate.apiserver", CERTIFICATE, false)];
    explain(&mut own, &traces, &observed);
    assert_eq!(own[0].item.cause, None);
}

#[test]
fn a_process_is_judged_by_its_manifest() {
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: kube-scheduler\nspec:\n  containers:\n  - name: kube-scheduler\n    \
                    command:\n    - kube-scheduler\n    - --profiling=false\n";
    let mut observed = Observed::default();
    observed.files.insert(path("/etc/kubernetes/manifests/kube-scheduler.yaml"), present("x", NOW, manifest));
    let process = |flags: &[&str]| Process {
        program: String::from("kube-scheduler"),
        pid: 1,
        command: [&["kube-scheduler"], flags].concat().into_iter().map(str::to_owned).collect(),
        environment: BTreeMap::new(),
    };
    let right = process(&["--profiling=false"]);
    let wrong = process(&["--profiling=true", "--v=9"]);
    assert!(
        processes(&observed, &[]).is_empty() && processes(&observed, std::slice::from_ref(&right)).is_empty()
    );
    assert!(processes(&observed, &[wrong.clone(), right]).is_empty(), "one is replaced by the other");
    let items = processes(&observed, &[wrong]);
    assert_eq!((items[0].resource.as_str(), items[0].class), ("process.kube-scheduler", Class::Drift));
    assert_eq!(
        items[0].what,
        [
            "runs with --profiling=true --v=9, which its manifest has not",
            "runs without --profiling=false of its manifest"
        ]
    );
}
