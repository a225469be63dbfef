//! The images that the API lists of a node.

use super::{Api, ClusterError};
use k8s_openapi::api::core::v1::Node;
use std::collections::BTreeSet;

/// So many images a kubelet lists, unless its `nodeStatusMaxImages` says otherwise; the largest ones.
const MOST_LISTED: usize = 50;

/// The images that the API lists of a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeImages {
    /// Their names, several of each.
    pub names: BTreeSet<String>,
    /// Whether these are all that there are.
    pub all: bool,
}

impl Api {
    /// The images that a node's status lists; `None` when it has not joined.
    pub fn node_images(&self, name: &str) -> Result<Option<NodeImages>, ClusterError> {
        let node: Option<Node> =
            self.get(&format!("read the images of node {name}"), &format!("/api/v1/nodes/{name}"))?;
        Ok(node.map(|node| {
            let images = node.status.and_then(|status| status.images).unwrap_or_default();
            let all = !images.is_empty() && images.len() < MOST_LISTED;
            NodeImages { all, names: images.into_iter().filter_map(|image| image.names).flatten().collect() }
        }))
    }
}
