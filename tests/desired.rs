//! Templates to resources. Each folder below `tests/desired/` is a case: `case.toml` says what the inventory is, `templates/`
//! lies over the built-in ones, and `expected` holds what comes out: resources as JSON, or errors with their hints.
//! `HARDEN_UPDATE_EXPECTED=1` writes `expected` anew.

use harden::desired::{
    EncryptionInput, EncryptionPhase, FILE_ANNOTATION, Inputs, PkiInput, Selection, ServingInput,
    TemplateError, Templates, Versions, render,
};
use harden::error::Hint;
use harden::inventory::{
    Admission, ApiServer, Audit, AuditPolicy, Become, CaKeys, Cluster, Component, Connection, Drift,
    Encryption, EncryptionProvider, Etcd, EtcdTopology, Files, Host, Inventory, KubeProxy, KubeVip, Kubelet,
    Minor, Node, NodeName, Pki, PkiAlgorithm, PodSecurityLevel, Profile, Role, SshSettings, Timeouts,
};
use harden::resource::{ControlId, Desired, FlagValue, ResourceId, SecretRef, Spec, StoredPair};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What a case changes of the inventory.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
#[allow(clippy::struct_excessive_bools)]
pub(crate) struct Case {
    /// Which nodes' resources are expected; none means errors are.
    nodes: Vec<String>,
    /// Only resources whose id begins with one of these; all when it is empty.
    only: Vec<String>,
    kubernetes: Option<u32>,
    profile: Profile,
    audit: Option<AuditPolicy>,
    no_audit: bool,
    encryption: Option<String>,
    provider: EncryptionProvider,
    etcd_sans: Vec<String>,
    labels: BTreeMap<String, String>,
    apiserver_flags: BTreeMap<String, String>,
    etcd_flags: BTreeMap<String, String>,
    etcd_run_as_user: bool,
    /// Whether etcd is external: on two hosts of its own and beside one of two API servers.
    etcd_external: bool,
    /// The members that run already and are joined by etcd-2.
    etcd_joins: BTreeMap<String, Vec<String>>,
    scheduler_flags: BTreeMap<String, String>,
    controller_manager_flags: BTreeMap<String, String>,
    kubelet: serde_json::Map<String, serde_json::Value>,
    sshd: bool,
    /// Logged in to as, over SSH.
    login_user: Option<String>,
    /// The names that the API knows every node by, where its kubelet serves with a certificate of harden's.
    serving: Option<BTreeSet<String>>,
    /// Whether the API servers trust no other kubelets.
    trusted: bool,
    no_anonymous_cluster_info: bool,
    remove_super_admin_conf: bool,
    no_event_rate_limit: bool,
    no_pod_security: bool,
    enforce: Option<PodSecurityLevel>,
    exempt: Vec<String>,
    always_pull_images: Option<bool>,
    /// Only what satisfies these, or is one of these resources.
    controls: BTreeSet<ControlId>,
    targets: BTreeSet<ResourceId>,
    /// The controls that are switched off.
    off: BTreeSet<ControlId>,
    /// The versions that every kubelet and every API server was seen to have.
    seen_kubelet: Option<u32>,
    seen_apiserver: Option<u32>,
    /// The flags that every API server was seen to have.
    seen: BTreeMap<String, String>,
    /// Whether the CAs are in the store, where their keys are, of what algorithm, and who is about to join.
    managed: bool,
    ca_keys: CaKeys,
    algorithm: PkiAlgorithm,
    joining: Vec<String>,
    endpoint: Option<String>,
    apiserver_sans: Vec<String>,
    /// The network interface of kube-vip, where it holds the endpoint.
    kube_vip: Option<String>,
}

impl Case {
    /// The usual inventory without one part of the admission configuration.
    pub(crate) fn without(event_rate_limit: bool, pod_security: bool) -> Self {
        Self { no_event_rate_limit: event_rate_limit, no_pod_security: pod_security, ..Self::default() }
    }

