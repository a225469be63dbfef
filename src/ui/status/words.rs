//! The words for where a transaction stands, which the table and the question of `harden unlock` share.

use crate::status::{Age, Ender, Lock, NodeState, Standing, State, Transaction};
use crate::ui::{Tone, line};

/// Where a node stands, in a few words.
pub(super) fn standing(state: &NodeState) -> String {
    let last = match &state.last {
        Some(last) => transaction(last, state.clock),
        None if state.applied.is_some() => String::from("applied, its transactions are gone"),
        None => String::from("never applied"),
    };
    match &state.lock {
        Some(lock) if !lock.has_transaction => format!("{last}; {}", without_transaction(lock)),
        Some(_) if state.standing() == Standing::Locked => format!("{last}, and still locked"),
        _ => last,
    }
}

/// What a lock is that no transaction holds.
pub(super) fn without_transaction(lock: &Lock) -> &'static str {
    match lock.target {
        Some(_) => "LOCKED by a transaction that is gone",
        None => "LOCKED by something that harden did not make",
    }
}

/// Where a transaction stands at a time of the node's clock.
pub(super) fn transaction(of: &Transaction, clock: i64) -> String {
    match of.state {
        State::Committed => match &of.undoes {
            Some(other) => format!("committed, took back {}", line(other)),
            None => String::from("committed"),
        },
        State::PutBack => match of.ended_by {
            Some(by) => format!("put back by {}", ender(by)),
            None => String::from("put back"),
        },
        State::Failed => match of.ended_by {
            Some(by) => format!("FAILED to be put back by {}", ender(by)),
            None => String::from("FAILED to be put back"),
        },
        State::PuttingBack if of.running => String::from("putting its old state back"),
        State::PuttingBack => String::from("stopped while it put its old state back"),
        State::Prepared => String::from("prepared, nothing is changed"),
        State::Pending => format!("pending, {}", deadline(of, clock)),
    }
}

fn deadline(of: &Transaction, clock: i64) -> String {
    match of.deadline {
        None => String::from("not armed"),
        Some(deadline) if deadline > clock => {
            format!("puts its old state back in {}", Age::between(clock, deadline))
        }
        Some(deadline) => {
            format!("should have put its old state back {} ago", Age::between(deadline, clock))
        }
    }
}

fn ender(of: Ender) -> &'static str {
    match of {
        Ender::Harden => "harden",
        Ender::Unlock => "harden unlock",
        Ender::Timer => "its own timer",
        Ender::Start => "the node at its start",
    }
}

pub(super) fn tone(of: Standing) -> Tone {
    match of {
        Standing::AtRest => Tone::Plain,
        Standing::Pending => Tone::Warning,
        Standing::Failed | Standing::Locked => Tone::Error,
    }
}

/// Who began a transaction.
pub(super) fn owner(of: &Transaction) -> String {
    if of.owner.is_empty() { String::from("somebody") } else { line(&of.owner) }
}
