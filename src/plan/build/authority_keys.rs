//! Keys of CAs that are on nodes although the inventory has them in the store alone.

use super::Inputs;
use crate::inventory::{CaKeys, NodeName};
use crate::resource::{FileState, NodePath, Observed};

const KEYS: [&str; 3] = [
    "/etc/kubernetes/pki/ca.key",
    "/etc/kubernetes/pki/etcd/ca.key",
    "/etc/kubernetes/pki/front-proxy-ca.key",
];

/// They are not deleted: in a cluster that harden did not make they may be the only ones.
pub(super) fn notice(inputs: &Inputs<'_>) -> Option<String> {
    if inputs.inventory.pki.ca_keys != CaKeys::Store {
        return None;
    }
    let of_limit = inputs.observed.iter().filter(|(node, _)| inputs.limit.contains(*node));
    let nodes: Vec<&str> = of_limit
        .filter(|(_, observed)| has_key(observed))
        .map(|(node, _): (&NodeName, _)| node.as_str())
        .collect();
    (!nodes.is_empty()).then(|| {
        format!(
            "keys of CAs are on {} although [pki] says `ca-keys = \"store\"`: harden leaves them there; once `harden pki show` lists all of \
             them in the store, delete {} on each",
            nodes.join(", "),
            KEYS.join(", ")
        )
    })
}

fn has_key(observed: &Observed) -> bool {
    let is_there = |path: NodePath| matches!(observed.files.get(&path), Some(FileState::Present(_)));
    KEYS.iter().filter_map(|path| path.parse().ok()).any(is_there)
}