    fn admission(&self) -> Admission {
        let mut admission = Admission::default();
        admission.event_rate_limit.enabled = !self.no_event_rate_limit;
        admission.pod_security.enabled = !self.no_pod_security;
        admission.pod_security.enforce = self.enforce.unwrap_or(admission.pod_security.enforce);
        admission.pod_security.exempt_namespaces.extend(self.exempt.clone());
        admission.always_pull_images = self.always_pull_images;
        admission
    }

    /// An inventory with an etcd that systemd runs.
    pub(crate) fn external() -> Self {
        Self { etcd_external: true, ..Self::default() }
    }

    /// The usual inventory with an audit policy and a phase of encryption.
    pub(crate) fn of(policy: AuditPolicy, phase: &str) -> Self {
        Self { audit: Some(policy), encryption: Some(phase.to_owned()), ..Self::default() }
    }
}

fn name(text: &str) -> NodeName {
    serde_json::from_value(text.into()).unwrap()
}

fn connection(case: &Case) -> Connection {
    let Some(user) = &case.login_user else {
        return Connection::Local { root: PathBuf::from("/nowhere") };
    };
    let second = Duration::from_secs(1);
    Connection::Ssh(Box::new(SshSettings {
        host: String::from("10.0.0.1"),
        port: 22,
        user: user.clone(),
        identity_file: None,
        known_hosts: Vec::new(),
        r#become: Become::Sudo,
        bastions: Vec::new(),
        timeouts: Timeouts { connect: second, handshake: second, command: second, node: second },
    }))
}

fn inventory(case: &Case) -> Inventory {
    let node = |text: &str, address: &str, roles: &[Role]| Node {
        name: name(text),
        address: address.to_owned(),
        roles: roles.iter().copied().collect(),
        labels: case.labels.clone(),
        taints: None,
        connection: connection(case),
        line: 1,
    };
    let both = [Role::ControlPlane, Role::Etcd];
    Inventory {
        apply: harden::inventory::Apply::default(),
        file: PathBuf::from("harden.toml"),
        cluster: Cluster {
            name: String::from("test"),
            kubernetes: Minor(case.kubernetes.unwrap_or(35)),
            endpoint: case.endpoint.clone(),
            profile: case.profile,
            line: 1,
        },
        nodes: if case.etcd_external {
            vec![
                node("cp-1", "10.0.0.11", &[Role::ControlPlane]),
                node("cp-2", "fd00::12", &both),
                node("etcd-1", "10.0.0.31", &[Role::Etcd]),
                node("etcd-2", "etcd-2.example.net", &[Role::Etcd]),
                node("w-1", "10.0.0.21", &[Role::Worker]),
            ]
        } else {
            vec![
                node("cp-1", "10.0.0.11", &both),
                node("cp-2", "10.0.0.12", &both),
                node("cp-3", "cp-3.example.net", &both),
                node("w-1", "10.0.0.21", &[Role::Worker]),
            ]
        },
        etcd: Etcd {
            topology: if case.etcd_external { EtcdTopology::External } else { EtcdTopology::Stacked },
            program: String::from("/usr/local/bin/etcd"),
            sans: case.etcd_sans.clone(),
            certificate_lifetime_days: 365,
            run_as_user: case.etcd_run_as_user,
            flags: case.etcd_flags.clone(),
        },
        apiserver: ApiServer {
            flags: case.apiserver_flags.clone(),
            sans: case.apiserver_sans.clone(),
            anonymous_cluster_info: !case.no_anonymous_cluster_info,
        },
        controller_manager: Component { flags: case.controller_manager_flags.clone() },
        scheduler: Component { flags: case.scheduler_flags.clone() },
        admission: case.admission(),
        audit: Audit {
            enabled: !case.no_audit,
            policy: case.audit.unwrap_or_default(),
            log_path: String::from("/var/log/kubernetes/audit/audit.log"),
            max_age: 30,
            max_backup: 10,
            max_size: 100,
        },
        encryption: Encryption { provider: case.provider, resources: vec![String::from("secrets")] },
        kubelet: Kubelet {
            serving_certificates: true,
            certificate_lifetime_days: 365,
            certificate_renew_before_days: 90,
            config: case.kubelet.clone(),
        },
        waivers: Vec::new(),
        drift: Drift::default(),
        switches: Vec::new(),
        host: Host { sshd: case.sshd, ..Host::default() },
        kube_proxy: KubeProxy { loopback_metrics: true, config: serde_json::Map::new() },
        flag_places: BTreeMap::new(),
        network: harden::inventory::Network::default(),
        pki: Pki { algorithm: case.algorithm, ca_keys: case.ca_keys, ..Pki::default() },
        bootstrap: harden::inventory::Bootstrap::default(),
        kube_vip: case.kube_vip.clone().map(|interface| KubeVip {
            image: String::from("registry.example/kube-vip:v1.0.1"),
            interface: Some(interface),
        }),
        files: Files { remove_super_admin_conf: case.remove_super_admin_conf },
    }
}

