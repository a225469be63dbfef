//! What became of harden's transactions on a node, as `/var/lib/harden` there tells it: one script that only reads, one reply,
//! one [`NodeState`]. It ends no transaction and breaks no lock; `apply` does. [`record`] reads what it takes to take one back.

mod age;
mod choice;
mod error;
mod parse;
mod process;
pub mod record;
mod report;
mod transaction;

pub use age::Age;
pub use choice::{PastError, choose};
pub use error::StatusError;
pub use parse::parse;
pub use process::{Fate, ProcessIdentity, Seen};
pub use report::{
    Consequence, FORMAT_VERSION, Lock, NodeState, NodeStatus, Recorded, Report, Standing, Summary,
};
pub use transaction::{ChangedPath, Ender, PathChange, State, Transaction};

use crate::remote::{Probe, Reader, Script};
use std::time::Duration;

/// How much of a node's past is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// The last transaction, and the one that holds the lock.
    Last,
    /// Every transaction that the node still knows.
    History,
}

/// The script that reads it.
pub fn probe(depth: Depth) -> Probe {
    let all = u8::from(depth == Depth::History);
    let script = Script::new("read the transactions")
        .section("transactions", format!("harden_all={all}\n{}", include_str!("probe.sh")))
        .section("state", "cat -- \"$R/var/lib/harden/state.json\" 2>/dev/null\n:\n");
    Probe::that_only_reads(script)
}

/// Reads one node, in one round trip.
pub fn read(reader: &mut dyn Reader, depth: Depth, deadline: Duration) -> Result<NodeState, StatusError> {
    parse(&reader.read(&probe(depth), deadline)?)
}
