//! The running cluster as `observe` asks for it: through the first control plane that can be reached, or a node's own.

use crate::cluster::NodeInfo;
use crate::health::{HealthError, Reach};
use crate::inventory::NodeName;
use crate::observe;
use crate::resource::{ConfigMapKey, DaemonSetState, ObservedKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

/// The running cluster, for `observe`.
pub(super) struct Running<'a> {
    reach: &'a Reach,
    /// The nodes in full, once they were asked for: `observe` needs less of them than preflights do.
    nodes: OnceLock<Vec<NodeInfo>>,
}

impl<'a> Running<'a> {
    pub(super) fn new(reach: &'a Reach) -> Self {
        Self { reach, nodes: OnceLock::new() }
    }

    /// The Kubernetes nodes, as far as they were asked for.
    pub(super) fn into_nodes(self) -> Vec<NodeInfo> {
        self.nodes.into_inner().unwrap_or_default()
    }

    fn first(&self) -> Result<&NodeName, HealthError> {
        self.reach.control_planes().first().ok_or(HealthError::NoCluster)
    }
}

impl observe::ClusterSource for Running<'_> {
    type Error = HealthError;

    fn observed_key(&self, key: ConfigMapKey) -> Result<Option<ObservedKey>, HealthError> {
        self.reach.ask(self.first()?, |plane| plane.api.observed_key(key))
    }

    fn nodes(&self) -> Result<BTreeMap<String, BTreeSet<String>>, HealthError> {
        let nodes = self.reach.ask(self.first()?, |plane| plane.api.nodes())?;
        let addresses = |node: &NodeInfo| node.addresses.iter().map(|(_, address)| address.clone()).collect();
        let found = nodes.iter().map(|node| (node.name.clone(), addresses(node))).collect();
        // Asked for once in a run; of a second answer the first stays.
        let _ = self.nodes.set(nodes);
        Ok(found)
    }

    fn kube_proxy(&self) -> Result<Option<DaemonSetState>, HealthError> {
        self.reach.ask(self.first()?, |plane| plane.api.daemon_set("kube-system", "kube-proxy"))
    }

    fn loaded_encryption(&self, node: &NodeName) -> Result<Option<String>, HealthError> {
        self.reach.ask(node, |plane| plane.api.loaded_encryption())
    }

    fn stored_prefixes(&self, resource: &str) -> Result<BTreeMap<String, usize>, HealthError> {
        Ok(self.reach.any_member(|etcd| etcd.stored_prefixes(resource))?.unwrap_or_default())
    }
}