fn inputs(case: &Case) -> Inputs {
    let of_node = |names: &BTreeSet<String>| ServingInput {
        certificate: true,
        trusted: case.trusted,
        names: names.clone(),
    };
    let nodes = inventory(case).nodes;
    let serving =
        case.serving.as_ref().map(|names| nodes.into_iter().map(|node| (node.name, of_node(names))));
    let serving = serving.into_iter().flatten().collect();
    let nodes = ["cp-1", "cp-2", "cp-3"].map(name);
    let api_server_flags = nodes.into_iter().map(|node| (node, case.seen.clone())).collect();
    let component = |minor| (String::from("kube-apiserver"), Minor(minor));
    let seen_versions = Versions {
        kubelet: case.seen_kubelet.map(Minor),
        components: case.seen_apiserver.map(component).into_iter().collect(),
    };
    let versions = ["cp-1", "cp-2", "cp-3", "w-1"].map(|node| (name(node), seen_versions.clone())).into();
    let joins = Some((name("etcd-2"), case.etcd_joins.clone())).filter(|(_, members)| !members.is_empty());
    let etcd_joins = joins.into_iter().collect();
    let joining = case.joining.iter().map(|node| name(node)).collect();
    let pki = case.managed.then(pki);
    let seen = Inputs { api_server_flags, serving, versions, pki, joining, etcd_joins, ..Inputs::default() };
    let phase = match case.encryption.as_deref() {
        None => return seen,
        Some("read") => EncryptionPhase::Read,
        Some("write") => EncryptionPhase::Write,
        Some(other) => panic!("there is no phase {other}"),
    };
    let key = SecretRef { name: String::from("encryption/key-20261124"), sha256: Some("ab".repeat(32)) };
    Inputs { encryption: Some(EncryptionInput { key, phase }), ..seen }
}

/// The index of a store with the cluster's CAs.
fn pki() -> PkiInput {
    let pair = |name: &str, kind: &str| StoredPair {
        public: format!("-----BEGIN {kind}-----\n{name}\n-----END {kind}-----\n"),
        key: SecretRef { name: format!("pki/{name}"), sha256: Some("cd".repeat(32)) },
    };
    PkiInput {
        kubernetes_ca: pair("kubernetes-ca", "CERTIFICATE"),
        etcd_ca: pair("etcd-ca", "CERTIFICATE"),
        front_proxy_ca: pair("front-proxy-ca", "CERTIFICATE"),
        service_account: pair("service-account", "PUBLIC KEY"),
    }
}

fn show(desired: &Desired, only: &[String]) -> String {
    let mut text = String::new();
    for resource in &desired.resources {
        let id = resource.id.to_string();
        if only.is_empty() || only.iter().any(|prefix| id.starts_with(prefix)) {
            let Spec::File(file) = &resource.spec else {
                writeln!(text, "{}", serde_json::to_string_pretty(resource).unwrap()).unwrap();
                continue;
            };
            let mut without = resource.clone();
            let Spec::File(shown) = &mut without.spec else { unreachable!() };
            shown.content.text = String::from("(below)");
            let json = serde_json::to_string_pretty(&without).unwrap();
            writeln!(text, "{json}\n{}", file.content.text).unwrap();
        }
    }
    text
}

