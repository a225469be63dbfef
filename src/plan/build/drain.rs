//! Which nodes are drained before they are changed, where their pods could go meanwhile, and cordons that an apply left behind
//! which did not come to its end.

use super::Inputs;
use super::node::{KUBELET, RUNTIMES, is_kubernetes_node};
use crate::inventory::{self, Inventory, Node, NodeName, Role};
use crate::plan::{Action, ClusterChange, ClusterOperation, Drain, NodePlan};
use crate::resource::{Kind, ResourceId, Undo};
use std::collections::BTreeMap;

/// How a node is drained; `None` where nothing restarts that runs its pods, or nobody asks for it.
pub(in crate::plan) fn of_node(
    node: &Node,
    wanted: &inventory::Drain,
    restart_units: &[String],
) -> Option<Drain> {
    let runs_pods = |unit: &String| unit == KUBELET || RUNTIMES.contains(&unit.as_str());
    let is_wanted = is_kubernetes_node(node) && !node.roles.is_disjoint(&wanted.roles);
    (is_wanted && restart_units.iter().any(runs_pods)).then_some(Drain {
        deadline: wanted.deadline.as_secs(),
        delete_emptydir_data: wanted.delete_emptydir_data,
        delete_unmanaged_pods: wanted.delete_unmanaged_pods,
    })
}

/// A node whose pods have nowhere to go.
pub(in crate::plan) fn notice(
    inventory: &Inventory,
    changed: &BTreeMap<NodeName, NodePlan>,
) -> Option<String> {
    let drained = |node: &&Node| changed.get(&node.name).is_some_and(|plan| plan.drain.is_some());
    let all = inventory.nodes.iter().filter(|node| is_kubernetes_node(node)).count();
    let mut workers = inventory.with_role(Role::Worker);
    let only = match (workers.next(), workers.next()) {
        (Some(only), None) => Some(only),
        (None, _) if all == 1 => inventory.with_role(Role::ControlPlane).next(),
        _ => None,
    };
    let node = only.filter(drained)?;
    let (what, where_to) = match all {
        1 => ("node", "nowhere to go"),
        _ => ("worker", "nowhere to go but to control planes that it tolerates"),
    };
    Some(format!(
        "{} is the only {what}: what is evicted from it has {where_to}, and otherwise waits until {0} takes pods again; a \
         PodDisruptionBudget that wants it to run meanwhile makes the drain fail, and nothing is changed there",
        node.name
    ))
}

/// The nodes that are still cordoned by an apply that did not come to its end. A node that is drained again gets its cordon
/// taken away with that.
pub(super) fn left_behind(inputs: &Inputs<'_>, changed: &BTreeMap<NodeName, NodePlan>) -> Vec<ClusterChange> {
    let cordoned = inputs.cluster.filter(|_| !inputs.partial).map(|cluster| &cluster.cordoned);
    let nodes = inputs.inventory.nodes.iter().filter(|node| inputs.limit.contains(&node.name));
    nodes
        .filter(|node| changed.get(&node.name).is_none_or(|plan| plan.drain.is_none()))
        .filter_map(|node| Some((&node.name, cordoned?.get(node.name.as_str())?)))
        .map(|(node, mark)| uncordon(node, mark))
        .collect()
}

fn uncordon(node: &NodeName, mark: &str) -> ClusterChange {
    ClusterChange {
        resource: ResourceId::new(Kind::Object, format!("node-{node}")),
        action: Action::Change,
        subject: format!("Node {node}"),
        reasons: vec![format!("it takes pods again: transaction {mark} left it cordoned")],
        before: None,
        after: None,
        controls: Vec::new(),
        undo: Undo::Full,
        operation: ClusterOperation::Uncordon { node: node.clone(), mark: mark.to_owned() },
    }
}
