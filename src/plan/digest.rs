//! Digests of what is wanted, and what they tell about a difference: did somebody change the node, or did the inventory
//! change?

use super::Origin;
use crate::resource::{FileState, Observed, Resource};
use std::fmt::Write as _;

/// SHA-256, hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    openssl::sha::sha256(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// Digest of what is wanted of a resource: SHA-256 of its spec as JSON with sorted keys. What only explains it (controls
/// of the resource, its templates) is not part of it.
pub fn digest(resource: &Resource) -> String {
    // serde_json's own map is sorted; a spec has no value that JSON cannot hold.
    let value = serde_json::to_value(&resource.spec).unwrap_or_default();
    sha256(value.to_string().as_bytes())
}

/// Where a difference of a resource comes from, by what harden left on the node last.
pub(super) fn origin(resource: &Resource, observed: &Observed, desired: &str) -> Origin {
    let Some(applied) = observed.applied.as_ref().and_then(|applied| applied.resources.get(&resource.id))
    else {
        return Origin::New;
    };
    let touched = applied.files.iter().any(|(path, left)| match observed.files.get(path) {
        Some(FileState::Present(file)) => file.sha256 != *left,
        Some(FileState::Absent) => true,
        Some(FileState::Unknown(_)) | None => false,
    });
    match (applied.desired == desired, touched) {
        (true, _) => Origin::Drift,
        (false, false) => Origin::Pending,
        (false, true) => Origin::Both,
    }
}
