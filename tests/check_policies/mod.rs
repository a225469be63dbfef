//! Section 5, control by control: in NUMBER.yaml beside this file stand cases with the objects as Kubernetes prints them, on top of those
//! of a plain kubeadm 1.35 cluster (kubeadm-1.35.jsonl, from a real one) or of nothing at all.

mod plain;
mod size;

use harden::check::Verdict;
use harden::check::policies::judge;
use harden::resource::{ClusterEvidence, ClusterObjects};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::path::PathBuf;

/// Section 5 of cis-1.12 and cis-2.0, with how many items each part has.
const PARTS: &[(&str, usize)] = &[("5.1", 13), ("5.2", 12), ("5.3", 2), ("5.4", 2), ("5.5", 1), ("5.6", 4)];
/// What every control has a case for.
const NEEDED: &[&str] = &["passing", "failing", "absent", "tricky"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Case {
    /// One of the needed ones, and after a colon what is special about it.
    #[serde(rename = "case")]
    name: String,
    /// Whether the objects of a plain cluster are there too.
    #[serde(default = "yes")]
    plain: bool,
    #[serde(default)]
    objects: Vec<Value>,
    #[serde(default)]
    pod_security_default: Option<String>,
    #[serde(default)]
    pod_security_exempt: std::collections::BTreeSet<String>,
    verdict: Verdict,
    clean: bool,
    #[serde(default)]
    offenders: Vec<String>,
    /// Parts of the lines that must be there.
    #[serde(default)]
    evidence: Vec<String>,
}

fn yes() -> bool {
    true
}

fn items() -> impl Iterator<Item = String> {
    PARTS.iter().flat_map(|(part, items)| (1..=*items).map(move |item| format!("{part}.{item}")))
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/check_policies")
}

/// Sorts objects by what they are, as the API's lists would have them.
fn collect(objects: impl IntoIterator<Item = Value>) -> ClusterObjects {
    fn read<T: DeserializeOwned>(value: Value) -> T {
        let text = value.to_string();
        serde_json::from_value(value).unwrap_or_else(|error| panic!("{error}: {text}"))
    }
    let mut all = ClusterObjects::default();
    for object in objects {
        match object["kind"].as_str().unwrap() {
            "Role" | "ClusterRole" => all.roles.push(read(object)),
            "RoleBinding" | "ClusterRoleBinding" => all.bindings.push(read(object)),
            "ServiceAccount" => all.service_accounts.push(read(object)),
            "Pod" => all.pods.push(read(object)),
            "Namespace" => all.namespaces.push(read(object)),
            "NetworkPolicy" => all.network_policies.push(read(object)),
            "ValidatingWebhookConfiguration" => all.validating_webhooks.push(read(object)),
            "MutatingWebhookConfiguration" => all.mutating_webhooks.push(read(object)),
            "ValidatingAdmissionPolicy" => all.admission_policies.push(read(object)),
            "ValidatingAdmissionPolicyBinding" => all.admission_policy_bindings.push(read(object)),
            kind => panic!("nothing reads a {kind}"),
        }
    }
    all
}

fn plain_objects() -> Vec<Value> {
    let text = std::fs::read_to_string(folder().join("kubeadm-1.35.jsonl")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn evidence(objects: ClusterObjects) -> ClusterEvidence {
    ClusterEvidence { objects: Some(objects), ..ClusterEvidence::default() }
}

#[test]
fn every_case_is_judged_as_it_says() {
    let plain = plain_objects();
    let mut wrong = Vec::new();
    for item in items() {
        let path = folder().join(format!("{item}.yaml"));
        let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{item}: {error}"));
        let cases: Vec<Case> =
            serde_saphyr::from_str(&text).unwrap_or_else(|error| panic!("{item}: {error}"));
        for needed in NEEDED {
            assert!(cases.iter().any(|case| case.name.starts_with(needed)), "{item} has no {needed} case");
        }
        for case in cases {
            let mut objects = if case.plain { plain.clone() } else { Vec::new() };
            objects.extend(case.objects);
            let mut cluster = evidence(collect(objects));
            cluster.pod_security_default = case.pod_security_default;
            cluster.pod_security_exempt = case.pod_security_exempt;
            let found = judge(&item, &cluster).unwrap();
            let missing: Vec<_> = case
                .evidence
                .iter()
                .filter(|part| !found.evidence.iter().any(|line| line.contains(part.as_str())))
                .collect();
            let (verdict, clean, offenders) = (case.verdict, case.clean, &case.offenders);
            if (found.verdict, found.clean, &found.objects) != (verdict, clean, offenders)
                || !missing.is_empty()
            {
                let name = &case.name;
                wrong.push(format!("{item} {name}: {found:#?}, and not in its evidence: {missing:?}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn nothing_is_said_of_other_items_or_of_what_was_not_read() {
    let read = evidence(ClusterObjects::default());
    for item in ["1.1.1", "5", "5.1", "5.1.14", "5.2.13", "5.7.1", "55.1.1", ""] {
        assert_eq!(judge(item, &read), None, "{item}");
    }
    assert!(items().all(|item| judge(&item, &read).is_some()));
    assert!(items().all(|item| judge(&item, &ClusterEvidence::default()).is_none()));
}
