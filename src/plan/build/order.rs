//! Waves: hosts that are about to join all at once, since nothing runs there yet, then etcd-only nodes one by one (or all of them
//! where none runs), then control-plane nodes one by one, then one canary worker, then workers in batches.

use super::node::starts_etcd;
use crate::inventory::{Inventory, Node, NodeName, Role};
use crate::plan::join::Joining;
use crate::plan::wave::{self, MaxUnavailable};
use crate::plan::{NodePlan, Wave};
use std::collections::BTreeMap;

/// The waves of the nodes that change, in the inventory's order within each kind.
pub(super) fn waves(
    inventory: &Inventory,
    mut changed: BTreeMap<NodeName, NodePlan>,
    joining: &Joining,
    max: MaxUnavailable,
) -> Vec<Wave> {
    let mut take = |wanted: &dyn Fn(&Node) -> bool| -> Vec<NodePlan> {
        let nodes = inventory.nodes.iter().filter(|node| wanted(node));
        nodes.filter_map(|node| changed.remove(&node.name)).collect()
    };
    let hosts = take(&|node| joining.nodes.contains(&node.name));
    let etcd = take(&is_etcd_only);
    let control_plane = take(&is_control_plane);
    let workers = take(&|_| true);
    let all_workers =
        inventory.nodes.iter().filter(|node| !is_control_plane(node) && !is_etcd_only(node)).count();
    let mut waves = Vec::new();
    if !hosts.is_empty() {
        waves.push(Wave { title: String::from("hosts that are about to join"), nodes: hosts });
    }
    if none_runs(inventory, &etcd) {
        let title = String::from("all etcd nodes, since none starts without most of the others");
        waves.push(Wave { title, nodes: etcd });
    } else {
        waves.extend(one_by_one(etcd, "etcd node"));
    }
    waves.extend(one_by_one(control_plane, "control-plane node"));
    waves.extend(batches(workers, all_workers, max));
    waves
}

/// Whether no member of etcd runs: one that is started waits for the others.
fn none_runs(inventory: &Inventory, etcd: &[NodePlan]) -> bool {
    let is_started = |node: &Node| etcd.iter().any(|plan| plan.node == node.name && starts_etcd(plan));
    etcd.len() > 1 && inventory.with_role(Role::Etcd).all(is_started)
}

fn is_control_plane(node: &Node) -> bool {
    node.roles.contains(&Role::ControlPlane)
}

/// An etcd member outside the control plane, a worker's duties notwithstanding: two members at once could lose the quorum.
fn is_etcd_only(node: &Node) -> bool {
    node.roles.contains(&Role::Etcd) && !is_control_plane(node)
}

fn one_by_one(nodes: Vec<NodePlan>, kind: &str) -> Vec<Wave> {
    let count = nodes.len();
    nodes
        .into_iter()
        .enumerate()
        .map(|(index, node)| Wave {
            title: match index {
                0 => format!("canary {kind}"),
                _ => format!("{kind} {} of {count}", index + 1),
            },
            nodes: vec![node],
        })
        .collect()
}

fn batches(mut nodes: Vec<NodePlan>, all: usize, max: MaxUnavailable) -> Vec<Wave> {
    let count = nodes.len();
    let mut first = 1;
    let mut waves = Vec::new();
    for size in wave::sizes(count, all, max) {
        let rest = nodes.split_off(size);
        let last = first + size - 1;
        let title = match (first, size) {
            (1, _) => String::from("canary worker"),
            (_, 1) => format!("worker {first} of {count}"),
            _ => format!("workers {first}–{last} of {count}"),
        };
        waves.push(Wave { title, nodes });
        nodes = rest;
        first = last + 1;
    }
    waves
}
