//! What the manifests on the nodes say of the control plane, for the templates: versions and flags.

use crate::desired::Versions;
use crate::inventory::{Minor, NodeName};
use crate::plan;
use crate::resource::{FileState, Observed, ObservedContent};
use std::collections::BTreeMap;

/// Where kubeadm puts the manifests of static pods.
const MANIFESTS: &str = "/etc/kubernetes/manifests/";
/// The components whose images have Kubernetes' own version.
const COMPONENTS: [&str; 3] = ["kube-apiserver", "kube-controller-manager", "kube-scheduler"];

/// The minor versions that the nodes' kubelets say they are, and those of the images of their control planes.
pub(super) fn versions<'a>(
    observed: impl IntoIterator<Item = (&'a NodeName, &'a Observed)>,
) -> BTreeMap<NodeName, Versions> {
    let minor = |version: &str| version.strip_prefix("v1.")?.split('.').next()?.parse().ok().map(Minor);
    let of = |state: &Observed| Versions {
        kubelet: state.facts.kubelet_version.as_deref().and_then(minor),
        components: COMPONENTS
            .iter()
            .filter_map(|component| {
                let version = plan::manifest::version(manifest(state, component)?, component).ok()??;
                Some(((*component).to_owned(), minor(&version)?))
            })
            .collect(),
    };
    observed.into_iter().map(|(node, state)| (node.clone(), of(state))).collect()
}

/// The text of the manifest of a component, where it could be read.
fn manifest<'a>(state: &'a Observed, component: &str) -> Option<&'a str> {
    let (_, file) = state.files.iter().find(|(path, _)| {
        path.as_str().strip_prefix(MANIFESTS).and_then(|name| name.strip_suffix(".yaml")) == Some(component)
    })?;
    let FileState::Present(file) = file else { return None };
    let ObservedContent::Text(text) = &file.content else { return None };
    Some(text)
}

/// The flags in the manifests of the nodes' API servers. One that cannot be read is a problem of the plan, not of this.
pub(super) fn api_server_flags<'a>(
    observed: impl IntoIterator<Item = (&'a NodeName, &'a Observed)>,
) -> BTreeMap<NodeName, BTreeMap<String, String>> {
    let flags = |state| plan::manifest::flags(manifest(state, "kube-apiserver")?, "kube-apiserver").ok();
    observed.into_iter().filter_map(|(node, state)| Some((node.clone(), flags(state)?))).collect()
}
