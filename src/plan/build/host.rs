//! One host that is about to join: what can be there before kubeadm comes, and what kubeadm is told of the rest.

use super::node::{self, KUBELET, Scene};
use super::{Inputs, Problem};
use crate::inventory::Node;
use crate::plan::{Gate, NodePlan, deadline, diff, digest};
use crate::resource::{Desired, Kind, Observed, Resource, Spec};
use serde_json::{Map, Value};

/// The plan of a host that is about to join: everything that can be there before kubeadm comes. What kubeadm makes itself, it makes
/// as it is wanted, and the kubelet is started by it. There is no cluster that could be asked, and nothing that runs.
pub(super) fn host(
    node: &Node,
    desired: &Desired,
    observed: &Observed,
    scene: &Scene<'_>,
    notices: &mut Vec<String>,
) -> Result<NodePlan, Vec<Problem>> {
    let is_made = |resource: &Resource| {
        matches!(resource.id.kind, Kind::StaticPod | Kind::YamlKeys)
            || matches!(&resource.spec, Spec::Unit(spec) if spec.unit == KUBELET)
    };
    let (made, before): (Vec<Resource>, Vec<Resource>) = desired.resources.iter().cloned().partition(is_made);
    let mut plan = node::plan(node, &Desired { resources: before }, observed, scene, notices)?;
    plan.unchanged.extend(made.iter().map(|resource| (resource.id.clone(), digest(resource))));
    plan.restart_units.retain(|unit| unit != KUBELET);
    let pods = std::mem::take(&mut plan.restart_pods);
    for change in &mut plan.changes {
        change.restarts.retain(|restarted| restarted != KUBELET && !pods.contains(restarted));
    }
    plan.drain = None;
    plan.before = Vec::new();
    plan.between = Vec::new();
    plan.after.retain(|gate| matches!(gate, Gate::UnitActive { unit, .. } if unit != KUBELET));
    plan.rollback_after = plan.rollback_after.map(|_| deadline::of_rollback(&plan).as_secs());
    Ok(plan)
}

/// The keys of a YAML file as they are safe on a host: what needs kernel parameters that it cannot have is left out.
pub(in crate::plan) fn safe_keys(
    host: &Node,
    path: &str,
    inputs: &Inputs<'_>,
    notices: &mut Vec<String>,
) -> Result<Map<String, Value>, Problem> {
    let mut keys = Map::new();
    let (Some(desired), Some(observed)) = (inputs.desired.get(&host.name), inputs.observed.get(&host.name))
    else {
        return Ok(keys);
    };
    let scene = super::scene(inputs);
    let mut context = node::context(host, desired, observed, &scene);
    for resource in &desired.resources {
        let Spec::YamlKeys(spec) = &resource.spec else { continue };
        if spec.path.as_str() != path {
            continue;
        }
        keys.extend(diff::safe_keys(spec, &mut context).map_err(|source| Problem::Resource {
            node: host.name.clone(),
            resource: resource.id.clone(),
            source: Box::new(source),
        })?);
    }
    notices.extend(context.notices.into_iter().map(|notice| format!("{}: {notice}", host.name)));
    Ok(keys)
}
