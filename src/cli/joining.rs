//! Hosts that are to become nodes, on the way from an inventory to a plan: which they are, the plan of them alone, and what speaks
//! against touching any.

use super::Error;
use super::pipeline::{Observation, Pipeline};
use crate::error::Hint;
use crate::inventory::{Node, NodeName, Role};
use crate::plan::join::Joining;
use crate::plan::{self, Plan};
use crate::resource::{FileState, NodePath, Observed, ObservedContent};
use crate::stage;
use crate::trust;
use std::collections::BTreeSet;

/// Where kubeadm and harden keep the certificate of the cluster's CA.
const AUTHORITY: &str = "/etc/kubernetes/pki/ca.crt";

/// Hosts are to become nodes, and the store has no CA that what they are given could be issued with.
#[derive(Debug, thiserror::Error)]
#[error(
    "{} {} no node of a cluster yet, and the store beside the inventory has no CAs",
    hosts.join(", "),
    if hosts.len() == 1 { "is" } else { "are" }
)]
struct NoAuthorities {
    hosts: Vec<String>,
}

impl Hint for NoAuthorities {
    fn hint(&self) -> Option<String> {
        Some(String::from(
            "`harden pki init` makes those of a new cluster, `harden pki import` takes over those of one that runs",
        ))
    }
}

impl Pipeline {
    /// Whether a host that was read is to become a node.
    pub(super) fn is_joining(&self, node: &Node, state: &Observed) -> bool {
        plan::join::is_joining(node, self.inventory.etcd.topology, state)
    }

    /// The hosts that are to become nodes.
    pub(super) fn joining(&self, observation: &Observation) -> Joining {
        let found = |node: &&Node| {
            observation.nodes.get(&node.name).is_some_and(|state| self.is_joining(node, state))
        };
        let nodes: Vec<&Node> = self.inventory.nodes.iter().filter(found).collect();
        let kubelet = |node: &&Node| observation.nodes.get(&node.name)?.facts.kubelet_version.clone();
        let named = self.inventory.bootstrap.version.as_ref().map(|version| format!("v{version}"));
        Joining {
            version: named.or_else(|| nodes.iter().find_map(kubelet)).unwrap_or_default(),
            nodes: nodes.into_iter().map(|node| node.name.clone()).collect(),
            // Not whether its API answers just now: where it does not, a second cluster must not begin. And one of which the first
            // node is not whole is none.
            cluster: self.inventory.with_role(Role::ControlPlane).any(|node| {
                observation.nodes.get(&node.name).is_some_and(|state| !self.is_joining(node, state))
            }),
        }
    }

    /// The plan of the hosts that are to become nodes, and of nothing else.
    pub(super) fn plan_hosts(&self, observation: &Observation) -> Result<Plan, Error> {
        let joining = self.joining(observation).nodes;
        let unread = observation.unreachable.iter().map(|it| &it.node);
        let limit = joining.iter().chain(unread).filter(|node| self.limit.contains(*node)).cloned().collect();
        self.plan_these_hosts(observation, limit)
    }

    /// The plan of some of them.
    pub(super) fn plan_these_hosts(
        &self,
        observation: &Observation,
        limit: BTreeSet<NodeName>,
    ) -> Result<Plan, Error> {
        let mut plan =
            self.plan_limited(observation, &self.serving_step(observation).without_stage(), limit)?;
        plan.stage = stage::hosts_title();
        plan.remaining.clear();
        plan.gates.clear();
        plan.cluster_changes.clear();
        Ok(plan)
    }

    /// No host is touched that belongs to another cluster, and none joins without CAs that could issue what it needs.
    pub(super) fn refuse_strangers(&self, observation: &Observation, joining: &Joining) -> Result<(), Error> {
        if !joining.nodes.is_empty() && self.store.pki().map_err(Error::hinted)?.is_none() {
            let hosts = joining.nodes.iter().map(ToString::to_string).collect();
            return Err(Error::hinted(NoAuthorities { hosts }));
        }
        let path: NodePath = AUTHORITY.parse().map_err(Error::new)?;
        // Before anything else is made of what is on a host: one of another cluster has its keys too, and they are not these.
        for (node, state) in &observation.nodes {
            if let Some(FileState::Present(file)) = state.files.get(&path)
                && let ObservedContent::Text(text) = &file.content
            {
                trust::refuse_foreign(&self.store, node, AUTHORITY, text).map_err(Error::hinted)?;
            }
        }
        Ok(())
    }
}
