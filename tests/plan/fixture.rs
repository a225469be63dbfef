//! An inventory, and a plain kubeadm node of each role with one resource of every kind.

use harden::inventory::{
    Admission, ApiServer, Audit, Cluster, Component, Connection, Drift, Encryption, EncryptionProvider, Etcd,
    Files, Inventory, KubeProxy, Kubelet, Minor, Node, NodeName, Profile, Role,
};
use harden::plan::wave::MaxUnavailable;
use harden::plan::{Inputs, StageTitle, sha256};
use harden::resource::*;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

pub(super) const NOW: i64 = 1_795_478_400;
pub(super) const API: &str = include_str!("kubeadm-1.35/kube-apiserver.yaml");
pub(super) const KUBELET: &str = include_str!("kubeadm-1.35/kubelet-config-file.yaml");
pub(super) const API_PATH: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";
pub(super) const KUBELET_PATH: &str = "/var/lib/kubelet/config.yaml";
pub(super) const CERTIFICATE_PATH: &str = "/etc/kubernetes/pki/etcd/server.crt";

pub(super) fn name(text: &str) -> NodeName {
    serde_json::from_value(json!(text)).unwrap()
}

pub(super) fn path(text: &str) -> NodePath {
    text.parse().unwrap()
}

pub(super) fn inventory(nodes: &[(&str, &[Role])]) -> Inventory {
    Inventory {
        apply: harden::inventory::Apply::default(),
        file: "harden.toml".into(),
        cluster: Cluster {
            name: "test".into(),
            kubernetes: Minor(35),
            endpoint: None,
            profile: Profile::Default,
            line: 1,
        },
        nodes: nodes
            .iter()
            .map(|(node, roles)| Node {
                name: name(node),
                address: String::from("10.0.0.1"),
                roles: roles.iter().copied().collect(),
                labels: BTreeMap::new(),
                taints: None,
                connection: Connection::Local { root: "/nowhere".into() },
                line: 1,
            })
            .collect(),
        etcd: Etcd {
            topology: harden::inventory::EtcdTopology::Stacked,
            program: String::from("/usr/local/bin/etcd"),
            sans: vec![],
            certificate_lifetime_days: 365,
            run_as_user: false,
            flags: BTreeMap::new(),
        },
        apiserver: ApiServer { flags: BTreeMap::new(), sans: vec![], anonymous_cluster_info: true },
        controller_manager: Component::default(),
        scheduler: Component::default(),
        admission: Admission::default(),
        audit: Audit {
            enabled: true,
            policy: harden::inventory::AuditPolicy::Default,
            log_path: String::new(),
            max_age: 30,
            max_backup: 10,
            max_size: 100,
        },
        encryption: Encryption { provider: EncryptionProvider::None, resources: vec![] },
        kubelet: Kubelet {
            serving_certificates: true,
            certificate_lifetime_days: 365,
            certificate_renew_before_days: 90,
            config: serde_json::Map::new(),
        },
        waivers: Vec::new(),
        drift: Drift::default(),
        switches: Vec::new(),
        host: harden::inventory::Host::default(),
        kube_proxy: KubeProxy { loopback_metrics: true, config: serde_json::Map::new() },
        files: Files::default(),
        network: harden::inventory::Network::default(),
        pki: harden::inventory::Pki::default(),
        bootstrap: harden::inventory::Bootstrap::default(),
        kube_vip: None,
        flag_places: BTreeMap::new(),
    }
}

pub(super) fn ownership(mode: &str) -> Ownership {
    Ownership { owner: "root".into(), group: "root".into(), mode: mode.parse().unwrap() }
}

pub(super) fn resource(id: &str, spec: Spec, restarts: &[&str]) -> Resource {
    Resource {
        id: id.parse().unwrap(),
        spec,
        restarts: restarts.iter().map(ToString::to_string).collect(),
        controls: vec!["cis-1.12:1.2.16".parse().unwrap()],
        undo: Undo::Full,
        templates: vec![],
        on_node: OnNode::default(),
        notices: Vec::new(),
    }
}

pub(super) fn is(name: &str, value: &str) -> FlagSpec {
    FlagSpec {
        name: name.into(),
        value: FlagValue::Is(value.into()),
        controls: vec![],
        templates: vec!["t".into()],
    }
}

