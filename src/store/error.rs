//! Why the store could not be read or written, and what to do about it.

use crate::error::Hint;
use openssl::error::ErrorStack;
use std::path::PathBuf;

/// Why the store could not be read or written. No variant holds a secret.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A file could not be read.
    #[error("read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file could not be written.
    #[error("write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The index is not what harden wrote.
    #[error("read {}: {reason}", path.display())]
    Index {
        /// The index.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The index or a sealed file was written by a newer harden.
    #[error("{} has format {found}; this harden reads format {known}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: String,
        /// The format that is known.
        known: u32,
    },
    /// There are sealed files and no index, without which they cannot be opened.
    #[error("{} is missing, and {} is there", index.display(), sealed.display())]
    IndexMissing {
        /// The index.
        index: PathBuf,
        /// One of the sealed files.
        sealed: PathBuf,
    },
    /// The content of a key file is no key.
    #[error("read the store's key file: it holds {length} bytes that are not a key of 32 bytes")]
    KeyFile {
        /// How many bytes it holds.
        length: usize,
    },
    /// A passphrase that is empty protects nothing.
    #[error("open the store: the passphrase is empty")]
    EmptyPassphrase,
    /// A key file was given where a passphrase is needed, or the other way round.
    #[error("open the store: it is sealed with a {needed}, and a {given} was given")]
    WrongSource {
        /// What it is sealed with.
        needed: &'static str,
        /// What was given.
        given: &'static str,
    },
    /// The key or passphrase does not open the store.
    #[error("open the store: the key or passphrase is not the one that it was sealed with")]
    WrongKey,
    /// There is no secret of that name.
    #[error("there is no secret `{name}` in the store")]
    NoSuchSecret {
        /// The name.
        name: String,
    },
    /// A name that is no path below the store's folder.
    #[error("`{name}` is not a name for a secret; it looks like `encryption/key-20261124`")]
    Name {
        /// The name.
        name: String,
    },
    /// A secret of that name is there.
    #[error("make the secret `{name}`: {} is there already, and nothing is overwritten", path.display())]
    Exists {
        /// The name.
        name: String,
        /// Its file.
        path: PathBuf,
    },
    /// The index names a secret whose file is not there.
    #[error("{} is missing", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The index names CAs or key pairs of the cluster whose sealed files are not there: what it says of them is public, and no key.
    #[error("{} names what is not there any more: {} {} missing", index.display(), list(paths), if paths.len() == 1 { "is" } else { "are" })]
    Unsealed {
        /// The index.
        index: PathBuf,
        /// The files.
        paths: Vec<PathBuf>,
    },
    /// A sealed file is shorter than it says itself.
    #[error("{} is cut off: it holds {actual} of at least {expected} sealed bytes", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// How much there is.
        actual: usize,
        /// How much there should be.
        expected: usize,
    },
    /// A sealed file is not what was sealed, or belongs to another name or store.
    #[error("{} was changed after it was sealed, or belongs to another secret or store", path.display())]
    Tampered {
        /// The file.
        path: PathBuf,
    },
    /// A sealed file or what the index says beside it is not what was sealed.
    #[error(
        "{} or the public part of `{name}` in {} was changed after it was sealed",
        path.display(),
        index.display()
    )]
    TamperedPair {
        /// The secret.
        name: String,
        /// Its file.
        path: PathBuf,
        /// The index.
        index: PathBuf,
    },
    /// What would stand in the index for everybody to read holds a private key.
    #[error("make the secret `{name}`: a private key stands among what would be public of it")]
    NotPublic {
        /// The secret.
        name: String,
    },
    /// The cluster's CAs and key pairs are not all there.
    #[error("the store has only a part of the cluster's CAs and keys: {} is missing", missing.join(", "))]
    IncompletePki {
        /// The names of those that are missing.
        missing: Vec<&'static str>,
    },
    /// A CA or key pair without what is public of it.
    #[error("read {}: `{name}` has no public part", index.display())]
    NoPublic {
        /// The secret.
        name: String,
        /// The index.
        index: PathBuf,
    },
    /// OpenSSL refused a step.
    #[error("{attempt}")]
    Crypto {
        /// What was attempted.
        attempt: &'static str,
        /// What OpenSSL said.
        source: ErrorStack,
    },
}

fn list(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(", ")
}

impl Hint for StoreError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Format { .. } => "use the version of harden that wrote it, or a newer one",
            Self::Index { .. }
            | Self::IndexMissing { .. }
            | Self::Missing { .. }
            | Self::Truncated { .. }
            | Self::Tampered { .. }
            | Self::TamperedPair { .. }
            | Self::NoPublic { .. } => {
                "put the file back from version control or a backup; the other secrets are not affected"
            }
            Self::Unsealed { .. } => {
                "put it back from version control or a backup; where there is none, take its entry out of the index: `harden pki import` then takes it over from a cluster that exists, and `harden pki init` makes another one for a cluster that is not made yet"
            }
            Self::NotPublic { .. } => "leave nothing but certificates, or the public key, in the file",
            Self::IncompletePki { .. } => {
                "`harden pki import` takes over what a cluster has; for a cluster that is not made yet `harden pki init` makes what is missing"
            }
            Self::KeyFile { .. } => "make one with `openssl rand -base64 32`",
            Self::WrongSource { needed: "key file", .. } => "set HARDEN_KEY_FILE to the key file",
            Self::WrongSource { .. } => "give the passphrase, and no key file",
            Self::WrongKey => "try again with the right one; nothing was changed",
            Self::Exists { .. } => {
                "choose another name; if the index does not name the file, a run was cut off while making it, and it can be moved away"
            }
            _ => return None,
        };
        Some(hint.to_owned())
    }
}
