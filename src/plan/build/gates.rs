//! The gates around a node's changes: what must hold before it is touched, before its units are restarted, and afterwards.

use super::Problem;
use super::node::{KUBELET, RestartedPod, Scene, is_kubernetes_node, started_units, starts_etcd};
use crate::inventory::{Node, NodeName, Role};
use crate::plan::{Gate, NodePlan, deadline, manifest};
use crate::resource::{Desired, Resource, Spec};

/// The gates around a node's changes, and after how long it puts its old state back by itself.
pub(in crate::plan) fn guard(
    node: &Node,
    plan: &mut NodePlan,
    pods: &[RestartedPod<'_>],
    proofs: Vec<Gate>,
) -> Result<(), Problem> {
    plan.before = before(node, plan);
    plan.between = between(node, plan, pods)?;
    plan.after = after(node, plan, pods)?;
    plan.after.extend(proofs);
    plan.rollback_after = Some(deadline::of_rollback(plan).as_secs());
    Ok(())
}

/// A sick cluster is not touched.
fn before(node: &Node, plan: &NodePlan) -> Vec<Gate> {
    let name = &node.name;
    let mut gates = Vec::new();
    if node.roles.contains(&Role::Etcd) && !starts_etcd(plan) {
        gates.push(Gate::EtcdHealthy { node: name.clone() });
    }
    if node.roles.contains(&Role::ControlPlane) {
        gates.push(Gate::ApiServerReady { node: name.clone() });
    }
    if is_kubernetes_node(node) {
        gates.push(Gate::NodeReady { node: name.clone() });
    }
    gates
}

/// The kubelet has replaced the static pods before it is restarted.
fn between(node: &Node, plan: &NodePlan, pods: &[RestartedPod<'_>]) -> Result<Vec<Gate>, Problem> {
    if plan.restart_units.is_empty() {
        return Ok(Vec::new());
    }
    let mut gates = Vec::new();
    for pod in pods {
        gates.push(runs(&node.name, pod)?);
    }
    if !gates.is_empty() {
        gates.extend(before(node, plan).into_iter().filter(|gate| !matches!(gate, Gate::NodeReady { .. })));
    }
    Ok(gates)
}

fn after(node: &Node, plan: &NodePlan, pods: &[RestartedPod<'_>]) -> Result<Vec<Gate>, Problem> {
    let name = &node.name;
    let mut gates = Vec::new();
    for pod in pods {
        gates.push(runs(name, pod)?);
    }
    if node.roles.contains(&Role::ControlPlane) {
        gates.push(Gate::ApiServerReady { node: name.clone() });
    }
    if node.roles.contains(&Role::Etcd) {
        gates.push(Gate::EtcdHealthy { node: name.clone() });
    }
    let mut units: Vec<&str> = Vec::new();
    for unit in plan.restart_units.iter().map(String::as_str).chain(started_units(&plan.changes)) {
        if !units.contains(&unit) {
            units.push(unit);
        }
    }
    gates
        .extend(units.into_iter().map(|unit| Gate::UnitActive { node: name.clone(), unit: unit.to_owned() }));
    if is_kubernetes_node(node) {
        gates.push(Gate::NodeReady { node: name.clone() });
    }
    Ok(gates)
}

/// The proof that the endpoint's address is still held, or again: what changes on a control-plane node may be kube-vip itself, or the
/// kubeconfig that it reads, and on the next node it must not end before somebody else has the address.
pub(super) fn endpoint_answers(node: &Node, scene: &Scene<'_>) -> Option<Gate> {
    let probe = scene.virtual_endpoint.clone().filter(|_| node.roles.contains(&Role::ControlPlane))?;
    Some(Gate::EndpointAnswers { node: node.name.clone(), probe })
}

/// The proof that a kubelet serves with the certificate that was made for it, where either has changed.
pub(super) fn serves(node: &NodeName, desired: &Desired, plan: &NodePlan) -> Option<Gate> {
    let named = |resource: &Resource| match &resource.spec {
        Spec::YamlKeys(spec) => {
            spec.keys.get("tlsCertFile").and_then(|path| path.as_str()).map(str::to_owned)
        }
        _ => None,
    };
    let path = desired.resources.iter().find_map(named)?;
    let (id, spec) = desired.resources.iter().find_map(|resource| match &resource.spec {
        Spec::Certificate(spec) if spec.path.as_str() == path => Some((&resource.id, spec)),
        _ => None,
    })?;
    let restarts = plan.restart_units.iter().any(|unit| unit == KUBELET);
    let is_new = plan.changes.iter().any(|change| change.resource == *id);
    (restarts || is_new).then(|| Gate::KubeletServes {
        node: node.clone(),
        certificate: spec.path.clone(),
        issuer: spec.issuer_path.clone(),
    })
}

fn runs(node: &NodeName, pod: &RestartedPod<'_>) -> Result<Gate, Problem> {
    let problem =
        |source| Problem::Manifest { node: node.clone(), component: pod.component.to_owned(), source };
    Ok(Gate::StaticPodRuns {
        node: node.clone(),
        component: pod.component.to_owned(),
        command: manifest::command(&pod.text, pod.component).map_err(problem)?,
        manifest: Some(pod.manifest.clone()),
        probe: manifest::probe(&pod.text, pod.component).map_err(problem)?,
    })
}