pub(super) fn static_pod() -> StaticPodSpec {
    StaticPodSpec {
        component: "kube-apiserver".into(),
        path: path(API_PATH),
        ownership: ownership("0600"),
        flags: vec![
            is("audit-policy-file", "/etc/kubernetes/audit/policy.yaml"),
            FlagSpec {
                value: FlagValue::List { includes: vec!["EventRateLimit".into()], excludes: vec![] },
                ..is("enable-admission-plugins", "")
            },
            is("profiling", "false"),
        ],
        mounts: vec![MountSpec {
            name: "harden-audit".into(),
            path: path("/etc/kubernetes/audit"),
            mount_type: MountType::Directory,
            read_only: true,
        }],
        annotations: BTreeMap::from([("harden/file.audit-policy".into(), "r1".into())]),
        run_as: None,
    }
}

pub(super) fn certificate() -> CertificateSpec {
    CertificateSpec {
        path: path(CERTIFICATE_PATH),
        ownership: ownership("0644"),
        form: CertificateForm::Pair {
            key_path: path("/etc/kubernetes/pki/etcd/server.key"),
            key_ownership: ownership("0600"),
        },
        directory: None,
        issuer_path: path("/etc/kubernetes/pki/etcd/ca.crt"),
        issuer_key_path: path("/etc/kubernetes/pki/etcd/ca.key"),
        stored_issuer: None,
        common_name: "cp".into(),
        organizations: BTreeSet::new(),
        dns_names: BTreeSet::from(["cp".into(), "localhost".into()]),
        addresses: BTreeSet::from(["10.77.0.12".parse().unwrap(), "127.0.0.1".parse().unwrap()]),
        usages: BTreeSet::from([Usage::Server, Usage::Client]),
        algorithm: KeyAlgorithm::EcdsaP256,
        lifetime_days: 365,
        renew_before_days: 30,
    }
}

pub(super) fn facts(spec: &CertificateSpec) -> CertificateFacts {
    CertificateFacts {
        common_name: spec.common_name.clone(),
        organizations: spec.organizations.clone(),
        dns_names: spec.dns_names.clone(),
        addresses: spec.addresses.clone(),
        usages: spec.usages.clone(),
        algorithm: spec.algorithm,
        not_before: NOW,
        not_after: NOW + 86_400 * i64::from(spec.lifetime_days),
        serial: "01".into(),
        signed_by_issuer: true,
    }
}

pub(super) fn secret_file() -> FileSpec {
    let secret = SecretRef { name: "encryption/key-1".into(), sha256: Some("ab".repeat(32)) };
    FileSpec {
        path: path("/etc/kubernetes/encryption/config.yaml"),
        ownership: ownership("0600"),
        directory_mode: "0700".parse().unwrap(),
        content: Content { text: format!("secret: {}\n", secret.token()), secrets: vec![secret] },
        sensitive_keys: vec!["secret".into()],
        existing: Existing::Replaced,
    }
}

pub(super) fn policy() -> FileSpec {
    FileSpec {
        path: path("/etc/kubernetes/audit/policy.yaml"),
        content: Content::plain("rules: []\n"),
        sensitive_keys: vec![],
        ..secret_file()
    }
}

pub(super) fn attributes() -> AttributesSpec {
    AttributesSpec {
        pattern: "/etc/kubernetes/pki/*.key".into(),
        owner: Some("root".into()),
        group: None,
        only_from_owner: None,
        mode: Some("0600".parse().unwrap()),
    }
}

pub(super) fn yaml_keys() -> YamlKeysSpec {
    YamlKeysSpec {
        path: path(KUBELET_PATH),
        ownership: ownership("0600"),
        keys: json!({"podPidsLimit": 4096, "tlsCertFile": "/var/lib/kubelet/pki/x.crt"})
            .as_object()
            .unwrap()
            .clone(),
        needs: BTreeMap::new(),
    }
}

pub(super) fn sysctl() -> SysctlSpec {
    SysctlSpec {
        path: path("/etc/sysctl.d/99-harden.conf"),
        ownership: ownership("0644"),
        values: BTreeMap::from([("kernel.panic".into(), "10".into()), ("net.x".into(), "1 2".into())]),
    }
}

pub(super) fn worker() -> Vec<Resource> {
    vec![
        resource("sysctl.kernel", Spec::Sysctl(sysctl()), &[]),
        resource("yaml-keys.kubelet", Spec::YamlKeys(yaml_keys()), &["kubelet.service"]),
        resource(
            "unit.containerd",
            Spec::Unit(UnitSpec {
                unit: "containerd.service".into(),
                enabled: Some(true),
                active: Some(true),
            }),
            &[],
        ),
    ]
}

