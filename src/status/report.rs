//! What the transactions say of a node and of a fleet: who is at rest, who is not, and what unlocking would do. Pure.

use super::process::{Fate, ProcessIdentity};
use super::transaction::{State, Transaction};
use crate::inventory::NodeName;
use crate::plan::Unreachable;
use serde::Serialize;

/// The version of the JSON form of a status. The part before the dot changes when a reader must change.
pub const FORMAT_VERSION: &str = "1.0";

/// The transactions of a fleet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// [`FORMAT_VERSION`].
    pub format_version: &'static str,
    /// The version of harden that read it.
    pub harden_version: &'static str,
    /// The cluster's name.
    pub cluster: String,
    /// When it was read, seconds since 1970.
    pub created: i64,
    /// Every node that was read, in the inventory's order.
    pub nodes: Vec<NodeStatus>,
    /// The nodes that could not be read, and why.
    pub unreachable: Vec<Unreachable>,
    /// The numbers of the closing line.
    pub summary: Summary,
}

/// How many nodes stand in which way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Nothing is going on there.
    pub at_rest: usize,
    /// A transaction is not at its end.
    pub pending: usize,
    /// An old state could not be put back.
    pub failed: usize,
    /// Only the lock is left.
    pub locked: usize,
    /// All nodes that were asked for, the unreachable ones included.
    pub of: usize,
}

/// One node of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeStatus {
    /// Which node.
    pub node: NodeName,
    /// How it stands.
    pub standing: Standing,
    /// What was read.
    #[serde(flatten)]
    pub state: NodeState,
}

/// How a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// Nothing is going on.
    AtRest,
    /// A transaction is not at its end.
    Pending,
    /// An old state could not be put back.
    Failed,
    /// Only the lock is left.
    Locked,
}

/// What was read of one node.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct NodeState {
    /// Seconds since 1970 on its clock.
    pub clock: i64,
    /// Its lock.
    pub lock: Option<Lock>,
    /// The transaction that holds the lock, otherwise the last; `None` where none is known.
    pub last: Option<Transaction>,
    /// The other transactions that were read, the newest first.
    pub history: Vec<Transaction>,
    /// What the record of what was applied says; `None` where there is none or it is not readable.
    pub applied: Option<Recorded>,
}

/// A node's lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Lock {
    /// Where it leads, `txn/ID`; `None` where something is there that harden did not make.
    pub target: Option<String>,
    /// Since when, seconds since 1970 on the node's clock.
    pub since: Option<i64>,
    /// Whether its transaction is there: it is then [`NodeState::last`].
    pub has_transaction: bool,
}

/// Who applied last, as the record tells it that the last confirmed transaction left behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Recorded {
    /// The transaction.
    pub transaction: String,
    /// Who, `user@host`.
    pub by: String,
    /// When, seconds since 1970.
    pub at: i64,
}

/// What unlocking a node does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Consequence {
    /// The old state is put back.
    PutBack,
    /// The new state is confirmed and stays.
    Keep,
    /// The old state is back already, only the lock goes.
    Free,
    /// What was prepared is taken away; nothing had been changed.
    Discard,
    /// The lock is removed, it belongs to nothing.
    Remove,
    /// Nothing: harden did not make what is there.
    Nothing,
}

impl NodeState {
    /// How the node stands.
    pub fn standing(&self) -> Standing {
        if self.lock.as_ref().is_some_and(|lock| !lock.has_transaction) {
            return Standing::Locked;
        }
        match self.last.as_ref().map(|last| last.state) {
            Some(State::Failed) => Standing::Failed,
            Some(State::Pending | State::PuttingBack) => Standing::Pending,
            Some(State::Prepared) if self.lock.is_some() => Standing::Pending,
            _ if self.lock.is_some() => Standing::Locked,
            _ => Standing::AtRest,
        }
    }

