//! The eleven tests that kube-bench has for section 5 (cfg/cis-1.12/policies.yaml and cfg/cis-2.0), with their blind spots: Kubernetes' own
//! objects count, init containers do not, and where there is nothing to look at the test does not pass.

use super::accounts::Accounts;
use super::roles::Index;
use crate::resource::{ClusterObjects, Container, Pod, Rule};

/// Whether kube-bench's test passes; `None` where it has none.
pub(super) fn passes(item: &str, objects: &ClusterObjects) -> Option<bool> {
    Some(match item {
        "5.1.1" => each(&objects.bindings, |binding| {
            let is_namespaced = !binding.metadata.namespace.is_empty();
            is_namespaced
                || binding.role_ref.name != "cluster-admin"
                || binding.metadata.name == "cluster-admin"
        }),
        // kubectl takes `get,list,watch` for one verb, which only `*` allows.
        "5.1.2" => !everybody_may(objects, "get,list,watch", "secrets"),
        "5.1.3" => each(&objects.roles, |role| !role.rules.iter().any(has_lone_wildcard)),
        "5.1.4" => !everybody_may(objects, "create", "pods"),
        "5.1.5" => {
            let mut defaults =
                objects.service_accounts.iter().filter(|a| a.metadata.name == "default").peekable();
            defaults.peek().is_some() && defaults.all(|a| a.automount_service_account_token == Some(false))
        }
        "5.1.6" => {
            let accounts = Accounts::new(objects);
            each(&objects.pods, |pod| {
                let own = pod.spec.automount_service_account_token;
                match accounts.of(pod) {
                    Some(false) => own != Some(true),
                    Some(true) => own == Some(false),
                    // An account that does not say fails, whatever the pod says.
                    None => false,
                }
            })
        }
        "5.2.2" => each_container(&objects.pods, |container| {
            let context = container.security_context.as_deref();
            context.is_none_or(|context| context.privileged != Some(true))
        }),
        "5.2.3" => each(&objects.pods, |pod| !pod.spec.host_pid),
        "5.2.4" => each(&objects.pods, |pod| !pod.spec.host_ipc),
        "5.2.5" => each(&objects.pods, |pod| !pod.spec.host_network),
        // Its script lets what is not set pass where jq is installed, and finds nothing and warns where it is not, as on a plain
        // node. Not set means allowed, and so the second answer is the right one.
        "5.2.6" => each_container(&objects.pods, |container| {
            let context = container.security_context.as_deref();
            context.is_some_and(|context| context.allow_privilege_escalation == Some(false))
        }),
        _ => return None,
    })
}

/// Nothing to look at is no pass.
fn each<T>(items: &[T], is_compliant: impl Fn(&T) -> bool) -> bool {
    !items.is_empty() && items.iter().all(is_compliant)
}

fn each_container(pods: &[Pod], is_compliant: impl Fn(&Container) -> bool) -> bool {
    each(pods, |pod| pod.spec.containers.iter().all(&is_compliant))
}

/// Its text search for `["*"]` in the rules' JSON.
fn has_lone_wildcard(rule: &Rule) -> bool {
    [&rule.verbs, &rule.api_groups, &rule.resources, &rule.resource_names, &rule.non_resource_urls]
        .into_iter()
        .any(|list| matches!(list.as_slice(), [only] if only == "*"))
}

/// `kubectl auth can-i VERB RESOURCE --all-namespaces --as=system:authenticated`: a user of that name, who is in the group of that name
/// as every impersonated user is.
fn everybody_may(objects: &ClusterObjects, verb: &str, resource: &str) -> bool {
    let has = |list: &[String], wanted: &str| list.iter().any(|word| word == "*" || word == wanted);
    let allows = |rule: &Rule| {
        has(&rule.verbs, verb)
            && has(&rule.api_groups, "")
            && has(&rule.resources, resource)
            && rule.resource_names.is_empty()
    };
    let mut bindings = objects.bindings.iter().filter(|binding| {
        binding.metadata.namespace.is_empty()
            && binding.subjects.iter().any(|subject| {
                matches!(subject.kind.as_str(), "User" | "Group") && subject.name == "system:authenticated"
            })
    });
    let index = Index::new(objects);
    bindings.any(|binding| index.rules(binding).iter().any(allows))
}
