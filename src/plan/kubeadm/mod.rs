//! kubeadm's own records: what harden wants of the control plane and the kubelets is kept in them too, so that
//! `kubeadm upgrade` and `kubeadm join` do not undo it. They belong to the cluster; what differs between nodes has no place there.

mod command;
mod configuration;
mod defaults;
mod external_etcd;

pub use command::{command_line, is_node_local};
pub use configuration::{ControlPlaneComponent, Edited, KubeadmError, cluster_configuration};

use super::yaml_keys;
use super::{Action, ClusterChange, ClusterOperation, yaml::YamlError};
use crate::resource::{ConfigMapKey, ControlId, Kind, ObservedKey, ResourceId, Undo};
use serde_json::{Map, Value};

/// The value that kubeadm gives a flag by itself.
pub(super) fn default_flag(component: &str, name: &str) -> Option<&'static str> {
    defaults::flags(component).find(|(flag, _)| *flag == name).map(|(_, value)| value)
}

/// The kubelet configuration brought to the keys that are wanted on every node.
pub fn kubelet_configuration(text: &str, keys: &Map<String, Value>) -> Result<yaml_keys::Edited, YamlError> {
    let mut keys = keys.clone();
    keys.retain(|key, _| !defaults::NODE_LOCAL_KUBELET_KEYS.contains(&key.as_str()));
    yaml_keys::edit(text, &keys)
}

/// The change of a ConfigMap's key; `None` where its value stays.
pub(super) fn change(
    key: ConfigMapKey,
    observed: &ObservedKey,
    after: String,
    reasons: Vec<String>,
    controls: Vec<ControlId>,
) -> Option<ClusterChange> {
    if after == observed.value {
        return None;
    }
    let (namespace, name, data_key) = key.place();
    Some(ClusterChange {
        resource: ResourceId::new(Kind::Object, name),
        action: Action::Change,
        subject: format!("ConfigMap {namespace}/{name}"),
        reasons,
        before: Some(observed.value.clone()),
        after: Some(after.clone()),
        controls,
        undo: Undo::Full,
        operation: ClusterOperation::ReplaceConfigMapKey {
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            key: data_key.to_owned(),
            value: after,
            resource_version: observed.resource_version.clone(),
        },
    })
}
