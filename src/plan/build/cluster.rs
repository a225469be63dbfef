//! Changes of kubeadm's own records, from what all nodes have in common.

use super::{Inputs, PlanError, Problem, kube_proxy};
use crate::inventory::{NodeName, Role};
use crate::plan::kubeadm::{self, ControlPlaneComponent};
use crate::plan::{ClusterChange, NodePlan, Operation, manifest, yaml_keys};
use crate::resource::{
    ClusterObserved, ConfigMapKey, ControlId, FileState, FlagSpec, FlagValue, ObservedContent, ObservedKey,
    Resource, Spec, StaticPodSpec,
};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, BTreeSet};

/// The file whose keys kubelet-config keeps.
const KUBELET_CONFIG: &str = "/var/lib/kubelet/config.yaml";

pub(super) fn changes(
    inputs: &Inputs<'_>,
    nodes: &BTreeMap<NodeName, NodePlan>,
    notices: &mut Vec<String>,
) -> Result<Vec<ClusterChange>, PlanError> {
    let Some(cluster) = inputs.cluster else { return Ok(Vec::new()) };
    let control_planes: Vec<&NodeName> =
        inputs.inventory.with_role(Role::ControlPlane).map(|node| &node.name).collect();
    if !control_planes.iter().all(|name| inputs.limit.contains(*name)) {
        notices.push(String::from(
            "kubeadm's own records are left alone while the limit leaves out a control-plane node",
        ));
        return Ok(Vec::new());
    }
    let mut changes = Vec::new();
    let planned: Vec<&NodeName> =
        control_planes.into_iter().filter(|name| inputs.desired.contains_key(*name)).collect();
    if let Some(first) = planned.first() {
        let (components, controls) = components(inputs, nodes, first, &planned, notices)?;
        if let Some(observed) =
            record(cluster, ConfigMapKey::ClusterConfiguration, components.is_empty(), notices)
        {
            let edited = kubeadm::cluster_configuration(&observed.value, &components)
                .map_err(Problem::ClusterConfiguration)?;
            notices.extend(edited.notices);
            let key = ConfigMapKey::ClusterConfiguration;
            changes.extend(kubeadm::change(key, observed, edited.text, edited.reasons, controls));
        }
    }
    let (keys, controls) = kubelet_keys(inputs);
    if let Some(observed) = record(cluster, ConfigMapKey::KubeletConfiguration, keys.is_empty(), notices) {
        let edited =
            kubeadm::kubelet_configuration(&observed.value, &keys).map_err(Problem::KubeletConfiguration)?;
        let key = ConfigMapKey::KubeletConfiguration;
        changes.extend(kubeadm::change(key, observed, edited.text, edited.reasons, controls));
    }
    changes.extend(kube_proxy::changes(inputs, cluster, notices)?);
    Ok(changes)
}

/// The record, where there is something to keep in it.
fn record<'a>(
    cluster: &'a ClusterObserved,
    key: ConfigMapKey,
    nothing_to_keep: bool,
    notices: &mut Vec<String>,
) -> Option<&'a ObservedKey> {
    if nothing_to_keep {
        return None;
    }
    let observed = cluster.config_maps.get(&key);
    if observed.is_none() {
        let (namespace, name, _) = key.place();
        notices.push(format!(
            "there is no ConfigMap {namespace}/{name}: what kubeadm writes anew would lack these settings"
        ));
    }
    observed
}

/// What all control-plane nodes want of each component, where none of them has a manifest yet.
pub(in crate::plan) fn of_control_planes(
    inputs: &Inputs<'_>,
    notices: &mut Vec<String>,
) -> Result<Vec<ControlPlaneComponent>, PlanError> {
    let all: Vec<&NodeName> = inputs
        .inventory
        .with_role(Role::ControlPlane)
        .map(|node| &node.name)
        .filter(|name| inputs.desired.contains_key(*name))
        .collect();
    let Some(first) = all.first() else { return Ok(Vec::new()) };
    Ok(components(inputs, &BTreeMap::new(), first, &all, notices)?.0)
}

fn static_pods<'a>(inputs: &'a Inputs<'_>, node: &NodeName) -> Vec<(&'a Resource, &'a StaticPodSpec)> {
    let resources = inputs.desired.get(node).map(|desired| desired.resources.as_slice()).unwrap_or_default();
    resources
        .iter()
        .filter_map(|resource| match &resource.spec {
            Spec::StaticPod(spec) => Some((resource, spec)),
            _ => None,
        })
        .collect()
}

