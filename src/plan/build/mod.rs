//! From everything that is desired and observed to one plan.

mod cluster;
mod error;
mod kube_proxy;
mod node;
mod order;

pub use error::{PlanError, Problem};

use super::wave::MaxUnavailable;
use super::{ClusterChange, FORMAT_VERSION, Gate, NodePlan, Plan, StageTitle, Unreachable};
use crate::inventory::{Inventory, NodeName};
use crate::resource::{ClusterObserved, Desired, Observed};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that a plan is made of.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// The nodes and their roles.
    pub inventory: &'a Inventory,
    /// What each observed node should have, in the present stage.
    pub desired: BTreeMap<NodeName, Desired>,
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
}

/// Makes the plan. Every node and resource that cannot be planned is in the error.
pub fn build(inputs: Inputs<'_>) -> Result<Plan, PlanError> {
    let mut notices = inputs.notices.clone();
    let mut problems = Vec::new();
    let mut changed: BTreeMap<NodeName, NodePlan> = BTreeMap::new();
    let mut in_sync = Vec::new();
    let mut unreachable = inputs.unreachable.clone();
    unreachable.retain(|node| inputs.limit.contains(&node.node));
    for node in &inputs.inventory.nodes {
        let name = &node.name;
        if !inputs.limit.contains(name) {
            continue;
        }
        let (Some(desired), Some(observed)) = (inputs.desired.get(name), inputs.observed.get(name)) else {
            if !unreachable.iter().any(|other| other.node == *name) {
                unreachable.push(Unreachable { node: name.clone(), error: String::from("it was not read") });
            }
            continue;
        };
        match node::plan(node, desired, observed, inputs.now, &mut notices) {
            Ok(plan) if plan.changes.is_empty() => in_sync.push(name.clone()),
            Ok(plan) => {
                changed.insert(name.clone(), plan);
            }
            Err(found) => problems.extend(found),
        }
    }
    if !problems.is_empty() {
        return Err(PlanError { problems });
    }
    let mut cluster_changes = cluster::changes(&inputs, &changed, &mut notices)?;
    let mut seen = BTreeSet::new();
    notices.retain(|notice| seen.insert(notice.clone()));
    cluster_changes.extend(inputs.stage_changes);
    Ok(Plan {
        format_version: FORMAT_VERSION.to_owned(),
        harden_version: env!("CARGO_PKG_VERSION").to_owned(),
        cluster: inputs.inventory.cluster.name.clone(),
        created: inputs.now,
        inputs: inputs.digest,
        stage: inputs.stage,
        remaining: inputs.remaining,
        waves: order::waves(inputs.inventory, changed, inputs.max_unavailable),
        cluster_changes,
        gates: inputs.stage_gates,
        in_sync,
        unreachable,
        notices,
    })
}
