//! One report in which everything occurs, and the inventory that it belongs to.

use crate::plans::name;
use crate::support::findings::{inventory_of, nodes};
use harden::drift::{
    Cause, CauseKind, CertificateExpiry, Class, FORMAT_VERSION, FailedApply, Ignore, Ignored, Item,
    LastApply, NodeReport, NodeState, Report,
};
use harden::inventory::Inventory;
use harden::plan::Action;

/// 2026-11-24 10:40 UTC.
pub(super) const NOW: i64 = 1_795_516_800;
/// 2026-11-24 08:45 UTC.
const CHANGED: i64 = NOW - 6_900;

/// Texts that whoever has a node could put into its logs and files.
pub(super) const HOSTILE: [&str; 7] = [
    "<script>alert(1)</script>",
    "\"' onmouseover='alert(2) \\",
    "]]>&amp;<!-- {{ x }} {% raw %}",
    "\u{1b}[2J\u{9b}31m\u{202e}txt.exe\r\nDrift: nothing\u{0}\u{ffff}",
    "[click](https://evil.example) ![x](http://evil.example/x.png) @all #1",
    "| a | `b` | ~~~\n```\n````md\n</details>",
    "# HELP harden_run_success\nharden_run_success{cluster=\"prod\"} 1",
];

pub(super) fn inventory() -> Inventory {
    let nodes = nodes(&[
        ("cp-1", "192.0.2.1", &["control-plane", "etcd"]),
        ("cp-2", "192.0.2.2", &["control-plane"]),
        ("w-1", "192.0.2.3", &["worker"]),
        ("w-2", "192.0.2.4", &["worker"]),
        ("w-3", "192.0.2.5", &["worker"]),
        ("w-4", "192.0.2.6", &["worker"]),
        ("w-5", "192.0.2.7", &["worker"]),
    ]);
    inventory_of(&format!(
        "# Clusters of the company.\n[cluster]\nname = \"prod\"\nkubernetes = \"1.35\"\n{nodes}"
    ))
}

pub(super) fn item(resource: &str, class: Class, subject: &str, what: &str) -> Item {
    Item {
        resource: resource.to_owned(),
        class,
        action: Action::Change,
        subject: subject.to_owned(),
        what: vec![what.to_owned()],
        before: None,
        after: None,
        sensitive: false,
        since: None,
        cause: None,
        evidence: Vec::new(),
        controls: Vec::new(),
        ignored: None,
        known: false,
    }
}

pub(super) fn read(node: &str, items: Vec<Item>) -> NodeReport {
    let certificates = ["/etc/kubernetes/pki/apiserver.crt", "/etc/kubernetes/pki/\"odd\\name\".crt"];
    let certificates =
        certificates.map(|path| CertificateExpiry { path: path.to_owned(), not_after: 1_800_000_000 });
    let applied = LastApply {
        by: String::from("ops@bastion"),
        at: NOW - 400_000,
        transaction: String::from("20261119T193320Z-4f1a"),
    };
    let certificates = if node.starts_with("cp") { certificates.into() } else { Vec::new() };
    let state = NodeState::Read { items, applied: Some(applied), failed_apply: None, certificates };
    NodeReport { node: name(node), state }
}

/// A flag that was edited by hand.
fn manifest() -> Item {
    let before = "spec:\n  containers:\n  - command:\n    - kube-apiserver\n    - --profiling=true\n    - --secure-port=6443\n";
    Item {
        before: Some(before.to_owned()),
        after: Some(before.replace("--profiling=true", "--profiling=false")),
        since: Some(CHANGED),
        cause: Some(Cause {
            kind: CauseKind::KubeadmUpgrade,
            text: String::from("kubeadm upgrade, 2026-11-24 08:45"),
        }),
        evidence: (1..=4)
            .map(|n| format!("Nov 24 08:45:0{n} cp-1 sudo: eve : COMMAND=/usr/bin/vi"))
            .collect(),
        controls: vec![String::from("cis-1.12:1.2.15"), String::from("cis-1.12:1.2.16")],
        ..item(
            "static-pod.kube-apiserver",
            Class::Drift,
            "/etc/kubernetes/manifests/kube-apiserver.yaml",
            "--profiling is true, wanted false",
        )
    }
}

fn kubelet(class: Class) -> Item {
    Item {
        before: Some(String::from("readOnlyPort: 10255\nrotateCertificates: true\n")),
        after: Some(String::from("readOnlyPort: 0\nrotateCertificates: true\n")),
        since: Some(CHANGED + 120),
        ..item("yaml-keys.kubelet", class, "/var/lib/kubelet/config.yaml", "readOnlyPort is 10255, wanted 0")
    }
}

