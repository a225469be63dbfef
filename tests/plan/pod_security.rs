//! What a plan says of the pods that run: only when a default comes or gets stricter, and only of the namespaces that it is about.

use super::fixture::{inputs, inventory, ownership, path, present, resource};
use harden::inventory::{Minor, PodSecurityLevel, Role};
use harden::plan::pod_security::{PodSecurityDefault, notice, tightened};
use harden::plan::{Plan, build};
use harden::resource::{
    ClusterObjects, Content, Existing, FileSpec, FileState, Namespace, Pod, Resource, Spec,
};
use serde_json::{Value, json};

const PATH: &str = "/etc/kubernetes/admission/config.yaml";

/// As the template renders it.
fn configuration(level: &str, version: u32, exempt: &[&str]) -> String {
    let exempt: Vec<String> = exempt.iter().map(|name| format!("          - \"{name}\"")).collect();
    let exempt = exempt.join("\n");
    format!(
        "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins:\n  - name: EventRateLimit\n    \
         configuration:\n      kind: Configuration\n  - name: PodSecurity\n    configuration:\n      \
         apiVersion: pod-security.admission.config.k8s.io/v1\n      kind: PodSecurityConfiguration\n      defaults:\n        \
         enforce: \"{level}\"\n        enforce-version: v1.{version}\n      exemptions:\n        namespaces:\n{exempt}"
    )
}

fn file(text: &str) -> Resource {
    let spec = FileSpec {
        path: path(PATH),
        ownership: ownership("0600"),
        directory_mode: "0700".parse().unwrap(),
        content: Content::plain(text),
        sensitive_keys: Vec::new(),
        existing: Existing::Replaced,
    };
    resource("file.admission-config", Spec::File(spec), &[])
}

/// A plan of that file alone.
fn plan(before: &FileState, after: &str) -> Plan {
    let inventory = inventory(&[("cp", &[Role::ControlPlane, Role::Etcd]), ("w", &[Role::Worker])]);
    let mut inputs = inputs(&inventory);
    for (node, desired) in &mut inputs.desired {
        desired.resources = if node.as_str() == "cp" { vec![file(after)] } else { Vec::new() };
    }
    for observed in inputs.observed.values_mut() {
        observed.files.insert(path(PATH), before.clone());
    }
    build(inputs).unwrap()
}

fn baseline() -> String {
    configuration("baseline", 35, &["kube-system", "monitoring"])
}

#[test]
fn a_default_counts_when_it_comes_or_gets_stricter() {
    let without = "apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins: []\n";
    let privileged = configuration("privileged", 35, &["kube-system"]);
    for (before, after, counts) in [
        (FileState::Absent, baseline(), true),
        (present(without, "0600"), baseline(), true),
        (present(&privileged, "0600"), baseline(), true),
        (present(&baseline(), "0600"), configuration("restricted", 35, &["kube-system", "monitoring"]), true),
        (present(&baseline(), "0600"), configuration("baseline", 35, &["kube-system"]), true),
        (present(&baseline(), "0600"), configuration("baseline", 36, &["kube-system", "monitoring"]), true),
        // Nothing changes, nothing but the mode, it is loosened, there is none.
        (present(&baseline(), "0600"), baseline(), false),
        (present(&baseline(), "0644"), baseline(), false),
        (
            present(&baseline(), "0600"),
            configuration("baseline", 35, &["kube-system", "monitoring", "shop"]),
            false,
        ),
        (present(&configuration("restricted", 35, &["kube-system"]), "0600"), baseline(), false),
        (FileState::Absent, privileged.clone(), false),
        (FileState::Absent, without.to_owned(), false),
    ] {
        let found = tightened(&plan(&before, &after));
        assert_eq!(found.is_some(), counts, "{before:?} {after}");
        assert!(found.is_none_or(|found| Some(found) == PodSecurityDefault::read(&after)));
    }
}

#[test]
fn an_admission_configuration_is_read() {
    let read = PodSecurityDefault::read(&baseline()).unwrap();
    assert_eq!((read.enforce, read.version), (PodSecurityLevel::Baseline, Minor(35)));
    assert_eq!(read.exempt.iter().collect::<Vec<_>>(), ["kube-system", "monitoring"]);
    let latest = configuration("restricted", 35, &[]).replace("v1.35", "latest");
    let read = PodSecurityDefault::read(&latest).unwrap();
    assert_eq!((read.enforce, read.version), (PodSecurityLevel::Restricted, Minor::NEWEST));
    let elsewhere = "plugins:\n  - name: PodSecurity\n    path: pod-security.yaml\n";
    assert_eq!(PodSecurityDefault::read(elsewhere), None);
    assert_eq!(PodSecurityDefault::read(&baseline().replace("\"baseline\"", "\"strict\"")), None);
    for text in ["", "plugins:", "plugins: {}", "- a", "plugins: [{name: PodSecurity, configuration: null}]"]
    {
        assert_eq!(PodSecurityDefault::read(text), None, "{text}");
    }
}

