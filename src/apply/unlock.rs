//! Breaks the lock of one node: the transaction that holds it is brought to its end by its own rollback, and a lock that
//! belongs to nothing is removed. What that means for the node was shown before; another lock than that is left alone.

use crate::error::Hint;
use crate::remote::{RemoteError, Reply, Script, Session, quote};
use std::time::Duration;

/// The rollback waits for the node's own health, units and static pods one after the other.
const DEADLINE: Duration = Duration::from_mins(15);

/// What became of a node that was unlocked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unlocked {
    /// The old state is back.
    PutBack,
    /// The new state is confirmed and stays.
    Kept,
    /// Nothing had been changed.
    Untouched,
    /// The lock belonged to nothing and is removed.
    Removed,
    /// Its transaction had come to its end by itself.
    Free,
}

/// Why a node is locked still, or may be.
#[derive(Debug, thiserror::Error)]
pub enum UnlockError {
    /// The connection failed.
    #[error("unlock the node")]
    Remote(#[from] RemoteError),
    /// It is locked by another transaction than the one that was shown.
    #[error("unlock the node: another transaction holds the lock now")]
    Moved,
    /// The rollback could not put everything back.
    #[error("put back the old state of the node: {message}")]
    Failed {
        /// The last that it said.
        message: String,
    },
}

impl UnlockError {
    /// Whether the node may be in neither its old state nor its new one.
    pub fn needs_human(&self) -> bool {
        match self {
            Self::Failed { .. } => true,
            Self::Remote(error) => {
                matches!(error, RemoteError::Unknown { .. } | RemoteError::Deadline { .. })
            }
            Self::Moved => false,
        }
    }
}

impl Hint for UnlockError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Remote(_) if self.needs_human() => {
                Some(String::from("the node goes on by itself: `harden status` tells what comes of it"))
            }
            Self::Remote(error) => error.hint(),
            Self::Moved => Some(String::from("look at it again: an apply has begun meanwhile")),
            Self::Failed { .. } => {
                Some(String::from("put right on the node what it names, and unlock again"))
            }
        }
    }
}

/// Breaks the lock of a node, if it is still the one that leads to `target`.
pub fn unlock(session: &mut dyn Session, target: &str) -> Result<Unlocked, UnlockError> {
    outcome(&session.run(&script(target), DEADLINE)?)
}

pub(super) fn script(target: &str) -> Script {
    let body = format!(
        "H=\"$R/var/lib/harden\"\n\
         if [ ! -e \"$H/lock\" ] && [ ! -L \"$H/lock\" ]; then echo free; exit 0; fi\n\
         if [ \"$(readlink -- \"$H/lock\")\" != {} ]; then echo moved; exit 0; fi\n\
         if [ -f \"$H/lock/rollback.sh\" ]; then sh \"$H/lock/rollback.sh\" unlock; exit; fi\n\
         rm -f -- \"$H/lock\" && echo removed\n\
         exit\n",
        quote(target)
    );
    Script::new("unlock the node").section("outcome", body)
}

pub(super) fn outcome(reply: &Reply) -> Result<Unlocked, UnlockError> {
    let text = reply.section("outcome").text();
    match text.lines().last().filter(|_| reply.code == 0) {
        Some("reverted") => Ok(Unlocked::PutBack),
        Some("committed") => Ok(Unlocked::Kept),
        Some("untouched") => Ok(Unlocked::Untouched),
        Some("removed") => Ok(Unlocked::Removed),
        Some("free") => Ok(Unlocked::Free),
        Some("moved") => Err(UnlockError::Moved),
        _ => Err(UnlockError::Failed { message: reply.last_words() }),
    }
}