pub(super) fn control_plane() -> Vec<Resource> {
    let mut all = vec![
        resource("file.audit-policy", Spec::File(policy()), &[]),
        resource(
            "file.encryption-config",
            Spec::File(secret_file()),
            &["kubelet.service", "containerd.service"],
        ),
        resource("attributes.pki", Spec::Attributes(attributes()), &[]),
        resource("certificate.etcd-server", Spec::Certificate(certificate()), &[]),
        resource("static-pod.kube-apiserver", Spec::StaticPod(static_pod()), &[]),
    ];
    all.extend(worker());
    all.push(resource("user.etcd", Spec::User(UserSpec { name: "etcd".into() }), &[]));
    all
}

pub(super) fn present(text: &str, mode: &str) -> FileState {
    FileState::Present(PresentFile {
        kind: FileKind::File,
        mode: mode.parse().unwrap(),
        owner: "root".into(),
        group: "root".into(),
        sha256: sha256(text.as_bytes()),
        modified: NOW,
        content: ObservedContent::Text(text.into()),
    })
}

/// A live node as kubeadm leaves it, asked for everything that [`control_plane`] speaks of.
pub(super) fn observed() -> Observed {
    let key = "/etc/kubernetes/pki/sa.key";
    let mut found = facts(&certificate());
    found.algorithm = KeyAlgorithm::Rsa2048;
    found.addresses.clear();
    Observed {
        running: BTreeMap::new(),
        authorities: BTreeMap::new(),
        facts: Facts { live: true, owners: true, systemd: true, clock: NOW, ..Facts::default() },
        files: [
            (API_PATH, present(API, "0600")),
            (KUBELET_PATH, present(KUBELET, "0644")),
            (CERTIFICATE_PATH, present("old certificate", "0644")),
            ("/etc/kubernetes/pki/etcd/server.key", present("old key", "0600")),
            (key, present("key", "0644")),
            ("/etc/kubernetes/audit/policy.yaml", FileState::Absent),
            ("/etc/kubernetes/encryption/config.yaml", FileState::Absent),
            ("/etc/sysctl.d/99-harden.conf", FileState::Absent),
        ]
        .into_iter()
        .map(|(at, state)| (path(at), state))
        .collect(),
        patterns: BTreeMap::from([("/etc/kubernetes/pki/*.key".into(), vec![path(key)])]),
        units: BTreeMap::from([(
            "containerd.service".into(),
            UnitState { load: "loaded".into(), active: "active".into(), enabled: "disabled".into() },
        )]),
        sysctls: BTreeMap::from([
            ("kernel.panic".into(), Some("0".into())),
            ("net.x".into(), Some("1\t2".into())),
        ]),
        fixed_sysctls: std::collections::BTreeSet::new(),
        users: BTreeMap::from([("etcd".into(), Some(UserState::default()))]),
        strays: BTreeMap::new(),
        kubeconfigs: BTreeMap::new(),
        certificates: BTreeMap::from([(path(CERTIFICATE_PATH), CertificateState::Present(found))]),
        applied: None,
    }
}

pub(super) fn stage() -> StageTitle {
    StageTitle { name: "configure".into(), title: "bring everything to the declared state".into() }
}

/// Inputs with all nodes observed as [`observed`] and wanted by their role.
pub(super) fn inputs(inventory: &Inventory) -> Inputs<'_> {
    let names = || inventory.nodes.iter().map(|node| node.name.clone());
    let desired = inventory.nodes.iter().map(|node| {
        let resources = if node.roles.contains(&Role::ControlPlane) { control_plane() } else { worker() };
        (node.name.clone(), Desired { resources })
    });
    Inputs {
        joining: harden::plan::join::Joining::default(),
        inventory,
        desired: desired.collect(),
        observed: names().map(|name| (name, observed())).collect(),
        unreachable: vec![],
        cluster: None,
        stage: stage(),
        remaining: vec![],
        stage_gates: vec![],
        stage_changes: vec![],
        partial: false,
        notices: vec![],
        now: NOW,
        digest: String::new(),
        limit: names().collect(),
        rendered_with: BTreeMap::new(),
        max_unavailable: MaxUnavailable::default(),
    }
}
