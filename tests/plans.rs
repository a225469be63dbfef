//! Plans built by hand, for the suites that show them.

use harden::inventory::NodeName;
use harden::plan::{
    Action, Change, ClusterChange, ClusterOperation, FORMAT_VERSION, Gate, NodePlan, Origin, Plan,
    StageTitle, Unreachable, Wave,
};
use harden::resource::{RenderedWith, Undo};

pub(crate) fn name(text: &str) -> NodeName {
    serde_json::from_value(text.into()).unwrap()
}

pub(crate) fn change(resource: &str, subject: &str) -> Change {
    Change {
        resource: resource.parse().unwrap(),
        action: Action::Change,
        subject: subject.to_owned(),
        reasons: Vec::new(),
        edits: Vec::new(),
        restarts: Vec::new(),
        before: None,
        after: None,
        sensitive: false,
        origin: Origin::New,
        controls: Vec::new(),
        undo: Undo::Full,
        operations: Vec::new(),
        desired: String::from("00"),
    }
}

pub(crate) fn manifest(address: &str) -> Change {
    let before = format!(
        "spec:\n  containers:\n  - command:\n    - kube-apiserver\n    - --advertise-address={address}\n    - --allow-privileged=true\n    \
         - --authorization-mode=Node,RBAC\n    - --client-ca-file=/etc/kubernetes/pki/ca.crt\n    - --enable-admission-plugins=NodeRestriction\n    \
         - --profiling=true\n    - --secure-port=6443\n"
    );
    let after = before
        .replace("NodeRestriction", "NodeRestriction,AlwaysPullImages")
        .replace("--profiling=true", "--profiling=false");
    Change {
        reasons: vec![String::from("mode 0644 → 0600"), String::from("owner kube:kube → root:root")],
        edits: vec![
            String::from("--profiling: true → false"),
            String::from("--enable-admission-plugins lacks AlwaysPullImages"),
        ],
        restarts: vec![String::from("kube-apiserver")],
        before: Some(before),
        after: Some(after),
        origin: Origin::Drift,
        controls: ["cis-1.12:1.2.11", "cis-1.12:1.2.15"].map(|it| it.parse().unwrap()).into(),
        ..change("static-pod.kube-apiserver", "/etc/kubernetes/manifests/kube-apiserver.yaml")
    }
}

pub(crate) fn policy(rules: usize) -> Change {
    let rules: Vec<_> = (1..=rules).map(|n| format!("- level: Metadata # {n}\n")).collect();
    let rules = rules.concat();
    Change {
        action: Action::Add,
        after: Some(format!("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n{rules}")),
        origin: Origin::Pending,
        ..change("file.audit-policy", "/etc/kubernetes/audit/policy.yaml")
    }
}

fn encryption() -> Change {
    let text = |digit: &str| {
        format!("keys:\n- name: key-1\n  secret: sha256:{}\n- name: identity\n", digit.repeat(64))
    };
    Change {
        before: Some(text("a")),
        after: Some(text("b")),
        sensitive: true,
        origin: Origin::Both,
        undo: Undo::None,
        ..change("file.encryption", "/etc/kubernetes/enc/enc.yaml")
    }
}

pub(crate) fn kubelet() -> Change {
    Change {
        edits: vec![String::from("anonymous.enabled: true → false")],
        restarts: vec![String::from("kubelet.service")],
        before: Some(String::from("anonymous:\n  enabled: true\n")),
        after: Some(String::from("anonymous:\n  enabled: false")),
        controls: vec!["cis-1.12:4.2.1".parse().unwrap()],
        ..change("yaml-keys.kubelet", "/var/lib/kubelet/config.yaml")
    }
}

fn attributes() -> Change {
    Change {
        reasons: vec![String::from("/etc/kubernetes/pki/ca.key: mode 0644 → 0600")],
        ..change("attributes.pki", "/etc/kubernetes/pki/ca.key")
    }
}

fn removed() -> Change {
    Change {
        action: Action::Remove,
        before: Some(String::from("old: true\n")),
        ..change("file.old", "/etc/kubernetes/old.yaml")
    }
}

pub(crate) fn node(node: &str, changes: Vec<Change>) -> NodePlan {
    let has = |part: &str| changes.iter().any(|change| change.subject.contains(part));
    let units = has("kubelet").then(|| String::from("kubelet.service"));
    let pods = has("kube-apiserver.yaml").then(|| String::from("kube-apiserver"));
    let ready = Gate::NodeReady { node: name(node) };
    let answers = Gate::ApiServerReady { node: name(node) };
    NodePlan {
        node: name(node),
        drain: None,
        before: vec![ready.clone()],
        between: Vec::new(),
        after: if pods.is_some() { vec![answers, ready] } else { vec![ready] },
        restart_units: units.into_iter().collect(),
        restart_pods: pods.into_iter().collect(),
        changes,
        unchanged: std::collections::BTreeMap::new(),
        rollback_after: Some(600),
        rendered_with: RenderedWith::default(),
        undoes: None,
    }
}

