//! Why a removal stopped.

use crate::apply::DrainError;
use crate::error::Hint;
use crate::health::HealthError;
use std::time::Duration;

/// Why a removal stopped. What was done before stays done, and running it again goes on there.
#[derive(Debug, thiserror::Error)]
pub enum RemovalError {
    /// The node was not drained.
    #[error(transparent)]
    Drain(#[from] DrainError),
    /// A node or the cluster did not answer, or answered no.
    #[error(transparent)]
    Asked(#[from] HealthError),
    /// etcd has changed since it was looked at.
    #[error("remove the etcd member {name}: etcd is not as it was when the plan was made ({reason})")]
    Etcd {
        /// The member.
        name: String,
        /// What is otherwise.
        reason: String,
    },
    /// The member is still there, or the others do not answer without it.
    #[error("remove the etcd member {name}: after {} s {last}", waited.as_secs())]
    Member {
        /// The member.
        name: String,
        /// How long was waited.
        waited: Duration,
        /// What was seen last.
        last: String,
    },
    /// An apply holds the lock of the host since the plan was made.
    #[error("lock the node: it is locked by {owner}")]
    Locked {
        /// Who.
        owner: String,
    },
    /// A script on the host failed.
    #[error("{attempt}: {words}")]
    Script {
        /// What it was for.
        attempt: String,
        /// The last that it said.
        words: String,
    },
    /// Something is left on the host.
    #[error("reset the host: it still has {}", left.join(", "))]
    Left {
        /// What.
        left: Vec<String>,
    },
}

impl Hint for RemovalError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Drain(DrainError::Refused { .. }) => {
                "move these pods elsewhere yourself; where they may be lost, say `--delete-emptydir-data` or `--delete-unmanaged-pods`"
            }
            Self::Drain(DrainError::Deadline { .. }) => {
                "see `kubectl get pdb -A`: it takes more replicas elsewhere, or a longer `--drain-deadline`"
            }
            Self::Drain(error) => return error.hint(),
            Self::Asked(error) => return error.hint(),
            Self::Etcd { .. } | Self::Member { .. } => {
                "see `etcdctl member list` and `etcdctl endpoint health --cluster`, then run it again"
            }
            Self::Locked { .. } => "wait for its end, or bring it to one with `harden unlock`",
            Self::Script { .. } => "put right on the host what it names, then run it again",
            Self::Left { .. } => {
                "end it on the host (`crictl pods`, `systemctl status kubelet`), or restart the host, then run it again"
            }
        };
        Some(hint.to_owned())
    }
}
