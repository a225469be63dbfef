//! kubeadm's patches for one host: what its configuration cannot say, since it is of one host alone (the kubelet's certificate)
//! or has no place there (annotations of static pods).

use super::JoinKind;
use crate::inventory::Node;
use crate::plan::build::{Inputs, PlanError, Problem, host};
use crate::plan::yaml;
use crate::resource::Spec;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The file whose keys the kubelet's patch brings.
const KUBELET_CONFIG: &str = "/var/lib/kubelet/config.yaml";

/// File name, as kubeadm wants it (`TARGET+TYPE.yaml`), to text.
pub(super) fn patches(
    node: &Node,
    kind: JoinKind,
    inputs: &Inputs<'_>,
    notices: &mut Vec<String>,
) -> Result<BTreeMap<String, String>, PlanError> {
    let mut patches = BTreeMap::new();
    let mut add = |target: &str, patch: Value| -> Result<(), PlanError> {
        let text = yaml::rewrite("", &patch).map_err(Problem::KubeadmDocument)?;
        patches.insert(format!("{target}+merge.yaml"), text);
        Ok(())
    };
    let keys = host::safe_keys(node, KUBELET_CONFIG, inputs, notices)?;
    if !keys.is_empty() {
        add("kubeletconfiguration", Value::Object(keys))?;
    }
    let resources = inputs.desired.get(&node.name).map(|desired| desired.resources.as_slice());
    for resource in resources.unwrap_or_default() {
        match &resource.spec {
            Spec::StaticPod(spec) if kind != JoinKind::Worker && !spec.annotations.is_empty() => {
                let annotations: Map<String, Value> =
                    spec.annotations.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
                add(&spec.component, json!({"metadata": {"annotations": annotations}}))?;
            }
            _ => {}
        }
    }
    Ok(patches)
}