fn sensitive() -> Item {
    Item {
        sensitive: true,
        before: Some(String::from("secret: sha256:0123456789abcdef0123456789abcdef\n")),
        after: Some(String::from("secret: sha256:fedcba9876543210fedcba9876543210\n")),
        ..item(
            "file.encryption-config",
            Class::Both,
            "/etc/kubernetes/encryption/config.yaml",
            "the key differs",
        )
    }
}

fn pending() -> Item {
    let item = item("unit.auditd", Class::Pending, "auditd.service", "it is not enabled");
    Item { action: Action::Add, after: Some(String::from("[Unit]\nDescription=x\n")), ..item }
}

fn ignored() -> Item {
    let ignored = Ignored {
        reason: String::from("the vendor's agent writes it"),
        expires: Some(String::from("2027-01-31")),
    };
    let item = item("attributes.motd", Class::Drift, "/etc/motd", "mode 0664 → 0644");
    Item { ignored: Some(ignored), since: Some(CHANGED), ..item }
}

fn known() -> Item {
    let item = item("sysctl.network", Class::Drift, "/etc/sysctl.d/90-harden.conf", "it is gone");
    Item { action: Action::Remove, known: true, ..item }
}

/// What a node says of itself, as bad as it can be.
fn hostile() -> Vec<Item> {
    let texts = HOSTILE.iter().enumerate();
    texts
        .map(|(number, text)| Item {
            before: Some(format!("a\n{text}\n")),
            after: Some(String::from("a\nb\n")),
            evidence: vec![(*text).to_owned()],
            cause: Some(Cause { kind: CauseKind::Package, text: (*text).to_owned() }),
            ..item(&format!("file.site-{number}"), Class::Drift, &format!("/opt/{text}"), text)
        })
        .collect()
}

pub(super) fn ignores() -> Vec<Ignore> {
    let ignore = |of: &str, reason: &str, expires: Option<&str>, expired: bool, count: usize| Ignore {
        of: of.to_owned(),
        ignored: Ignored { reason: reason.to_owned(), expires: expires.map(str::to_owned) },
        expired,
        count,
    };
    vec![
        ignore("/etc/motd", "the vendor's agent writes it", Some("2027-01-31"), false, 2),
        ignore("/etc/issue", "until the image is rebuilt", Some("2026-11-01"), true, 1),
        ignore("/etc/never", "it was there once", None, false, 0),
    ]
}

/// A report of a quiet cluster.
pub(crate) fn quiet() -> Report {
    Report {
        format_version: FORMAT_VERSION.to_owned(),
        harden_version: String::from("0.1.0"),
        cluster: String::from("prod"),
        started: NOW,
        milliseconds: 2_345,
        nodes: ["cp-1", "cp-2", "w-1"].map(|node| read(node, Vec::new())).into(),
        ..Report::default()
    }
}

/// The report.
pub(crate) fn report() -> Report {
    let later = |item: Item| Item { since: item.since.map(|at| at + 3_600), evidence: Vec::new(), ..item };
    let mut broken = read("w-1", vec![ignored(), known()]);
    if let NodeState::Read { failed_apply, applied, .. } = &mut broken.state {
        *applied = None;
        *failed_apply = Some(FailedApply {
            transaction: String::from("20261124T071000Z-77aa"),
            by: String::from("ci@runner"),
            state: String::from("FAILED to be put back by its own timer"),
        });
    }
    let object = item(
        "object.kube-proxy",
        Class::Drift,
        "ConfigMap kube-system/kube-proxy",
        "metricsBindAddress differs",
    );
    let record = item(
        "object.kubeadm-config",
        Class::Pending,
        "ConfigMap kube-system/kubeadm-config",
        "--profiling is missing",
    );
    Report {
        since_last: Some(NOW - 3_600),
        nodes: vec![
            read("cp-1", vec![pending(), manifest(), kubelet(Class::Drift), sensitive(), ignored()]),
            read("cp-2", vec![pending(), later(manifest()), later(kubelet(Class::Drift)), sensitive()]),
            broken,
            read("w-2", hostile()),
            NodeReport {
                node: name("w-3"),
                state: NodeState::Busy { by: String::from("ops@bastion\u{1b}[31m"), since: NOW - 60 },
            },
            NodeReport {
                node: name("w-4"),
                state: NodeState::Unreachable {
                    error: String::from("connect to 192.0.2.6:22: \u{1b}connection refused"),
                    hint: Some(String::from("look whether sshd runs there")),
                },
            },
            read("w-5", Vec::new()),
        ],
        cluster_items: vec![record, object],
        ignores: ignores(),
        notices: vec![String::from("`[[drift.ignore]]` of /etc/never matched nothing: \u{1b}delete it")],
        ..quiet()
    }
}
