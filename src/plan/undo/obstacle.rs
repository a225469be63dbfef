//! Why a transaction cannot be taken back: one reason for each resource, and path of it, that stands in the way.

use crate::resource::{NodePath, ResourceId, Undo};
use std::fmt;

/// One reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// A change of it cannot be taken back, whatever is kept.
    Final {
        /// Which resource.
        resource: ResourceId,
        /// How far it can be.
        undo: Undo,
    },
    /// The copy of what was there is gone.
    NoCopy {
        /// Which resource.
        resource: ResourceId,
        /// Where.
        path: NodePath,
        /// Why.
        why: NoCopy,
    },
    /// Something is not as the transaction left it.
    Moved {
        /// Which resource.
        resource: ResourceId,
        /// Where: a path, a kernel parameter or a unit.
        place: String,
        /// What of it.
        what: Moved,
        /// The later transaction that changed it, where that is known.
        by: Option<String>,
    },
}

/// Why there is no copy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoCopy {
    /// It was private.
    Private,
    /// The file was removed on purpose.
    Removed,
    /// It is not there, or not what was copied.
    Damaged,
}

/// What is not as it was left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// It is gone.
    Gone,
    /// It is there, and was not.
    There,
    /// Its content.
    Content,
    /// Its owner, group or mode.
    Attributes,
    /// A value: what was set, and what is now.
    Value(String, String),
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Final { resource, undo: Undo::UntilCommit } => write!(
                f,
                "{resource}: it cannot be taken back once it is confirmed, since data may need it that was written meanwhile"
            ),
            Self::Final { resource, .. } => write!(f, "{resource}: it cannot be taken back"),
            Self::NoCopy { resource, path, why } => {
                write!(f, "{resource}: there is no copy of the old {path}: ")?;
                f.write_str(match why {
                    NoCopy::Private => {
                        "those of private keys and secrets are removed when their transaction ends, on purpose"
                    }
                    NoCopy::Removed => {
                        "those of removed files go when their transaction ends, since they may be private"
                    }
                    NoCopy::Damaged => "it is gone, or it is not what was copied",
                })
            }
            Self::Moved { resource, place, what, by } => {
                write!(f, "{resource}: {place} is not as it was left: ")?;
                match what {
                    Moved::Gone => f.write_str("it is gone")?,
                    Moved::There => f.write_str("it had been removed, and is there")?,
                    Moved::Content => f.write_str("its content changed")?,
                    Moved::Attributes => f.write_str("its owner or mode changed")?,
                    Moved::Value(set, now) => write!(f, "it was set to {set} and is {now}")?,
                }
                match by {
                    Some(by) => write!(f, ", by transaction {by}"),
                    None => write!(f, ", by somebody else than harden"),
                }
            }
        }
    }
}
