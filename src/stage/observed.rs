//! What a control-plane node says of encryption, from what was observed on it.

use super::EncryptionConfig;
use crate::inventory::NodeName;
use crate::resource::{FileState, NodePath, Observed, ObservedContent};

const ENCRYPTION_FLAG: &str = "--encryption-provider-config";

/// One control-plane node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControlPlane {
    /// Its name.
    pub name: NodeName,
    /// What was observed on it; `None` where it could not be read.
    pub state: Option<EncryptionState>,
}

/// What a control-plane node says of encryption.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionState {
    /// The encryption config on its disk.
    pub file: EncryptionFile,
    /// The value of `--encryption-provider-config` in its API server's manifest; `None` where there is no such flag, and so
    /// nobody reads the file.
    pub flag: Option<String>,
}

/// The encryption config on a node's disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EncryptionFile {
    /// There is none.
    Absent,
    /// There is one.
    Present {
        /// What is in it.
        config: EncryptionConfig,
        /// SHA-256 of the file, hexadecimal.
        sha256: String,
    },
    /// There is something that cannot be judged; the text says why.
    Unreadable(String),
}

impl EncryptionState {
    /// Reads the encryption config at `path` and the API server's manifest out of what was observed on a node. The probe must
    /// have asked for both with their content.
    pub fn read(observed: &Observed, path: &NodePath, manifest: &NodePath) -> Self {
        Self {
            file: file(observed.files.get(path)),
            flag: flag(observed.files.get(manifest), ENCRYPTION_FLAG),
        }
    }
}

fn file(state: Option<&FileState>) -> EncryptionFile {
    let unreadable = |reason: &str| EncryptionFile::Unreadable(reason.to_owned());
    match state {
        None => unreadable("it was not asked for"),
        Some(FileState::Absent) => EncryptionFile::Absent,
        Some(FileState::Unknown(reason)) => unreadable(reason),
        Some(FileState::Present(file)) => match &file.content {
            ObservedContent::Text(text) => match EncryptionConfig::parse(text) {
                Ok(config) => EncryptionFile::Present { config, sha256: file.sha256.clone() },
                Err(error) => EncryptionFile::Unreadable(error.to_string()),
            },
            ObservedContent::Opaque => unreadable(
                "its secrets are written in a way that the node could not mask, so it was not sent",
            ),
            ObservedContent::NotRead | ObservedContent::AsExpected => {
                unreadable("it is not a regular file, or was not asked for")
            }
        },
    }
}

/// The value of a flag in a manifest, in either of the two ways in which a flag can be written. A manifest that cannot be read has
/// none: then nothing is proven of that API server.
pub fn flag(manifest: Option<&FileState>, name: &str) -> Option<String> {
    let Some(FileState::Present(file)) = manifest else { return None };
    let ObservedContent::Text(text) = &file.content else { return None };
    let pod: serde_json::Value = serde_saphyr::from_str(text).ok()?;
    let mut words = Vec::new();
    for container in pod.pointer("/spec/containers")?.as_array()? {
        for list in ["command", "args"] {
            words.extend(container.get(list).and_then(|list| list.as_array()).into_iter().flatten());
        }
    }
    let words: Vec<&str> = words.into_iter().filter_map(|word| word.as_str()).collect();
    words.iter().enumerate().find_map(|(index, word)| match word.strip_prefix(name)? {
        "" => words.get(index + 1).map(|value| (*value).to_owned()),
        rest => rest.strip_prefix('=').map(str::to_owned),
    })
}
