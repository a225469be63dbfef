//! Which transaction of a node is to be taken back, and why there may be none. Pure.

use super::StatusError;
use super::report::NodeState;
use super::transaction::{State, Transaction};
use crate::error::Hint;
use crate::plan::undo::RecordError;

/// Why a transaction cannot be taken back, before it is looked at what it did.
#[derive(Debug, thiserror::Error)]
pub enum PastError {
    /// The node has its lock taken.
    #[error("the node is locked by {owner}")]
    Locked {
        /// Who, or what.
        owner: String,
    },
    /// There is none of that name, or none that is confirmed.
    #[error("{}; {}", match id {
        Some(id) => format!("it knows no transaction {id}"),
        None => String::from("it knows no transaction that is confirmed"),
    }, listed(known))]
    Unknown {
        /// The name that was asked for.
        id: Option<String>,
        /// The transactions that there are, a text each.
        known: Vec<String>,
    },
    /// It was not confirmed: its new state is not there.
    #[error("transaction {id} is not confirmed: {state}")]
    NotCommitted {
        /// Which.
        id: String,
        /// How it stands.
        state: &'static str,
    },
    /// It noted nothing.
    #[error("transaction {id} was made by an older harden, which did not note what it takes to take it back")]
    NoRecord {
        /// Which.
        id: String,
    },
    /// What it noted cannot be read.
    #[error("read what transaction {id} noted")]
    Record {
        /// Which.
        id: String,
        /// Why.
        source: RecordError,
    },
    /// The reply is not the script's.
    #[error("read transaction {id}")]
    Status {
        /// Which.
        id: String,
        /// Why.
        source: Box<StatusError>,
    },
}

impl Hint for PastError {
    fn hint(&self) -> Option<String> {
        Some(String::from(match self {
            Self::Locked { .. } => {
                "wait for its apply to end; where that is dead, `harden unlock` breaks the lock"
            }
            Self::Unknown { .. } => {
                "`harden status -v` names the transactions of a node; the oldest are forgotten, see `retention` under `[apply]`"
            }
            Self::NotCommitted { .. } => "its new state is not there, so there is nothing to put back",
            Self::NoRecord { .. } | Self::Record { .. } => {
                "change the inventory to what you want back, and apply"
            }
            Self::Status { source, .. } => return source.hint(),
        }))
    }
}

fn listed(known: &[String]) -> String {
    match known {
        [] => String::from("there is none at all"),
        known => format!("there are:\n{}", known.join("\n")),
    }
}

/// The transaction to take back: that of this name, otherwise the last that is confirmed.
pub fn choose<'a>(state: &'a NodeState, id: Option<&str>) -> Result<&'a Transaction, PastError> {
    if state.lock.is_some() {
        let owner = state.holder().map(|holder| holder.owner.clone()).filter(|owner| !owner.is_empty());
        let owner = owner.unwrap_or_else(|| String::from("something that is gone"));
        return Err(PastError::Locked { owner });
    }
    let mut all = all(state);
    let found = match id {
        Some(id) => all.find(|transaction| transaction.id == id),
        None => all.find(|transaction| transaction.state == State::Committed),
    };
    let Some(found) = found else {
        let known = self::all(state).map(told).collect();
        return Err(PastError::Unknown { id: id.map(str::to_owned), known });
    };
    match found.state {
        State::Committed => Ok(found),
        other => Err(PastError::NotCommitted { id: found.id.clone(), state: word(other) }),
    }
}

/// The transactions that are known, the newest first.
pub(super) fn all(state: &NodeState) -> impl Iterator<Item = &Transaction> {
    state.last.iter().chain(&state.history)
}

fn told(transaction: &Transaction) -> String {
    let Transaction { id, state, undoes, .. } = transaction;
    let undoes = undoes.as_ref().map(|other| format!(", took back {other}")).unwrap_or_default();
    format!("  {id} by {}, {}{undoes}", transaction.by(), word(*state))
}

fn word(state: State) -> &'static str {
    match state {
        State::Prepared => "it never changed anything",
        State::Pending => "it is not at its end",
        State::PuttingBack => "its old state is being put back",
        State::PutBack => "its old state was put back",
        State::Failed => "its old state could not be put back",
        State::Committed => "confirmed",
    }
}
