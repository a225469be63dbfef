//! Whether something decides which pods may run, and whether something looks at where their images come from.

use super::evaluation::{Evaluation, count};
use super::{namespaces, shipped};
use crate::resource::{
    AdmissionPolicy, ClusterEvidence, ClusterObjects, OperationRule, Pod, WebhookConfiguration,
};

const ENFORCE_LABEL: &str = "pod-security.kubernetes.io/enforce";
/// Levels that forbid something.
const LEVELS: &[&str] = &["baseline", "restricted"];
/// Parts of the names of webhooks that verify images and do nothing else.
const IMAGE_VERIFIERS: &[&str] =
    &["connaisseur", "cosign", "image-policy", "ivpol", "notation", "portieris", "ratify", "sigstore"];

/// Whether the requests are those that make pods.
fn covers_pods(rules: &[OperationRule]) -> bool {
    let has = |list: &[String], wanted: &[&str]| list.iter().any(|word| wanted.contains(&word.as_str()));
    rules.iter().any(|rule| {
        has(&rule.api_groups, &["", "*"])
            && has(&rule.operations, &["CREATE", "*"])
            && has(&rule.resources, &["pods", "*", "*/*"])
    })
}

fn guards_pods(configuration: &WebhookConfiguration) -> bool {
    configuration.webhooks.iter().any(|webhook| covers_pods(&webhook.rules))
}

/// The policies on pods that are in force.
fn policies_in_force(objects: &ClusterObjects) -> impl Iterator<Item = &AdmissionPolicy> {
    objects.admission_policies.iter().filter(|policy| {
        let mut bindings = objects.admission_policy_bindings.iter();
        covers_pods(&policy.rules)
            && bindings.any(|binding| binding.denies && binding.policy == policy.metadata.name)
    })
}

/// The API servers that switch an admission plugin on or off by that flag.
fn api_servers_with(objects: &ClusterObjects, flag: &str, plugin: &str) -> Vec<String> {
    let switches = |word: &String| {
        let plugins = word.strip_prefix(flag).and_then(|rest| rest.strip_prefix('='));
        plugins.is_some_and(|plugins| plugins.split(',').any(|name| name == plugin))
    };
    let servers = objects.pods.iter().filter(|pod| {
        shipped::pod(pod) && pod.spec.containers.iter().any(|c| c.admission_flags.iter().any(switches))
    });
    servers.map(Pod::workload).collect()
}

/// 5.2.1: namespaces with pods of the user for which nothing decides what a pod may be.
pub(super) fn policy_mechanism(objects: &ClusterObjects, cluster: &ClusterEvidence) -> Evaluation {
    let default_level = cluster.pod_security_default.as_deref();
    let in_use = namespaces::in_use(objects);
    let mut evaluation = Evaluation::of(format!("{} with pods of yours", count(in_use.len(), "namespace")));
    let mut guards: Vec<String> = objects
        .validating_webhooks
        .iter()
        .filter(|configuration| guards_pods(configuration))
        .map(|guard| format!("ValidatingWebhookConfiguration {}", guard.metadata.name))
        .collect();
    let policies = policies_in_force(objects);
    guards.extend(policies.map(|policy| format!("ValidatingAdmissionPolicy {}", policy.metadata.name)));
    evaluation.notes.extend(guards.iter().map(|guard| format!("{guard} decides on pods")));
    let is_off = api_servers_with(objects, "--disable-admission-plugins", "PodSecurity");
    evaluation.notes.extend(is_off.iter().map(|server| format!("{server} has PodSecurity switched off")));
    if let Some(level) = default_level {
        evaluation.notes.push(format!("PodSecurity enforces {level} where no label says otherwise"));
    }
    if !guards.is_empty() {
        return evaluation;
    }
    for namespace in objects.namespaces.iter().map(|namespace| &namespace.metadata) {
        let label = namespace.labels.get(ENFORCE_LABEL).map(String::as_str);
        let is_exempt = cluster.pod_security_exempt.contains(&namespace.name);
        let is_guarded = is_off.is_empty()
            && !is_exempt
            && label.or(default_level).is_some_and(|level| LEVELS.contains(&level));
        // Pods of kube-system need what the levels forbid.
        if is_guarded || namespace.name == "kube-system" || !in_use.contains(namespace.name.as_str()) {
            continue;
        }
        let level = match label {
            _ if is_exempt => String::from("exempt"),
            Some(level) => format!("enforce: {level}"),
            None => String::from("no label"),
        };
        evaluation.offenders.insert(format!("Namespace {}: {level}", namespace.name));
    }
    evaluation
}

/// 5.5.1: whether something looks at where images come from. A policy engine alone proves nothing: its own policies decide.
pub(super) fn image_provenance(objects: &ClusterObjects) -> Evaluation {
    let webhooks = objects.validating_webhooks.len() + objects.mutating_webhooks.len();
    let policies = objects.admission_policies.len();
    let mut evaluation = Evaluation::of(format!(
        "{} and {}",
        count(webhooks, "webhook configuration"),
        if policies == 1 {
            String::from("1 admission policy")
        } else {
            format!("{policies} admission policies")
        }
    ));
    let servers = api_servers_with(objects, "--enable-admission-plugins", "ImagePolicyWebhook");
    evaluation.notes.extend(servers.iter().map(|server| format!("{server} asks an ImagePolicyWebhook")));
    for configuration in objects.validating_webhooks.iter().chain(&objects.mutating_webhooks) {
        let names = configuration.webhooks.iter().map(|webhook| &webhook.name);
        let mut names = names.chain([&configuration.metadata.name]);
        if names.any(|name| IMAGE_VERIFIERS.iter().any(|part| name.contains(part))) {
            evaluation
                .notes
                .push(format!("webhook configuration {} verifies images", configuration.metadata.name));
        }
    }
    let on_images = policies_in_force(objects).filter(|policy| policy.is_on_images);
    evaluation.notes.extend(
        on_images
            .map(|policy| format!("ValidatingAdmissionPolicy {} decides on images", policy.metadata.name)),
    );
    if evaluation.notes.is_empty() {
        evaluation.missing = Some("nothing that is known to verify images was found");
    }
    evaluation
}
