//! Why CAs could not be made or taken over, or a kubeconfig not issued, and what to do about it.

use crate::error::Hint;
use crate::inventory::NodeName;
use crate::pki::PkiError;
use crate::store::{Store, StoreError};
use std::path::PathBuf;

/// Why CAs could not be made or taken over, or a kubeconfig not issued. No variant holds key material.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file of an existing CA is not there.
    #[error("take over {subject}: {file} is missing")]
    Missing {
        /// Which CA or key pair.
        subject: &'static str,
        /// The file, and where.
        file: String,
    },
    /// The files of an existing CA are of no use.
    #[error("take over {subject} from {files}")]
    Unusable {
        /// Which CA or key pair.
        subject: &'static str,
        /// The files, and where.
        files: String,
        /// What is wrong.
        source: PkiError,
    },
    /// The store has another one.
    #[error(
        "take over {subject}: {file} has the fingerprint {found}, and the store has another one as `{name}`, {stored}"
    )]
    Conflict {
        /// Which CA or key pair.
        subject: &'static str,
        /// Its name in the store.
        name: &'static str,
        /// The file, and where.
        file: String,
        /// The fingerprint of what is in the file.
        found: String,
        /// The fingerprint of what is in the store.
        stored: String,
    },
    /// A host's CA is another one than that of the store.
    #[error(
        "{node} belongs to another cluster, and nothing was changed: its CA {file}, `{subject}`, has the fingerprint {found}, and that of this cluster has {stored}"
    )]
    OtherCluster {
        /// The host.
        node: NodeName,
        /// The file.
        file: String,
        /// The common name of the CA that is there.
        subject: String,
        /// Its fingerprint.
        found: String,
        /// The fingerprint of what is in the store.
        stored: String,
    },
    /// What is public of a secret was changed. What OpenSSL says of such a text helps nobody.
    #[error("read {}: what is public of `{name}` is neither a certificate nor a public key any more", index.display())]
    Unreadable {
        /// Its name in the store.
        name: String,
        /// The index.
        index: PathBuf,
    },
    /// Something could not be made.
    #[error("make `{name}`")]
    Make {
        /// What.
        name: String,
        /// Why.
        source: PkiError,
    },
    /// There is no CA to issue with.
    #[error("there is no CA in the store to issue `{user}` with")]
    NoAuthority {
        /// For whom.
        user: String,
    },
    /// A user or a group that a kubeconfig is not issued for.
    #[error("issue a kubeconfig for {who}: {reason}")]
    Refused {
        /// Which user or group.
        who: String,
        /// Why not.
        reason: &'static str,
        /// What to do instead.
        remedy: &'static str,
    },
    /// The store could not be read or written.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl TrustError {
    pub(super) fn unreadable(name: &str, store: &Store) -> Self {
        Self::Unreadable { name: name.to_owned(), index: store.index_path() }
    }
}

impl Hint for TrustError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Missing { .. } => {
                "name the node that has it with `--node NODE`, or a copy of kubeadm's folder with `--from FOLDER`"
            }
            Self::Conflict { .. } => {
                "the store belongs to another cluster, or the cluster's CA was replaced: use an inventory with a store of its own"
            }
            Self::OtherCluster { .. } => {
                "take the host out of the inventory, or if nothing on it is needed any more reset it with `kubeadm reset`; where the store is that of another cluster, put the right one beside the inventory"
            }
            Self::NoAuthority { .. } => {
                "`harden pki import` takes over the CAs of a cluster that exists, `harden pki init` makes those of a new one"
            }
            Self::Refused { remedy, .. } => remedy,
            Self::Unreadable { .. } => {
                "put the index back from version control or a backup; the sealed files beside it are not affected"
            }
            Self::Unusable { source, .. } | Self::Make { source, .. } => return source.hint(),
            Self::Store(error) => return error.hint(),
        };
        Some(hint.to_owned())
    }
}
