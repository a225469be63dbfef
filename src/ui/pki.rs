//! The cluster's own CAs and kubeconfigs, for people and for programs.
//!
//! `harden pki init|import|show -o json` is one object:
//!
//! | key | what |
//! |---|---|
//! | `format_version` | [`crate::trust::FORMAT_VERSION`]: a reader must refuse another number before the dot and ignore keys it does not know |
//! | `harden_version`, `cluster`, `store` | who read it, of what, from which folder |
//! | `entries` | each `{"name", "subject", "algorithm", "sha256", "expires", "new"}`: its name in the store; the common name of its certificate, or `null` for a bare public key; `ecdsa-p256`, `rsa2048`, `rsa4096` or `other`; SHA-256 of the certificate or public key in DER; when the certificate ends, seconds since 1970, or `null`; whether this run put it there |
//! | `missing` | the names of those that a complete set has and this one has not |
//!
//! `harden kubeconfig -o json` is one object with `format_version`, `harden_version` and `cluster` as above, and with `file`, where
//! it was written to, `server`, `user`, `groups`, and `expires` (seconds since 1970).

use super::json::document;
use super::moment::moment;
use super::{Tone, View, line};
use crate::resource::KeyAlgorithm;
use crate::trust::{Credential, Listed, Listing};

const COLUMNS: [&str; 4] = ["NAME", "SUBJECT", "ALGORITHM", "EXPIRES"];

/// What the store has as a table; empty where it has nothing.
pub fn listing(listing: &Listing, view: View) -> String {
    let Listing { cluster, store, entries, missing, .. } = listing;
    let cluster = view.paint.tone(Tone::Heading, &format!("Cluster {}", line(cluster)));
    if entries.is_empty() {
        return format!("{cluster}: no CA in {}\n", line(store));
    }
    let mut lines = vec![format!("{cluster}: its own CAs and keys in {}", line(store)), String::new()];
    let rows: Vec<[String; 4]> =
        [COLUMNS.map(str::to_owned)].into_iter().chain(entries.iter().map(cells)).collect();
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [width(0), width(1), width(2)];
    for (index, row) in rows.iter().enumerate() {
        let [name, subject, algorithm, expires] = row;
        let text = format!(
            "  {name:<0$}  {subject:<1$}  {algorithm:<2$}  {expires}",
            widths[0], widths[1], widths[2]
        );
        match index.checked_sub(1).and_then(|index| entries.get(index)) {
            None => lines.push(view.paint.tone(Tone::Heading, text.trim_end())),
            Some(entry) => {
                let new = if entry.new { view.paint.tone(Tone::Added, "  new") } else { String::new() };
                lines.push(format!("{}{new}", text.trim_end()));
                lines.push(view.paint.tone(Tone::Faint, &format!("    SHA-256 {}", line(&entry.sha256))));
            }
        }
    }
    for name in missing {
        lines.push(view.paint.tone(Tone::Error, &format!("  {name}  MISSING")));
    }
    lines.push(String::new());
    lines.join("\n")
}

fn cells(entry: &Listed) -> [String; 4] {
    let algorithm = match entry.algorithm {
        KeyAlgorithm::EcdsaP256 => "ECDSA P-256",
        KeyAlgorithm::Rsa2048 => "RSA 2048",
        KeyAlgorithm::Rsa4096 => "RSA 4096",
        KeyAlgorithm::Other => "other",
    };
    [
        line(&entry.name),
        entry.subject.as_deref().map(line).unwrap_or_default(),
        algorithm.to_owned(),
        entry.expires.map_or_else(|| String::from("never"), moment),
    ]
}

/// What the store has as a pretty-printed JSON document.
pub fn listing_json(listing: &Listing) -> Result<String, serde_json::Error> {
    document(listing)
}

/// What is publicly known of a kubeconfig for a person that was written.
pub fn credential(credential: &Credential) -> String {
    let written = written(credential);
    format!(
        "{written}Until then the certificate in it cannot be revoked: rights are taken away by RBAC alone.\n"
    )
}

/// What is publicly known of a kubeconfig that was written, in one line.
pub fn written(credential: &Credential) -> String {
    let Credential { file, server, user, groups, expires, .. } = credential;
    let groups = groups.iter().map(|group| line(group)).collect::<Vec<_>>().join(", ");
    let groups = if groups.is_empty() { String::from("no group") } else { groups };
    format!(
        "{}: {} as {} ({groups}), valid until {}\n",
        line(file),
        line(server),
        line(user),
        moment(*expires)
    )
}

/// The warning that goes with a kubeconfig for emergencies.
pub fn break_glass_warning(credential: &Credential) -> String {
    format!(
        "warning: whoever has {} can do everything in {} until {}, whatever RBAC says, and it cannot be revoked: remove it \
         when the emergency is over; it stays sealed in the store\n",
        line(&credential.file),
        line(&credential.cluster),
        moment(credential.expires)
    )
}

/// What is publicly known of a kubeconfig that was written as a pretty-printed JSON document.
pub fn credential_json(credential: &Credential) -> Result<String, serde_json::Error> {
    document(credential)
}
