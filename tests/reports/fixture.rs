//! One report in which everything occurs, and the inventory that it belongs to.

use crate::support::findings::{self, finding, inventory_of, nodes};
use harden::check::{Difference, FORMAT_VERSION, Finding, Report, Unread, Verdict, apply_waivers};
use harden::inventory::{Inventory, NodeName};

/// 2026-11-24 10:40 UTC.
pub(super) const NOW: i64 = 1_795_516_800;

const CLUSTER: &str = r#"# Clusters of the company.
[cluster]
name = "prod"
kubernetes = "1.35"
"#;

const WAIVERS: &str = r#"
[[waivers]]
control = "cis-1.12:1.1.9"
reason = "the CNI plugin writes these at run time"

[[waivers]]
control = "cis-1.12:1.2.11"
nodes = ["control-plane"]
reason = "every image comes from our own registry"
expires = 2027-01-31

[[waivers]]
control = "cis-1.12:4.1.*"
nodes = ["worker"]
reason = "until the image is rebuilt"
expires = 2026-11-23

[[waivers]]
control = "cis-1.12:5.2.2"
objects = ["monitoring/*"]
reason = "the exporters need it"
"#;

/// Names that whoever may create objects in the cluster could choose, or could try to.
pub(super) const HOSTILE: [&str; 5] = [
    "default/<script>alert(1)</script>",
    "default/\"' onmouseover='alert(2)",
    "default/]]>&amp;<!--",
    "default/\u{1b}[2J\u{202e}txt.exe\nPASS",
    "default/[click](https://evil.example)",
];

pub(super) fn inventory() -> Inventory {
    let nodes = nodes(&[
        ("cp-1", "192.0.2.1", &["control-plane", "etcd"]),
        ("cp-2", "192.0.2.2", &["control-plane"]),
        ("w-1", "192.0.2.3", &["worker"]),
        ("w-2", "192.0.2.4", &["worker"]),
    ]);
    inventory_of(&[CLUSTER, &nodes, WAIVERS].concat())
}

fn name(text: &str) -> NodeName {
    serde_json::from_value(text.into()).unwrap()
}

fn failing(from: Finding, remedy: &str, fixed_by: &[&str]) -> Finding {
    Finding {
        remedy: remedy.to_owned(),
        fixed_by: fixed_by.iter().map(ToString::to_string).collect(),
        ..findings::failing(from, &[])
    }
}

fn warning(from: Finding, remedy: &str) -> Finding {
    Finding { scored: false, verdict: Verdict::Warn, ..failing(from, remedy, &[]) }
}

fn control_plane() -> Vec<Finding> {
    let files = "1.1 Control Plane Node Configuration Files";
    let server = "1.2 API Server";
    let cni = |node| {
        let title =
            "Ensure that the Container Network Interface file permissions are set to 600 or more restrictive";
        warning(
            finding("1.1.9", title, files, node, "/etc/cni/net.d/10-flannel.conflist has mode 0644"),
            "chmod 600 it",
        )
    };
    let profiling = |node| finding("1.2.16", "Ensure that --profiling is set to false", server, node, "");
    let fix = "Edit /etc/kubernetes/manifests/kube-apiserver.yaml and set\n    --profiling=false";
    let data = "Ensure that the etcd data directory ownership is set to etcd:etcd";
    let pull = |node| {
        let title = "Ensure that the admission control plugin AlwaysPullImages is set";
        warning(
            finding("1.2.11", title, server, node, "--enable-admission-plugins=NodeRestriction"),
            "Enable it",
        )
    };
    let anonymous = |node| {
        let evidence = "kube-apiserver runs with --anonymous-auth=false";
        finding("1.2.1", "Ensure that --anonymous-auth is set to false", server, node, evidence)
    };
    vec![
        cni("cp-1"),
        cni("cp-2"),
        failing(
            finding("1.1.12", data, files, "cp-1", "/var/lib/etcd belongs to root:root"),
            "chown etcd:etcd /var/lib/etcd",
            &["attributes.etcd-data", "sysctl.etcd"],
        ),
        anonymous("cp-1"),
        Finding {
            differences: vec![Difference::LostAtUpgrade],
            evidence: vec![
                String::from("kube-apiserver runs with --anonymous-auth=false"),
                String::from("kubeadm-config has no anonymous-auth"),
            ],
            ..anonymous("cp-2")
        },
        pull("cp-1"),
        pull("cp-2"),
        Finding {
            evidence: vec![String::from("kube-apiserver runs with --profiling=true")],
            ..failing(profiling("cp-1"), fix, &["static-pod.kube-apiserver"])
        },
        Finding {
            differences: vec![Difference::NotRestarted, Difference::LostAtUpgrade],
            evidence: vec![
                String::from("the manifest has --profiling=false"),
                String::from("kube-apiserver runs without --profiling"),
            ],
            ..failing(profiling("cp-2"), fix, &["static-pod.kube-apiserver"])
        },
    ]
}

