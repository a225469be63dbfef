//! Which CA key signs a certificate: the store's where the CA is there, the node's own where it has one, otherwise that of a node
//! with the same CA.

use super::{Context, DiffError};
use crate::inventory::NodeName;
use crate::plan::Authority;
use crate::resource::{CertificateSpec, FileState, Observed};

/// A node on which keys of CAs are looked for, and what is on it.
pub(in crate::plan) type Holder<'a> = (&'a NodeName, &'a Observed);

/// Who signs. What a node has of a CA that is in the store does not matter: the store's is the one.
pub(super) fn authority(spec: &CertificateSpec, context: &Context<'_>) -> Result<Authority, DiffError> {
    match &spec.stored_issuer {
        Some(pair) => Ok(Authority::Store(pair.clone())),
        None => node(spec, context).map(Authority::Node),
    }
}

/// The node whose key signs. A CA of the same name with another key is another CA, and never signs.
fn node(spec: &CertificateSpec, context: &Context<'_>) -> Result<NodeName, DiffError> {
    if holds_key(spec, context.observed) {
        return Ok(context.node.clone());
    }
    let own = context.observed.authorities.get(&spec.issuer_path);
    let mut stranger = None;
    for (node, observed) in context.holders.iter().filter(|(_, observed)| holds_key(spec, observed)) {
        match (own, observed.authorities.get(&spec.issuer_path)) {
            (Some(own), Some(theirs)) if own.is_disjoint(theirs) => {
                stranger.get_or_insert(*node);
            }
            _ => return Ok((*node).clone()),
        }
    }
    match (stranger, context.observed.files.get(&spec.issuer_key_path)) {
        (Some(node), _) => {
            Err(DiffError::OtherAuthority { path: spec.issuer_path.clone(), node: node.clone() })
        }
        (None, Some(FileState::Absent)) => {
            Err(DiffError::NoAuthority { path: spec.path.clone(), key: spec.issuer_key_path.clone() })
        }
        // It cannot be told; apply looks.
        (None, _) => Ok(context.node.clone()),
    }
}

fn holds_key(spec: &CertificateSpec, observed: &Observed) -> bool {
    matches!(observed.files.get(&spec.issuer_key_path), Some(FileState::Present(_)))
}