fn explain(errors: &[TemplateError]) -> String {
    let mut text = String::new();
    for error in errors {
        writeln!(text, "error: {error}").unwrap();
        if let Some(hint) = error.hint() {
            writeln!(text, "hint: {hint}").unwrap();
        }
    }
    text
}

fn run(folder: &Path) -> String {
    let case: Case = toml::from_str(&fs::read_to_string(folder.join("case.toml")).unwrap()).unwrap();
    let templates = match Templates::load(case.profile, Some(&folder.join("templates"))) {
        Ok(templates) => templates,
        Err(error) => return explain(&[error]).replace(folder.to_str().unwrap(), "CASE"),
    };
    let (controls, targets, off) = (case.controls.clone(), case.targets.clone(), case.off.clone());
    let inventory = inventory(&case);
    let templates = templates.select(Selection { controls, targets, off }, &inventory).unwrap();
    let errors = templates.validate(&inventory);
    if !errors.is_empty() || case.nodes.is_empty() {
        return explain(&errors);
    }
    let rendered = render(&templates, &inventory, &inputs(&case)).unwrap();
    let told = templates
        .selection_notices()
        .iter()
        .fold(String::new(), |text, notice| format!("{text}selection: {notice}\n"));
    case.nodes.iter().fold(told, |text, node| {
        let of_node = &rendered[&name(node)];
        format!(
            "{text}# {node}\n{}{}",
            of_node.notices.iter().fold(String::new(), |text, notice| format!("{text}notice: {notice}\n")),
            show(&of_node.desired, &case.only)
        )
    })
}

#[test]
fn cases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/desired");
    let mut folders: Vec<PathBuf> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    let mut failed = Vec::new();
    for folder in &folders {
        let (actual, file) = (run(folder), folder.join("expected"));
        if std::env::var_os("HARDEN_UPDATE_EXPECTED").is_some() {
            fs::write(&file, &actual).unwrap();
        }
        let expected = fs::read_to_string(&file).unwrap_or_default();
        if actual != expected {
            let difference = similar::TextDiff::from_lines(&expected, &actual);
            failed.push(format!("{}\n{}", folder.display(), difference.unified_diff()));
        }
    }
    assert!(folders.len() > 20);
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn rendered(case: &Case) -> BTreeMap<NodeName, Desired> {
    let templates = Templates::load(Profile::Default, None).unwrap();
    let all = render(&templates, &inventory(case), &inputs(case)).unwrap();
    all.into_iter().map(|(node, rendered)| (node, rendered.desired)).collect()
}

/// What one node of a case should have.
pub(crate) fn rendered_for(case: &Case, node: &str) -> Desired {
    rendered(case)[&name(node)].clone()
}

fn annotations(case: &Case, component: &str) -> BTreeMap<String, String> {
    let desired = &rendered(case)[&name("cp-1")];
    desired
        .resources
        .iter()
        .find_map(|resource| match &resource.spec {
            Spec::StaticPod(pod) if pod.component == component => Some(pod.annotations.clone()),
            _ => None,
        })
        .unwrap()
}

#[test]
fn rendering_twice_gives_the_same_bytes() {
    let case = Case { encryption: Some(String::from("write")), ..Case::default() };
    let bytes = || format!("{:?}", rendered(&case));
    assert_eq!(bytes(), bytes());
    let digest = || Templates::load(Profile::Default, None).unwrap().digest().to_owned();
    assert_eq!(digest(), digest());
}