fn worker_and_cluster() -> Vec<Finding> {
    let policies = "5.2 Pod Security Standards";
    let privileged = Finding {
        objects: HOSTILE
            .map(str::to_owned)
            .into_iter()
            .chain([String::from("monitoring/exporter")])
            .collect(),
        clean: Some(false),
        ..warning(
            finding(
                "5.2.2",
                "Minimize the admission of privileged containers",
                policies,
                "-",
                "6 pods are privileged",
            ),
            "Set PodSecurity to baseline",
        )
    };
    let ours = Finding {
        clean: Some(true),
        ..warning(
            finding(
                "5.2.5",
                "Minimize the admission of containers on the host network",
                policies,
                "-",
                "7 pods, all of Kubernetes itself",
            ),
            "Set PodSecurity to baseline",
        )
    };
    let many = Finding {
        objects: (1..=14).map(|number| format!("apps/web-{number}")).collect(),
        clean: Some(false),
        ..warning(
            finding(
                "5.2.8",
                "Minimize the admission of containers with NET_RAW",
                policies,
                "-",
                "14 pods keep NET_RAW",
            ),
            "Drop it",
        )
    };
    let overlooked = Finding {
        objects: vec![String::from("apps/escaped")],
        clean: Some(false),
        remedy: String::from("Do not escape"),
        ..finding(
            "5.2.12",
            "Minimize the admission of HostPath volumes",
            policies,
            "-",
            "1 pod through a claim",
        )
    };
    vec![
        failing(
            finding(
                "4.1.1",
                "Ensure that the kubelet service file permissions are set to 600 or more restrictive",
                "4.1 Worker Node Configuration Files",
                "w-1",
                "/usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf has mode 0644",
            ),
            "chmod 600 it",
            &["attributes.kubelet-unit"],
        ),
        finding(
            "4.2.1",
            "Ensure that --anonymous-auth is set to false",
            "4.2 Kubelet",
            "w-1",
            "/var/lib/kubelet/config.yaml has authentication.anonymous.enabled: false",
        ),
        privileged,
        ours,
        many,
        overlooked,
    ]
}

/// The report before waivers.
pub(super) fn bare() -> Report {
    Report {
        format_version: FORMAT_VERSION.to_owned(),
        cluster: String::from("prod"),
        benchmark: String::from("cis-1.12"),
        benchmark_title: String::from("CIS Kubernetes Benchmark v1.12"),
        created: NOW,
        findings: control_plane().into_iter().chain(worker_and_cluster()).collect(),
        unreachable: vec![
            Unread {
                node: Some(name("w-2")),
                error: String::from("connect to 192.0.2.4:22: \u{1b}connection refused"),
            },
            Unread { node: None, error: String::from("the API does not answer: 503 <html>") },
        ],
        notes: vec![String::from("the waiver of cis-1.12:1.2.9 on line 24 matches nothing: \u{1b}delete it")],
    }
}

/// The report.
pub(super) fn report() -> Report {
    let mut report = bare();
    apply_waivers(&mut report, &inventory().waivers, NOW);
    report
}