fn pod(namespace: &str, name: &str, owner: Option<(&str, &str)>, spec: &Value) -> Pod {
    let owners: Vec<Value> = owner
        .iter()
        .map(|(kind, name)| json!({"kind": kind, "name": name, "controller": true, "apiVersion": "apps/v1"}))
        .collect();
    let hash = if owner.is_some_and(|(kind, _)| kind == "ReplicaSet") { "6d4c" } else { "" };
    let mut metadata = json!({"name": name, "namespace": namespace, "ownerReferences": owners});
    if !hash.is_empty() {
        metadata["labels"] = json!({"pod-template-hash": hash, "app": name});
    }
    serde_json::from_value(json!({"kind": "Pod", "metadata": metadata, "spec": spec})).unwrap()
}

fn namespace(name: &str, label: Option<&str>) -> Namespace {
    let mut metadata = json!({"name": name});
    if let Some(level) = label {
        metadata["labels"] = json!({"pod-security.kubernetes.io/enforce": level});
    }
    serde_json::from_value(json!({"kind": "Namespace", "metadata": metadata})).unwrap()
}

/// A cluster with something of everything.
fn objects() -> ClusterObjects {
    let host = |more: Value| {
        let mut spec = json!({"hostNetwork": true, "containers": [{"name": "c", "image": "i"}]});
        spec.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        spec
    };
    let plain = json!({"containers": [{"name": "c", "image": "i"}]});
    let node = json!({"volumes": [{"name": "root", "hostPath": {"path": "/"}}], "hostPID": true});
    ClusterObjects {
        namespaces: vec![
            namespace("shop", None),
            namespace("monitoring", None),
            namespace("storage", Some("privileged")),
            namespace("kube-system", None),
        ],
        pods: vec![
            pod("shop", "web-6d4c-x", Some(("ReplicaSet", "web-6d4c")), &host(json!({}))),
            pod("shop", "web-6d4c-y", Some(("ReplicaSet", "web-6d4c")), &host(json!({}))),
            pod("shop", "db-0", Some(("StatefulSet", "db")), &plain),
            pod("shop", "by-hand", None, &host(json!({}))),
            pod("monitoring", "node-exporter-a", Some(("DaemonSet", "node-exporter")), &host(node.clone())),
            pod("storage", "csi-a", Some(("DaemonSet", "csi")), &host(node.clone())),
            pod("kube-system", "kube-proxy-a", Some(("DaemonSet", "kube-proxy")), &host(node)),
        ],
        ..ClusterObjects::default()
    }
}

fn said(level: &str, exempt: &[&str], objects: &ClusterObjects) -> Option<String> {
    let default = PodSecurityDefault::read(&configuration(level, 35, exempt)).unwrap();
    notice(&default, &objects.namespaces, &objects.pods)
}

#[test]
fn workloads_are_named_with_what_is_in_the_way() {
    assert_eq!(
        said("baseline", &["kube-system"], &objects()).unwrap(),
        "PodSecurity baseline will refuse these when they are created again: DaemonSet monitoring/node-exporter \
         (hostNetwork, hostPID, hostPath), Deployment shop/web (hostNetwork) and Pod shop/by-hand (hostNetwork); exempt their \
         namespaces (monitoring, shop) with [admission.pod-security] exempt-namespaces, or label them \
         pod-security.kubernetes.io/enforce"
    );
    let one = said("baseline", &["kube-system", "shop"], &objects()).unwrap();
    assert!(
        one.contains("again: DaemonSet monitoring/node-exporter (hostNetwork, hostPID, hostPath); exempt")
    );
    assert_eq!(said("baseline", &["kube-system", "shop", "monitoring"], &objects()), None);
    let strict = said("restricted", &["kube-system", "monitoring"], &objects()).unwrap();
    let database = "StatefulSet shop/db (capabilities, seccomp, allowPrivilegeEscalation, runAsNonRoot)";
    assert!(strict.contains(database), "{strict}");
    assert!(!strict.contains("storage"), "its own label counts: {strict}");
    assert_eq!(said("baseline", &[], &ClusterObjects::default()), None);
}

#[test]
fn the_rest_of_many_is_counted() {
    let mut objects = objects();
    for number in 10..40 {
        let name = format!("job-{number}");
        objects.pods.push(pod("shop", &name, None, &json!({"hostIPC": true})));
    }
    let text = said("baseline", &["kube-system"], &objects).unwrap();
    assert!(text.contains("(hostIPC) and 23 more; exempt their namespaces (monitoring, shop)"), "{text}");
    assert_eq!(text.matches("Pod shop/").count(), 8);
}
