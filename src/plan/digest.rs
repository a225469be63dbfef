//! Digests of what is wanted, and what they tell about a difference: did somebody change the node, or did the inventory
//! change?

use super::Origin;
use crate::resource::{FileState, Observed, Ownership, PresentFile, Resource};
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// SHA-256, hexadecimal.
pub fn sha256(bytes: &[u8]) -> String {
    openssl::sha::sha256(bytes).iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A digest of each certificate in a PEM file, whatever stands around and between them. Line ends do not count.
pub fn certificates(pem: &[u8]) -> BTreeSet<String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    let text = String::from_utf8_lossy(pem);
    let blocks = text.split(BEGIN).skip(1).filter_map(|rest| rest.split_once(END));
    blocks.map(|(body, _)| sha256(body.split_whitespace().collect::<String>().as_bytes())).collect()
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
        Some(FileState::Present(file)) => {
            let attributes = applied.attributes.get(path);
            file.sha256 != *left || attributes.is_some_and(|left| !has_attributes(file, left, observed))
        }
        Some(FileState::Absent) => true,
        Some(FileState::Unknown(_)) | None => false,
    });
    match (applied.desired == desired, touched) {
        (true, _) => Origin::Drift,
        (false, false) => Origin::Pending,
        (false, true) => Origin::Both,
    }
}

/// Whether owner, group and mode are as they were left, as far as that can be told.
fn has_attributes(file: &PresentFile, left: &Ownership, observed: &Observed) -> bool {
    file.mode == left.mode
        && (!observed.facts.owners || (file.owner == left.owner && file.group == left.group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn certificates_are_told_apart_by_what_is_in_them() {
        let one = "-----BEGIN CERTIFICATE-----\nMIIB\nAAAA\n-----END CERTIFICATE-----\n";
        let two = one.replace("AAAA", "BBBB");
        let both = certificates(format!("# old\r\n{}\nand new {two}", one.replace('\n', "\r\n")).as_bytes());
        assert_eq!(both.len(), 2);
        assert!(
            both.is_superset(&certificates(one.as_bytes()))
                && both.is_superset(&certificates(two.as_bytes()))
        );
        assert!(certificates(one.as_bytes()).is_disjoint(&certificates(two.as_bytes())));
        assert!(certificates(b"").is_empty() && certificates(b"-----BEGIN CERTIFICATE-----\nMI").is_empty());
    }
}
