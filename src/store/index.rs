//! The public index: what secrets there are, and how the key that seals them is sealed itself. It holds no secret and
//! may be committed beside the inventory.

use super::error::StoreError;
use super::files;
use super::seal::Wrapping;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// The index's name below the store's folder.
pub const FILE: &str = "index.toml";

/// The format of index and sealed files.
pub(super) const FORMAT: u32 = 1;

const HEADER: &str = "# The secrets of this cluster, by name. Written by harden; it holds no secret itself, and without\n\
                      # it the sealed files beside it cannot be opened: keep them together.\n";

/// The public index.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Index {
    format: u32,
    /// How the data key is sealed; `None` before the first unlocking.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) wrapping: Option<Wrapping>,
    #[serde(default)]
    pub(super) secrets: BTreeMap<String, Entry>,
}

/// What is publicly known of a secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What it is for.
    pub kind: SecretKind,
    /// When it was made, seconds since 1970.
    pub created: i64,
    /// SHA-256 of its value, hexadecimal. All secrets here are random, so it does not help to guess them.
    pub sha256: String,
    /// What belongs to a private key and is public: a certificate or a public key, PEM. It is sealed in with the value, so
    /// that one which was changed here is found when the value is read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub public: Option<String>,
    /// Since when it is no longer used, seconds since 1970.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retired: Option<i64>,
}

/// What a secret is for. All kinds are random values: their digests are public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecretKind {
    /// A key of encryption at rest, base64.
    EncryptionKey,
    /// A private key, PEM.
    PrivateKey,
    /// A kubeconfig with a private key in it, YAML.
    Kubeconfig,
}

impl Index {
    /// Where the index of a store is.
    pub(super) fn path(folder: &Path) -> PathBuf {
        folder.join(FILE)
    }

    /// Reads the index of a store; a folder without anything sealed has an empty one.
    pub(super) fn read(folder: &Path) -> Result<Self, StoreError> {
        let path = Self::path(folder);
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return match files::any_sealed(folder)? {
                    Some(sealed) => Err(StoreError::IndexMissing { index: path, sealed }),
                    None => Ok(Self { format: FORMAT, wrapping: None, secrets: BTreeMap::new() }),
                };
            }
            Err(source) => return Err(StoreError::Read { path, source }),
        };
        Self::parse(&path, &text)
    }

    /// The format is looked at first: everything else may be different in another one.
    fn parse(path: &Path, text: &str) -> Result<Self, StoreError> {
        #[derive(Deserialize)]
        struct Version {
            format: u32,
        }
        let index = |error: toml::de::Error| StoreError::Index {
            path: path.to_owned(),
            reason: error.message().to_owned(),
        };
        let version: Version = toml::from_str(text).map_err(index)?;
        if version.format != FORMAT {
            let found = version.format.to_string();
            return Err(StoreError::Format { path: path.to_owned(), found, known: FORMAT });
        }
        toml::from_str(text).map_err(index)
    }

    /// Writes the index of a store.
    pub(super) fn write(&self, folder: &Path) -> Result<(), StoreError> {
        let path = Self::path(folder);
        let text = toml::to_string(self)
            .map_err(|error| StoreError::Index { path: path.clone(), reason: error.to_string() })?;
        files::replace(&path, format!("{HEADER}{text}").as_bytes())
    }
}