pub(crate) fn wave(title: &str, nodes: Vec<NodePlan>) -> Wave {
    Wave { title: title.to_owned(), nodes }
}

pub(crate) fn stage(name: &str, title: &str) -> StageTitle {
    StageTitle { name: name.to_owned(), title: title.to_owned() }
}

pub(crate) fn plan(waves: Vec<Wave>) -> Plan {
    Plan {
        format_version: FORMAT_VERSION.to_owned(),
        harden_version: String::from("0.1.0"),
        cluster: String::from("prod"),
        created: 1_795_521_662,
        inputs: "c0ffee".repeat(8),
        stage: stage("settings", "every setting of the inventory"),
        remaining: Vec::new(),
        joins: Vec::new(),
        waves,
        cluster_changes: Vec::new(),
        gates: Vec::new(),
        in_sync: Vec::new(),
        unreachable: Vec::new(),
        partial: false,
        notices: Vec::new(),
    }
}

/// Everything that a plan can hold.
pub(crate) fn whole() -> Plan {
    let first = node(
        "cp-1",
        vec![manifest("10.77.0.11"), policy(40), encryption(), kubelet(), attributes(), removed()],
    );
    let mut workers = vec![node("w-1", vec![kubelet()]), node("w-2", vec![kubelet()])];
    workers[1].changes[0].origin = Origin::Drift;
    Plan {
        stage: stage("encryption-read", "every API server learns the new key"),
        remaining: vec![
            stage("encryption-write", "new Secrets are encrypted"),
            stage("encryption-rewrite", "old Secrets are encrypted"),
        ],
        cluster_changes: vec![
            ClusterChange {
                resource: "object.kubeadm-config".parse().unwrap(),
                action: Action::Change,
                subject: String::from("ConfigMap kube-system/kubeadm-config"),
                reasons: vec![String::from("apiServer.extraArgs lacks profiling")],
                before: Some(String::from("apiServer: {}\n")),
                after: Some(String::from(
                    "apiServer:\n  extraArgs:\n  - name: profiling\n    value: \"false\"\n",
                )),
                controls: Vec::new(),
                undo: Undo::Full,
                operation: ClusterOperation::ReplaceConfigMapKey {
                    namespace: String::from("kube-system"),
                    name: String::from("kubeadm-config"),
                    key: String::from("ClusterConfiguration"),
                    value: String::from("…"),
                    resource_version: String::from("17"),
                },
            },
            ClusterChange {
                resource: "object.secrets".parse().unwrap(),
                action: Action::Change,
                subject: String::from("every Secret"),
                reasons: vec![String::from("312 are stored in plain text")],
                before: None,
                after: None,
                controls: vec!["cis-1.12:1.2.27".parse().unwrap()],
                undo: Undo::None,
                operation: ClusterOperation::RewriteEncrypted {
                    resources: vec![String::from("secrets")],
                    prefix: String::from("k8s:enc:secretbox:v1:key-1:"),
                },
            },
        ],
        gates: vec![
            Gate::EtcdHealthy { node: name("cp-1") },
            Gate::EtcdHealthy { node: name("cp-2") },
            Gate::NodeReady { node: name("w-1") },
        ],
        in_sync: vec![name("cp-2"), name("w-3")],
        unreachable: vec![Unreachable {
            node: name("w-4"),
            error: String::from("connect to 10.77.0.24:22: connection refused"),
            hint: Some(String::from("start it")),
        }],
        partial: false,
        notices: vec![String::from("--repair-malformed-updates does not exist in Kubernetes 1.35")],
        ..plan(vec![wave("canary control-plane node", vec![first]), wave("workers", workers)])
    }
}

/// Nodes of which most get the same changes.
pub(crate) fn alike() -> Plan {
    let changes = |address: &str| vec![manifest(address), policy(2), kubelet()];
    let single = |title: &str, node: NodePlan| wave(title, vec![node]);
    let mut odd = kubelet();
    odd.origin = Origin::Drift;
    plan(vec![
        single("canary control-plane node", node("cp-1", changes("10.77.0.11"))),
        single("control-plane node", node("cp-2", changes("10.77.0.12"))),
        single("control-plane node", node("cp-3", changes("10.77.0.11"))),
        single("canary worker", node("w-1", vec![kubelet()])),
        wave(
            "workers",
            vec![node("w-2", vec![kubelet()]), node("w-3", vec![odd]), node("w-4", vec![removed()])],
        ),
    ])
}
