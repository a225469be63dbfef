//! What the store has, as it is shown: the public parts tell all of it.

use super::TrustError;
use crate::pki::{self, PkiError};
use crate::resource::KeyAlgorithm;
use crate::store::pki::NAMES;
use crate::store::{SecretKind, Store};
use serde::Serialize;
use std::path::Path;

/// The version of the JSON forms of `harden pki` and `harden kubeconfig`.
pub const FORMAT_VERSION: &str = "1.0";

/// A line between which and the next one PEM holds a certificate.
const CERTIFICATE: &str = "-----BEGIN CERTIFICATE-----";

/// The CAs and key pairs of a store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listing {
    /// [`FORMAT_VERSION`].
    pub format_version: &'static str,
    /// The version of harden that read it.
    pub harden_version: &'static str,
    /// The cluster's name.
    pub cluster: String,
    /// The folder of the store.
    pub store: String,
    /// Those that are there.
    pub entries: Vec<Listed>,
    /// The names of those that a complete set has and this one has not.
    pub missing: Vec<&'static str>,
}

/// A CA, a key pair, or the certificate of a sealed kubeconfig.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Listed {
    /// Its name in the store.
    pub name: String,
    /// The common name of its certificate; `None` for a bare public key.
    pub subject: Option<String>,
    /// The algorithm of its key.
    pub algorithm: KeyAlgorithm,
    /// SHA-256 of the certificate, or of the public key, both in DER.
    pub sha256: String,
    /// When its certificate ends, seconds since 1970; `None` for a bare public key.
    pub expires: Option<i64>,
    /// Whether this run put it there.
    pub new: bool,
}

impl Listing {
    /// What is there. `new` are the names that this run put there.
    pub fn of(store: &Store, folder: &Path, cluster: &str, new: &[String]) -> Result<Self, TrustError> {
        let kubeconfigs = store
            .entries()
            .iter()
            .filter(|(_, entry)| entry.kind == SecretKind::Kubeconfig && entry.retired.is_none())
            .map(|(name, _)| name.as_str());
        let names = NAMES.into_iter().chain(kubeconfigs);
        let mut entries = Vec::new();
        for name in names {
            if let Some(pair) = store.pair(name)? {
                let listed =
                    listed(name, &pair.public, new).map_err(|_| TrustError::unreadable(name, store))?;
                entries.push(listed);
            }
        }
        let missing = NAMES.into_iter().filter(|name| !store.entries().contains_key(*name));
        Ok(Self {
            format_version: FORMAT_VERSION,
            harden_version: env!("CARGO_PKG_VERSION"),
            cluster: cluster.to_owned(),
            store: folder.display().to_string(),
            entries,
            missing: missing.collect(),
        })
    }
}

fn listed(name: &str, public: &str, new: &[String]) -> Result<Listed, PkiError> {
    let new = new.iter().any(|of| of == name);
    let name = name.to_owned();
    if !public.contains(CERTIFICATE) {
        let (sha256, algorithm) = pki::public_key_fingerprint(public.as_bytes())?;
        return Ok(Listed { name, subject: None, algorithm, sha256, expires: None, new });
    }
    let facts = pki::read(public.as_bytes(), None)?;
    Ok(Listed {
        name,
        subject: Some(facts.common_name),
        algorithm: facts.algorithm,
        sha256: pki::fingerprint(public.as_bytes())?,
        expires: Some(facts.not_after),
        new,
    })
}

/// By which a CA or a public key is told from another of the same name.
pub(super) fn public_fingerprint(public: &str) -> Result<String, PkiError> {
    if public.contains(CERTIFICATE) {
        return pki::fingerprint(public.as_bytes());
    }
    pki::public_key_fingerprint(public.as_bytes()).map(|(fingerprint, _)| fingerprint)
}
