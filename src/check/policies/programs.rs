//! Programs that benchmarks want in a cluster, recognised by what they are called: network plugins that enforce NetworkPolicies, and
//! stores that keep secrets outside of it.

use super::evaluation::{Evaluation, count};
use crate::resource::ClusterObjects;
use std::collections::BTreeSet;

/// DaemonSets of network plugins that enforce NetworkPolicies.
const ENFORCING: &[&str] = &[
    "antrea-agent",
    "azure-npm",
    "calico-node",
    "canal",
    "cilium",
    "kindnet",
    "kube-network-policies",
    "kube-ovn-cni",
    "kube-router",
    "ovnkube-node",
    "rke2-canal",
    "weave-net",
];
/// Those of network plugins that do not.
const NOT_ENFORCING: &[&str] = &["kube-flannel", "kube-flannel-ds", "kube-multus-ds"];
/// Parts of the images of programs that fetch secrets from a store outside the cluster.
const SECRET_STORES: &[&str] = &[
    "/akeyless",
    "/conjur",
    "/external-secrets",
    "/secrets-store-csi-driver",
    "/vault-csi-provider",
    "/vault-k8s",
    "/vault-secrets-operator",
    "csi-secrets-store/driver",
];

/// 5.3.1: whether the network plugin enforces NetworkPolicies.
pub(super) fn network_plugin(objects: &ClusterObjects) -> Evaluation {
    let daemons: BTreeSet<(&str, &str)> = objects
        .pods
        .iter()
        .filter_map(|pod| Some((pod.metadata.namespace.as_str(), pod.metadata.owner.as_ref()?)))
        .filter(|(_, owner)| owner.kind == "DaemonSet")
        .map(|(namespace, owner)| (namespace, owner.name.as_str()))
        .collect();
    let of = |names: &'static [&str]| {
        daemons
            .iter()
            .filter(|(_, name)| names.contains(name))
            .map(|(namespace, name)| format!("DaemonSet {namespace}/{name}"))
    };
    let mut evaluation = Evaluation::of(count(daemons.len(), "DaemonSet"));
    evaluation.notes.extend(of(ENFORCING).map(|plugin| format!("{plugin} enforces NetworkPolicies")));
    if evaluation.notes.is_empty() {
        evaluation.missing = Some("no network plugin that is known to enforce NetworkPolicies was found");
        evaluation.offenders = of(NOT_ENFORCING).collect();
    }
    evaluation
}

/// 5.4.2: whether secrets are fetched from a store outside the cluster.
pub(super) fn secret_store(objects: &ClusterObjects) -> Evaluation {
    let images = objects.pods.iter().flat_map(|pod| pod.spec.every_container());
    let images = images.map(|(_, container)| container.image.as_str());
    let found: BTreeSet<&str> =
        images.filter(|image| SECRET_STORES.iter().any(|part| image.contains(part))).collect();
    let mut evaluation = Evaluation::of(format!("the images of {}", count(objects.pods.len(), "pod")));
    evaluation.notes.extend(found.into_iter().map(|image| format!("{image} fetches secrets from outside")));
    if evaluation.notes.is_empty() {
        evaluation.missing = Some("no program that is known to fetch secrets from outside was found");
    }
    evaluation
}