#[test]
fn each_file_that_a_pod_reads_at_its_start_has_an_annotation_of_its_own() {
    let plain = annotations(&Case::default(), "kube-apiserver");
    let names: Vec<&str> = plain.keys().map(|name| name.strip_prefix(FILE_ANNOTATION).unwrap()).collect();
    assert_eq!(names, ["file.admission-config", "file.audit-policy", "file.authentication-config"]);
    let with = |change: &dyn Fn(&mut Case)| {
        let mut case = Case::default();
        change(&mut case);
        annotations(&case, "kube-apiserver")
    };
    // A file that is read at start-up only.
    let strict = with(&|case| case.audit = Some(AuditPolicy::Strict));
    let changed: Vec<&String> = plain.keys().filter(|name| plain[*name] != strict[*name]).collect();
    assert_eq!(changed, ["harden/file.audit-policy"]);
    // Flags change the manifest by themselves.
    assert_eq!(plain, with(&|case| drop(case.apiserver_flags.insert("v".into(), "2".into()))));
    // A file that is read again while the API server runs.
    assert_eq!(plain, with(&|case| case.encryption = Some("read".into())));
    assert!(annotations(&Case::default(), "kube-scheduler").is_empty());
}

#[test]
fn every_supported_version_renders_every_policy_and_phase() {
    let templates = Templates::load(Profile::Default, None).unwrap();
    for minor in Minor::OLDEST.0..=Minor::NEWEST.0 {
        for policy in [AuditPolicy::Default, AuditPolicy::Metadata, AuditPolicy::Strict] {
            for provider in
                [EncryptionProvider::Secretbox, EncryptionProvider::Aescbc, EncryptionProvider::None]
            {
                let case = Case { kubernetes: Some(minor), audit: Some(policy), provider, ..Case::default() };
                assert_eq!(explain(&templates.validate(&inventory(&case))), "", "1.{minor} {policy:?}");
            }
        }
    }
}

#[test]
fn every_part_renders_on_every_node_and_in_every_phase() {
    let load = || Templates::load(Profile::Default, None).unwrap();
    let all = load();
    let one = |control: &ControlId| Selection { controls: [control.clone()].into(), ..Selection::default() };
    let target = |id: &ResourceId| Selection { targets: [id.clone()].into(), ..Selection::default() };
    let off = |control: &ControlId| Selection { off: [control.clone()].into(), ..Selection::default() };
    let (controls, resources) = (all.controls(), all.resources());
    let parts = controls.iter().flat_map(|control| [one(control), off(control)]);
    let inventory = inventory(&Case::default());
    for part in parts.chain(resources.iter().map(target)) {
        let templates = load().select(part.clone(), &inventory).unwrap();
        assert!(templates.count() > 0 && templates.count() <= all.count(), "{part:?}");
        assert_eq!(templates.count() + templates.left_out(), all.count(), "{part:?}");
        assert_eq!(explain(&templates.validate(&inventory)), "", "{part:?}");
        assert!(part.targets.iter().all(|id| templates.wants(id)), "{part:?}");
    }
    let nothing = load().select(Selection::default(), &inventory).unwrap();
    assert_eq!((nothing.count(), nothing.left_out()), (all.count(), 0));
    assert!(nothing.selection_notices().is_empty());
}

/// The benchmark's own test of cis-1.12:1.2.28 is a grep for the line after the last `providers:`.
#[test]
fn the_benchmarks_grep_finds_the_provider() {
    for (phase, expected) in [("read", "identity"), ("write", "secretbox")] {
        let case = Case { encryption: Some(phase.to_owned()), ..Case::default() };
        let desired = &rendered(&case)[&name("cp-1")];
        let text = desired
            .resources
            .iter()
            .find_map(|resource| match &resource.spec {
                Spec::File(file) if file.path.as_str().ends_with("encryption/config.yaml") => {
                    Some(file.content.text.clone())
                }
                _ => None,
            })
            .unwrap();
        let line = text.rsplit("providers:\n").next().unwrap().lines().next().unwrap();
        assert!(line.contains(expected), "{phase}: {line}");
    }
}

