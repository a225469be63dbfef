//! From everything that is desired and observed to one plan.

mod authority_keys;
pub(super) mod cluster;
mod compare;
pub(super) mod drain;
mod error;
pub(super) mod gates;
pub(super) mod host;
mod kube_proxy;
pub(super) mod node;
mod order;
pub(super) mod outage;

pub use compare::{Differences, differences};
pub use error::{PlanError, Problem};
pub use kube_proxy::control as kube_proxy_control;

use super::diff::Holder;
use super::join::{self, Joining};
use super::manifest::Probe;
use super::wave::MaxUnavailable;
use super::{ClusterChange, FORMAT_VERSION, Gate, NodePlan, Plan, StageTitle, Unreachable};
use crate::inventory::{Inventory, NodeName, Role};
use crate::resource::{ClusterObserved, Desired, Observed, RenderedWith};
use node::Scene;
use std::collections::{BTreeMap, BTreeSet};

/// Everything that a plan is made of.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// The nodes and their roles.
    pub inventory: &'a Inventory,
    /// What each observed node should have, in the present stage.
    pub desired: BTreeMap<NodeName, Desired>,
    /// What that was rendered with beside inventory and templates.
    pub rendered_with: BTreeMap<NodeName, RenderedWith>,
    /// What each node has.
    pub observed: BTreeMap<NodeName, Observed>,
    /// The nodes that could not be read.
    pub unreachable: Vec<Unreachable>,
    /// The cluster as a whole; `None` where there is none that could be asked.
    pub cluster: Option<&'a ClusterObserved>,
    /// The present stage.
    pub stage: StageTitle,
    /// The stages that follow.
    pub remaining: Vec<StageTitle>,
    /// Gates that must hold before the stage counts as done.
    pub stage_gates: Vec<Gate>,
    /// Changes of the cluster that the stage itself asks for.
    pub stage_changes: Vec<ClusterChange>,
    /// Whether what is desired is a part of what is declared only.
    pub partial: bool,
    /// What the user should know already.
    pub notices: Vec<String>,
    /// Seconds since 1970.
    pub now: i64,
    /// SHA-256 over the inventory and every template that took part.
    pub digest: String,
    /// The nodes that may be changed; the others do not appear in the plan. The cluster's own records are changed only
    /// when all control-plane nodes are among them.
    pub limit: BTreeSet<NodeName>,
    /// How many workers may be changed at once.
    pub max_unavailable: MaxUnavailable,
    /// The hosts that are to become nodes.
    pub joining: Joining,
}

