//! Namespaces: which ones nothing limits the network of, and what is in the default one.

use super::evaluation::{Evaluation, count};
use super::pods::Offenders;
use super::shipped;
use crate::resource::{ClusterObjects, Metadata, Pod};
use std::collections::BTreeSet;

/// Pods that are the user's.
fn yours(objects: &ClusterObjects) -> impl Iterator<Item = &Pod> {
    objects.pods.iter().filter(|pod| !shipped::pod(pod))
}

/// The namespaces with pods of the user in them.
pub(super) fn in_use(objects: &ClusterObjects) -> BTreeSet<&str> {
    yours(objects).map(|pod| pod.metadata.namespace.as_str()).collect()
}

/// 5.3.2: namespaces without a NetworkPolicy. Of those that every cluster has only the default one counts, once it is used: pods of
/// kube-system are mostly on the host's network, which no policy limits.
pub(super) fn without_network_policy(objects: &ClusterObjects) -> Evaluation {
    let limited: BTreeSet<&str> =
        objects.network_policies.iter().map(|policy| policy.metadata.namespace.as_str()).collect();
    let in_use = in_use(objects);
    let mut evaluation = Evaluation::of(count(objects.namespaces.len(), "namespace"));
    for namespace in &objects.namespaces {
        let name = namespace.metadata.name.as_str();
        if limited.contains(name) {
            continue;
        }
        let is_used_default = name == "default" && in_use.contains(name);
        if shipped::NAMESPACES.contains(&name) && !is_used_default {
            evaluation.shipped += 1;
        } else {
            evaluation.offenders.insert(format!("Namespace {name}"));
        }
    }
    evaluation
}

/// 5.6.1: the user's pods in namespaces that are nobody's; kube-system is where add-ons belong.
pub(super) fn boundaries(objects: &ClusterObjects) -> Evaluation {
    let in_use = in_use(objects);
    let mut evaluation = Evaluation::of(count(objects.namespaces.len(), "namespace"));
    let own = in_use.iter().filter(|name| !shipped::NAMESPACES.contains(name)).count();
    evaluation.notes.push(format!("{} of yours with pods", count(own, "namespace")));
    let shared = ["default", "kube-node-lease", "kube-public"];
    evaluation.offenders = shared
        .iter()
        .filter(|name| in_use.contains(*name))
        .map(|name| format!("Namespace {name}: it holds pods of yours"))
        .collect();
    evaluation
}

/// 5.6.4: whatever is in the default namespace and not put there by Kubernetes.
pub(super) fn default_namespace(objects: &ClusterObjects) -> Evaluation {
    let mut pods = Offenders::default();
    for pod in yours(objects).filter(|pod| pod.metadata.namespace == "default") {
        pods.add(pod, []);
    }
    let accounts = objects.service_accounts.iter().map(|account| &account.metadata);
    let accounts = accounts.filter(|account| account.name != "default");
    let roles = objects.roles.iter().map(|role| &role.metadata);
    let bindings = objects.bindings.iter().map(|binding| &binding.metadata);
    let named = [
        ("ServiceAccount", accounts.collect::<Vec<_>>()),
        ("Role", roles.collect()),
        ("RoleBinding", bindings.collect()),
    ];
    let mut evaluation = Evaluation::of(String::from("the pods, service accounts and roles of default"));
    evaluation.offenders = pods.into_lines();
    for (kind, objects) in named {
        let here = objects.into_iter().filter(|metadata: &&Metadata| metadata.namespace == "default");
        evaluation.offenders.extend(here.map(|metadata| format!("{kind} default/{}", metadata.name)));
    }
    evaluation
}
