//! What is read of the cluster as a whole. Where it is read from is behind [`ClusterSource`]: the Kubernetes API and
//! etcd are reached through `cluster`, which stands beside this and is handed in.

use crate::event::{Event, Listener};
use crate::inventory::NodeName;
use crate::resource::{ClusterObserved, ConfigMapKey, DaemonSetState, ObservedKey};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

/// A running cluster, as far as it has to be read.
pub trait ClusterSource {
    /// Why reading failed.
    type Error: Display;

    /// The value of a key of a ConfigMap; `None` where there is no such ConfigMap or key.
    fn observed_key(&self, key: ConfigMapKey) -> Result<Option<ObservedKey>, Self::Error>;

    /// Every Kubernetes node by its name, with its addresses.
    fn nodes(&self) -> Result<BTreeMap<String, BTreeSet<String>>, Self::Error>;

    /// kube-proxy's DaemonSet; `None` where there is none.
    fn kube_proxy(&self) -> Result<Option<DaemonSetState>, Self::Error>;

    /// SHA-256 of the encryption config that this node's own API server has loaded; `None` where it has loaded none or
    /// does not say.
    fn loaded_encryption(&self, node: &NodeName) -> Result<Option<String>, Self::Error>;

    /// How many values of a resource etcd holds, by the provider prefix that they begin with; the empty prefix counts
    /// those in plain text.
    fn stored_prefixes(&self, resource: &str) -> Result<BTreeMap<String, usize>, Self::Error>;
}

/// Reads the cluster. `resources` are those that are encrypted at rest; none means that nobody asks for encryption, and
/// then neither the API servers nor etcd are asked about it.
///
/// An API server that does not answer is reported as one of which nothing is known, with a warning: the others can
/// still be planned for, and no stage proceeds on what is unknown.
pub fn observe_cluster<S: ClusterSource>(
    source: &S,
    control_planes: &[NodeName],
    resources: &[String],
    listener: &Listener<'_>,
) -> Result<ClusterObserved, S::Error> {
    let mut observed = ClusterObserved::default();
    for key in ConfigMapKey::ALL {
        if let Some(value) = source.observed_key(key)? {
            observed.config_maps.insert(key, value);
        }
    }
    observed.nodes = source.nodes()?;
    if observed.config_maps.contains_key(&ConfigMapKey::KubeProxyConfiguration) {
        observed.kube_proxy = source.kube_proxy()?;
    }
    if resources.is_empty() {
        return Ok(observed);
    }
    for node in control_planes {
        let loaded = source.loaded_encryption(node).unwrap_or_else(|error| {
            let text = format!("its API server does not say which encryption config it has loaded: {error}");
            listener(Event::Warning { node: Some(node.clone()), text });
            None
        });
        observed.loaded_encryption.insert(node.to_string(), loaded);
    }
    for resource in resources {
        observed.stored.insert(resource.clone(), source.stored_prefixes(resource)?);
    }
    Ok(observed)
}
