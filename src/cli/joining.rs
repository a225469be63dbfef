//! Hosts that are to become nodes, on the way from an inventory to a plan: which they are, the plan of them alone, and what speaks
//! against touching any.

use super::Error;
use super::pipeline::{Observation, Pipeline};
use crate::error::Hint;
use crate::inventory::{Node, NodeName};
use crate::pki;
use crate::plan::join::Joining;
use crate::plan::{self, Plan};
use crate::resource::{FileState, NodePath, Observed, ObservedContent};
use crate::stage;
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

/// A host has the CA of another cluster than the store.
#[derive(Debug, thiserror::Error)]
#[error(
    "{node} belongs to another cluster, and nothing was changed: the SHA-256 of its CA is {found}, that of the store's is {own}"
)]
struct Stranger {
    node: NodeName,
    found: String,
    own: String,
}

impl Hint for Stranger {
    fn hint(&self) -> Option<String> {
        Some(format!(
            "look at its address in the inventory; where its cluster is given up, `kubeadm reset` on it and the removal of {AUTHORITY} make a blank host of it"
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
            cluster: observation.cluster.is_some(),
        }
    }

    /// The plan of the hosts that are to become nodes, and of nothing else.
    pub(super) fn plan_hosts(&self, observation: &Observation) -> Result<Plan, Error> {
        let joining = self.joining(observation).nodes;
        let unread = observation.unreachable.iter().map(|it| &it.node);
        let limit: BTreeSet<NodeName> =
            joining.iter().chain(unread).filter(|node| self.limit.contains(*node)).cloned().collect();
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
        let Some(pki) = self.store.pki().map_err(Error::hinted)? else {
            let hosts: Vec<String> = joining.nodes.iter().map(ToString::to_string).collect();
            return if hosts.is_empty() { Ok(()) } else { Err(Error::hinted(NoAuthorities { hosts })) };
        };
        let path: NodePath = AUTHORITY.parse().map_err(Error::new)?;
        let own = plan::certificates(pki.kubernetes.public.as_bytes());
        for (node, state) in &observation.nodes {
            let Some(FileState::Present(file)) = state.files.get(&path) else { continue };
            let ObservedContent::Text(text) = &file.content else { continue };
            let found = plan::certificates(text.as_bytes());
            if !found.is_empty() && found.is_disjoint(&own) {
                let fingerprint = |pem: &str| pki::fingerprint(pem.as_bytes()).map_err(Error::hinted);
                let (found, own) = (fingerprint(text)?, fingerprint(&pki.kubernetes.public)?);
                return Err(Error::hinted(Stranger { node: node.clone(), found, own }));
            }
        }
        Ok(())
    }
}
