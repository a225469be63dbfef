//! What the manifests on the nodes say of the control plane, for the templates: versions and flags.

use crate::desired::Versions;
use crate::inventory::{Minor, NodeName};
use crate::plan::manifest;
use crate::resource::Observed;
use std::collections::BTreeMap;

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
                let version = manifest::version(manifest::text(state, component)?, component).ok()??;
                Some(((*component).to_owned(), minor(&version)?))
            })
            .collect(),
    };
    observed.into_iter().map(|(node, state)| (node.clone(), of(state))).collect()
}

/// The flags in the manifests of the nodes' API servers. One that cannot be read is a problem of the plan, not of this.
pub(super) fn api_server_flags<'a>(
    observed: impl IntoIterator<Item = (&'a NodeName, &'a Observed)>,
) -> BTreeMap<NodeName, BTreeMap<String, String>> {
    let flags = |state| manifest::flags(manifest::text(state, "kube-apiserver")?, "kube-apiserver").ok();
    observed.into_iter().filter_map(|(node, state)| Some((node.clone(), flags(state)?))).collect()
}