/// What all control-plane nodes want of each component, as the first one says it.
fn components(
    inputs: &Inputs<'_>,
    nodes: &BTreeMap<NodeName, NodePlan>,
    first: &NodeName,
    all: &[&NodeName],
    notices: &mut Vec<String>,
) -> Result<(Vec<ControlPlaneComponent>, Vec<ControlId>), PlanError> {
    let mut components = Vec::new();
    let mut controls = BTreeSet::new();
    for (resource, spec) in static_pods(inputs, first) {
        let others: Vec<&StaticPodSpec> = all
            .iter()
            .flat_map(|node| static_pods(inputs, node))
            .map(|(_, other)| other)
            .filter(|other| other.component == spec.component)
            .collect();
        let value_of = |spec: &StaticPodSpec, name: &str| {
            spec.flags.iter().find(|flag| flag.name == name).map(|flag| flag.value.clone())
        };
        let (same, differing): (Vec<_>, Vec<_>) = spec.flags.iter().partition(|flag| {
            others.iter().all(|other| value_of(other, &flag.name).as_ref() == Some(&flag.value))
        });
        if !differing.is_empty() {
            let names: Vec<String> = differing.iter().map(|flag| format!("--{}", flag.name)).collect();
            notices.push(format!(
                "{} of {} differs between control-plane nodes and is not kept in kubeadm-config",
                names.join(", "),
                spec.component
            ));
        }
        let mounts = spec
            .mounts
            .iter()
            .filter(|mount| others.iter().all(|other| other.mounts.contains(mount)))
            .cloned();
        let text = manifest_text(inputs, nodes, first, resource, spec);
        let flags = same.into_iter().map(|flag| whole(flag, spec, text));
        let flags = flags.collect::<Result<Vec<_>, _>>().map_err(|source| Problem::Manifest {
            node: first.clone(),
            component: spec.component.clone(),
            source,
        })?;
        controls.extend(flags.iter().flat_map(|flag| flag.controls.iter().cloned()));
        components.push(ControlPlaneComponent {
            component: spec.component.clone(),
            flags,
            mounts: mounts.collect(),
        });
    }
    Ok((components, controls.into_iter().collect()))
}

/// The manifest as it will be.
fn manifest_text<'a>(
    inputs: &'a Inputs<'_>,
    nodes: &'a BTreeMap<NodeName, NodePlan>,
    node: &NodeName,
    resource: &Resource,
    spec: &StaticPodSpec,
) -> Option<&'a str> {
    let change =
        nodes.get(node).and_then(|plan| plan.changes.iter().find(|change| change.resource == resource.id));
    let written = change.and_then(|change| {
        change.operations.iter().find_map(|operation| match operation {
            Operation::Write { content, .. } => Some(content.text.as_str()),
            _ => None,
        })
    });
    written.or_else(|| match inputs.observed.get(node)?.files.get(&spec.path)? {
        FileState::Present(file) => match &file.content {
            ObservedContent::Text(text) => Some(text),
            _ => None,
        },
        _ => None,
    })
}

/// A list that must hold something becomes the whole list of the manifest: kubeadm replaces its default by what stands in
/// extraArgs, and would drop the rest.
fn whole(
    flag: &FlagSpec,
    spec: &StaticPodSpec,
    text: Option<&str>,
) -> Result<FlagSpec, manifest::ManifestError> {
    let mut flag = flag.clone();
    if let (FlagValue::List { .. }, Some(text)) = (&flag.value, text)
        && let Some(value) = manifest::flag(text, &spec.component, &flag.name)?
    {
        flag.value = FlagValue::Is(value);
    }
    Ok(flag)
}

/// The kubelet's keys that all nodes want with the same value.
pub(in crate::plan) fn kubelet_keys(inputs: &Inputs<'_>) -> (Map<String, Value>, Vec<ControlId>) {
    let mut keys: Option<Map<String, Value>> = None;
    let mut controls = BTreeSet::new();
    for desired in inputs.desired.values() {
        let mut of_node: Option<Map<String, Value>> = None;
        for resource in &desired.resources {
            if let Spec::YamlKeys(spec) = &resource.spec
                && spec.path.as_str() == KUBELET_CONFIG
            {
                // What needs kernel parameters is not for every node: on one that joins they are not set yet, and its
                // kubelet would not start.
                let everywhere = spec.keys.iter().filter(|(key, _)| !spec.needs.contains_key(*key));
                let everywhere = everywhere.map(|(key, value)| (key.clone(), value.clone()));
                of_node.get_or_insert_default().extend(everywhere);
                controls.extend(resource.controls.iter().cloned());
            }
        }
        // A node without a kubelet has no say.
        let Some(of_node) = of_node else { continue };
        keys = Some(match keys {
            None => of_node,
            Some(keys) => yaml_keys::common(&keys, &of_node),
        });
    }
    (keys.unwrap_or_default(), controls.into_iter().collect())
}
