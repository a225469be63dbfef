//! What PodSecurity would refuse: the standards field by field (cases.yaml beside this file).
use harden::inventory::{Minor, PodSecurityLevel};
use harden::plan::pod_security::violations;
use harden::resource::Pod;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    #[serde(rename = "case")]
    name: String,
    #[serde(default = "usual")]
    version: u32,
    /// Whether the pod sets nothing by itself.
    #[serde(default)]
    bare: bool,
    #[serde(default)]
    annotations: Value,
    #[serde(default)]
    spec: Value,
    #[serde(default)]
    container: Value,
    baseline: Vec<String>,
    restricted: Vec<String>,
}

fn usual() -> u32 {
    35
}

/// A pod as the API shows it.
fn pod(case: &Case) -> Value {
    let mut pod = json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "web", "namespace": "shop", "uid": "7c5f1c0e-0000-4000-8000-000000000001"},
        "spec": {"containers": [{"name": "main", "image": "nginx", "resources": {}}], "restartPolicy": "Always"},
        "status": {"phase": "Running"},
    });
    if !case.bare {
        pod["spec"]["securityContext"] =
            json!({"runAsNonRoot": true, "seccompProfile": {"type": "RuntimeDefault"}});
        pod["spec"]["containers"][0]["securityContext"] =
            json!({"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}});
    }
    pod["metadata"]["annotations"] = case.annotations.clone();
    for (key, value) in case.spec.as_object().into_iter().flatten() {
        pod["spec"][key] = value.clone();
    }
    let container = &mut pod["spec"]["containers"][0];
    for (key, value) in case.container.as_object().into_iter().flatten() {
        match value.as_object() {
            Some(fields) if key == "securityContext" => {
                fields.iter().for_each(|(field, value)| container[key][field] = value.clone());
            }
            _ => container[key] = value.clone(),
        }
    }
    pod
}

fn cases() -> Vec<Case> {
    serde_saphyr::from_str(include_str!("cases.yaml")).unwrap()
}

#[test]
fn every_case_is_judged_as_it_says() {
    let mut wrong = Vec::new();
    for case in cases() {
        let text = pod(&case).to_string();
        let seen: Pod = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", case.name));
        for (level, wanted) in
            [(PodSecurityLevel::Baseline, &case.baseline), (PodSecurityLevel::Restricted, &case.restricted)]
        {
            let found = violations(&seen, level, Minor(case.version));
            if found != *wanted {
                wrong.push(format!("{}, {level}: {found:?} instead of {wanted:?}", case.name));
            }
        }
        assert!(violations(&seen, PodSecurityLevel::Privileged, Minor(case.version)).is_empty());
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A field that no case breaks is not tested.
#[test]
fn every_field_is_broken_by_some_case() {
    let broken: BTreeSet<String> =
        cases().into_iter().flat_map(|case| case.baseline.into_iter().chain(case.restricted)).collect();
    let fields = [
        "AppArmor",
        "SELinux",
        "allowPrivilegeEscalation",
        "capabilities",
        "hostIPC",
        "hostNetwork",
        "hostPID",
        "hostPath",
        "hostPort",
        "hostProcess",
        "privileged",
        "probe host",
        "procMount",
        "runAsNonRoot",
        "runAsUser",
        "seccomp",
        "sysctls",
        "volume types",
    ];
    assert_eq!(broken.iter().map(String::as_str).collect::<Vec<_>>(), fields);
}