    /// What unlocking does; `None` where there is no lock.
    pub fn consequence(&self) -> Option<Consequence> {
        let lock = self.lock.as_ref()?;
        let state = self.last.as_ref().filter(|_| lock.has_transaction).map(|last| last.state);
        Some(match state {
            _ if lock.target.is_none() => Consequence::Nothing,
            None => Consequence::Remove,
            Some(State::Prepared) => Consequence::Discard,
            Some(State::Pending | State::PuttingBack | State::Failed) => Consequence::PutBack,
            Some(State::PutBack) => Consequence::Free,
            Some(State::Committed) => Consequence::Keep,
        })
    }

    /// Where the lock leads, if it was left by a process that has ended for certain, and nobody was told to look at the node first: of
    /// an old state that could not be put back it stands in `result` what a human has to put right.
    pub fn left_behind(&self, fate: impl FnOnce(&ProcessIdentity) -> Fate) -> Option<&str> {
        let target = self.lock.as_ref()?.target.as_deref()?;
        let holder = self.holder().filter(|holder| holder.state != State::Failed)?;
        (fate(holder.process.as_ref()?) == Fate::Ended).then_some(target)
    }

    /// The transaction that holds the lock.
    pub fn holder(&self) -> Option<&Transaction> {
        self.last.as_ref().filter(|_| self.lock.as_ref().is_some_and(|lock| lock.has_transaction))
    }
}

impl Report {
    /// The report on what was read of a cluster at a time.
    pub fn new(
        cluster: &str,
        created: i64,
        nodes: Vec<(NodeName, NodeState)>,
        unreachable: Vec<Unreachable>,
    ) -> Self {
        let mut summary = Summary { of: nodes.len() + unreachable.len(), ..Summary::default() };
        let nodes = nodes.into_iter().map(|(node, state)| {
            let standing = state.standing();
            *match standing {
                Standing::AtRest => &mut summary.at_rest,
                Standing::Pending => &mut summary.pending,
                Standing::Failed => &mut summary.failed,
                Standing::Locked => &mut summary.locked,
            } += 1;
            NodeStatus { node, standing, state }
        });
        Self {
            format_version: FORMAT_VERSION,
            harden_version: env!("CARGO_PKG_VERSION"),
            cluster: cluster.to_owned(),
            created,
            nodes: nodes.collect(),
            unreachable,
            summary,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A node that is locked by a transaction of a process that is told, or is not.
    fn locked(state: State, process: Option<&str>) -> NodeState {
        let process = process.map(|text| text.parse().unwrap());
        NodeState {
            lock: Some(Lock { target: Some(String::from("txn/t1")), since: None, has_transaction: true }),
            last: Some(Transaction { process, state, ..Transaction::named("t1") }),
            ..NodeState::default()
        }
    }

    #[test]
    fn only_what_an_ended_process_left_is_left_behind() {
        let process = Some("here 4711 99");
        for state in [State::Prepared, State::Pending, State::PuttingBack, State::PutBack, State::Committed] {
            assert_eq!(locked(state, process).left_behind(|_| Fate::Ended), Some("txn/t1"), "{state:?}");
            for fate in [Fate::Runs, Fate::Unknown] {
                assert_eq!(locked(state, process).left_behind(|_| fate), None, "{state:?} {fate:?}");
            }
            assert_eq!(locked(state, None).left_behind(|_| Fate::Ended), None, "{state:?}");
        }
        // Somebody was told to put something right first.
        assert_eq!(locked(State::Failed, process).left_behind(|_| Fate::Ended), None);
    }

    #[test]
    fn a_lock_without_its_transaction_belongs_to_nobody_that_could_be_asked() {
        let whole = locked(State::Pending, Some("here 4711 99"));
        let free = NodeState { lock: None, ..whole.clone() };
        let lock = |target: Option<&str>| Lock {
            target: target.map(str::to_owned),
            since: None,
            has_transaction: false,
        };
        let of = |target| NodeState { lock: Some(lock(target)), ..whole.clone() };
        // The last transaction is then another one than that of the lock.
        for state in [free, of(None), of(Some("removal")), of(Some("txn/t2"))] {
            assert_eq!(state.left_behind(|_| Fate::Ended), None, "{state:?}");
        }
    }
}