/// Makes the plan. Every node and resource that cannot be planned is in the error.
pub fn build(inputs: Inputs<'_>) -> Result<Plan, PlanError> {
    let mut notices = inputs.notices.clone();
    let mut problems = Vec::new();
    let mut changed: BTreeMap<NodeName, NodePlan> = BTreeMap::new();
    let mut in_sync = Vec::new();
    let mut unreachable = inputs.unreachable.clone();
    let scene = scene(&inputs);
    unreachable.retain(|node| inputs.limit.contains(&node.node));
    for node in &inputs.inventory.nodes {
        let name = &node.name;
        if !inputs.limit.contains(name) {
            continue;
        }
        let (Some(desired), Some(observed)) = (inputs.desired.get(name), inputs.observed.get(name)) else {
            if !unreachable.iter().any(|other| other.node == *name) {
                let error = String::from("it was not read");
                unreachable.push(Unreachable { node: name.clone(), error, hint: None });
            }
            continue;
        };
        let is_joining = inputs.joining.nodes.contains(name);
        let planned = if is_joining {
            host::host(node, desired, observed, &scene, &mut notices)
        } else {
            node::plan(node, desired, observed, &scene, &mut notices)
        };
        match planned {
            Ok(plan) if plan.changes.is_empty() && is_joining => {}
            Ok(plan) if plan.changes.is_empty() => in_sync.push(name.clone()),
            Ok(mut plan) => {
                plan.rendered_with = inputs.rendered_with.get(name).cloned().unwrap_or_default();
                changed.insert(name.clone(), plan);
            }
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        return Err(PlanError { problems });
    }
    let joins = join::joins(&inputs, &mut notices)?;
    notices.extend(authority_keys::notice(&inputs));
    notices.extend(outage::notice(inputs.inventory, &changed));
    notices.extend(drain::notice(inputs.inventory, &changed));
    let mut cluster_changes = cluster::changes(&inputs, &changed, &mut notices)?;
    let procedure = procedure(&inputs, &mut notices);
    cluster_changes.extend(procedure.changes);
    cluster_changes.extend(drain::left_behind(&inputs, &changed));
    let mut seen = BTreeSet::new();
    notices.retain(|notice| seen.insert(notice.clone()));
    Ok(Plan {
        format_version: FORMAT_VERSION.to_owned(),
        harden_version: env!("CARGO_PKG_VERSION").to_owned(),
        cluster: inputs.inventory.cluster.name.clone(),
        created: inputs.now,
        inputs: inputs.digest,
        stage: inputs.stage,
        remaining: procedure.remaining,
        waves: order::waves(inputs.inventory, changed, &inputs.joining, inputs.max_unavailable),
        joins,
        cluster_changes,
        gates: procedure.gates,
        in_sync,
        unreachable,
        partial: inputs.partial,
        notices,
    })
}

/// What differs in the cluster's own records, and what the user should know about that. Of the inputs only what these depend on has
/// to be there: what all control-plane nodes and kubelets should have, and what the former have.
pub fn cluster_differences(inputs: &Inputs<'_>) -> Result<(Vec<ClusterChange>, Vec<String>), PlanError> {
    let mut notices = Vec::new();
    let changes = cluster::changes(inputs, &BTreeMap::new(), &mut notices)?;
    Ok((changes, notices))
}

/// What is the same for all nodes.
fn scene<'a>(inputs: &'a Inputs<'_>) -> Scene<'a> {
    Scene {
        holders: holders(inputs),
        now: inputs.now,
        partial: inputs.partial,
        drain: &inputs.inventory.apply.drain,
        members: members(inputs),
        virtual_endpoint: inputs
            .inventory
            .kube_vip
            .as_ref()
            .map(|_| Probe::of_endpoint(&inputs.inventory.api_endpoint())),
    }
}

/// The nodes with an etcd member that were reached. One whose unit is not there yet is none.
fn members<'a>(inputs: &'a Inputs<'_>) -> Vec<&'a NodeName> {
    let is_new = |observed: &Observed| {
        observed.units.get(node::ETCD_UNIT).is_some_and(|unit| unit.load == "not-found")
    };
    let is_member = |observed: &Observed| observed.facts.live && !is_new(observed);
    let nodes = inputs.inventory.with_role(Role::Etcd).map(|node| &node.name);
    let nodes = nodes.filter(|name| !inputs.joining.nodes.contains(*name));
    nodes.filter(|name| inputs.observed.get(*name).is_some_and(is_member)).collect()
}

/// The proof that etcd is whole: every member of the inventory says that it is healthy and knows all others and nobody else.
pub fn etcd_is_whole(inventory: &Inventory) -> Vec<Gate> {
    let members: BTreeSet<NodeName> = inventory.with_role(Role::Etcd).map(|node| node.name.clone()).collect();
    let gate = |node: &NodeName| Gate::EtcdWhole { node: node.clone(), members: members.clone() };
    members.iter().map(gate).collect()
}

/// What the stage's procedure does beyond single nodes.
struct Procedure {
    gates: Vec<Gate>,
    changes: Vec<ClusterChange>,
    remaining: Vec<StageTitle>,
}

/// A procedure goes on when every control-plane node has done its part: with a limit that leaves one out, it is not waited
/// for what nobody may change, and nothing is done that rests on it.
fn procedure(inputs: &Inputs<'_>, notices: &mut Vec<String>) -> Procedure {
    let mut gates = inputs.stage_gates.clone();
    gates.retain(|gate| inputs.limit.contains(gate.node()));
    let whole = inputs.inventory.with_role(Role::ControlPlane).all(|node| inputs.limit.contains(&node.name));
    if whole {
        return Procedure {
            gates,
            changes: inputs.stage_changes.clone(),
            remaining: inputs.remaining.clone(),
        };
    }
    let mut waiting: Vec<&str> = inputs.remaining.iter().map(|stage| stage.name.as_str()).collect();
    if !inputs.stage_changes.is_empty() {
        waiting.insert(0, &inputs.stage.name);
    }
    if !waiting.is_empty() {
        notices.push(format!(
            "{} will not follow while the limit leaves out a control-plane node",
            waiting.join(" and ")
        ));
    }
    Procedure { gates, changes: Vec::new(), remaining: Vec::new() }
}

/// Where the keys of CAs are looked for: control-plane nodes first, then etcd members that stand alone.
fn holders<'a>(inputs: &'a Inputs<'_>) -> Vec<Holder<'a>> {
    let mut nodes: Vec<&NodeName> = Vec::new();
    for role in [Role::ControlPlane, Role::Etcd] {
        for node in inputs.inventory.with_role(role).filter(|node| inputs.observed.contains_key(&node.name)) {
            if !nodes.contains(&&node.name) {
                nodes.push(&node.name);
            }
        }
    }
    nodes.into_iter().filter_map(|node| Some((node, inputs.observed.get(node)?))).collect()
}