#[test]
fn no_inventory_string_breaks_out_of_its_place() {
    let evil = "x\"\n    - --anonymous-auth=true\n# x";
    let mut case = Case { encryption: Some(String::from("write")), ..Case::default() };
    case.labels.insert(evil.to_owned(), evil.to_owned());
    let quiet = format!("{:?}", rendered(&Case { encryption: case.encryption.clone(), ..Case::default() }));
    assert_eq!(format!("{:?}", rendered(&case)), quiet);
    // Where a template does use the string, it is refused or stays one value.
    case.etcd_sans = vec![evil.to_owned()];
    let templates = Templates::load(Profile::Default, None).unwrap();
    let text = explain(&templates.validate(&inventory(&case)));
    assert!(text.contains("is neither a DNS name nor an IP address"), "{text}");
    let mut case = Case::default();
    case.kubelet.insert(String::from("clusterDomain"), evil.into());
    let config = rendered(&case)[&name("w-1")].resources.iter().find_map(|resource| match &resource.spec {
        Spec::YamlKeys(keys) => Some(keys.keys.clone()),
        _ => None,
    });
    assert_eq!(config.unwrap()["clusterDomain"], evil);
}

/// Every control is claimed at most once per resource, and the twelve that a plain kubeadm cluster fails are claimed but
/// for the kubelets' serving certificates.
#[test]
fn the_controls_that_kubeadm_fails_are_claimed() {
    let mut claimed = BTreeSet::new();
    for resource in &rendered(&Case::default())[&name("cp-1")].resources {
        claimed.extend(resource.controls.iter().map(|control| control.item.clone()));
        if let Spec::StaticPod(pod) = &resource.spec {
            for flag in &pod.flags {
                assert!(flag.controls.iter().all(|control| resource.controls.contains(control)));
                assert_ne!(flag.value, FlagValue::List { includes: Vec::new(), excludes: Vec::new() });
            }
        }
    }
    for item in [
        "1.1.12", "1.2.15", "1.2.16", "1.2.17", "1.2.18", "1.2.19", "1.2.30", "1.3.2", "1.4.1", "4.1.1",
        "4.1.9",
    ] {
        assert!(claimed.contains(item), "{item}");
    }
}

/// The kubelet finds its certificate by a link: the command that sets it does so in both directions.
#[test]
fn the_link_to_a_kubelets_certificate_follows_what_is_there() {
    let case = Case { managed: true, joining: vec![String::from("w-1")], ..Case::default() };
    let desired = rendered_for(&case, "w-1");
    let client = desired.resources.iter().find(|resource| resource.id.name == "kubelet-client").unwrap();
    let folder = tempfile::TempDir::new().unwrap();
    let [shell, option, text] = client.on_node.activate.as_slice() else { panic!() };
    let text = text.replace("/var/lib/kubelet/pki", folder.path().to_str().unwrap());
    fs::write(folder.path().join("systemctl"), "#!/bin/sh\nprintf . >>restarts\n").unwrap();
    let executable = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    fs::set_permissions(folder.path().join("systemctl"), executable).unwrap();
    let run = || {
        let path = format!("{}:/usr/bin:/bin", folder.path().display());
        let ran = std::process::Command::new(shell).args([option, &text]).env("PATH", path).output().unwrap();
        assert!(ran.status.success(), "{ran:?}");
        let link = fs::read_link(folder.path().join("kubelet-client-current.pem"));
        let restarts = fs::read_to_string(folder.path().join("restarts")).unwrap_or_default().len();
        (link.ok().map(|link| link.display().to_string()).unwrap_or_default(), restarts)
    };
    let ours = folder.path().join("kubelet-client-harden.pem");
    assert_eq!(run(), (String::new(), 0));
    fs::write(&ours, "").unwrap();
    assert_eq!(run(), (String::from("kubelet-client-harden.pem"), 1));
    assert_eq!(run(), (String::from("kubelet-client-harden.pem"), 1));
    for day in ["2025-01-02", "2026-01-02", "2025-03-04"] {
        fs::write(folder.path().join(format!("kubelet-client-{day}-00-00-00.pem")), "").unwrap();
    }
    assert_eq!(run().1, 1);
    // Taken away again: the newest of the kubelet's own.
    fs::remove_file(&ours).unwrap();
    assert_eq!(run(), (String::from("kubelet-client-2026-01-02-00-00-00.pem"), 2));
}
