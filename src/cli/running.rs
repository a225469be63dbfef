//! The running cluster as `observe` asks for it: through the first control plane that can be reached, or a node's own.

use crate::cluster::NodeInfo;
use crate::health::{HealthError, Reach};
use crate::inventory::NodeName;
use crate::observe;
use crate::resource::{ConfigMapKey, DaemonSetState, ObservedKey};
use std::collections::{BTreeMap, BTreeSet};

/// The running cluster, for `observe`.
pub(super) struct Running<'a>(&'a Reach);

impl<'a> Running<'a> {
    pub(super) fn new(reach: &'a Reach) -> Self {
        Self(reach)
    }

    fn first(&self) -> Result<&NodeName, HealthError> {
        self.0.control_planes().first().ok_or(HealthError::NoCluster)
    }
}

impl observe::ClusterSource for Running<'_> {
    type Error = HealthError;

    fn observed_key(&self, key: ConfigMapKey) -> Result<Option<ObservedKey>, HealthError> {
        self.0.ask(self.first()?, |plane| plane.api.observed_key(key))
    }

    fn nodes(&self) -> Result<BTreeMap<String, BTreeSet<String>>, HealthError> {
        let nodes = self.0.ask(self.first()?, |plane| plane.api.nodes())?;
        let addresses = |node: NodeInfo| node.addresses.into_iter().map(|(_, address)| address).collect();
        Ok(nodes.into_iter().map(|node| (node.name.clone(), addresses(node))).collect())
    }

    fn kube_proxy(&self) -> Result<Option<DaemonSetState>, HealthError> {
        self.0.ask(self.first()?, |plane| plane.api.daemon_set("kube-system", "kube-proxy"))
    }

    fn loaded_encryption(&self, node: &NodeName) -> Result<Option<String>, HealthError> {
        self.0.ask(node, |plane| plane.api.loaded_encryption())
    }

    fn stored_prefixes(&self, resource: &str) -> Result<BTreeMap<String, usize>, HealthError> {
        self.0.ask(self.first()?, |plane| match &plane.etcd {
            Some(etcd) => etcd.stored_prefixes(resource),
            None => Ok(BTreeMap::new()),
        })
    }
}
