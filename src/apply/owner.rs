//! Who holds the lock of a node: what is written there when it is taken, and what is read by whoever finds it taken.

use super::Run;
use crate::remote::{Reply, quote};
use std::time::Duration;

/// Who begins a transaction.
#[derive(Clone, Copy)]
pub(super) struct Owner<'a> {
    /// What whoever finds the lock reads.
    pub(super) text: &'a str,
    /// The process, by which it is told whether it still runs; empty where it cannot be named.
    pub(super) process: &'a str,
}

/// What the lock shows to whoever finds it: `user@host (pid 4711, started 2026-11-24T08:45:00Z)`.
pub(super) fn text(run: &Run<'_>) -> String {
    let started = jiff::Timestamp::from_second(run.now).unwrap_or_default();
    format!("{} (pid {}, started {started})", run.by, std::process::id())
}

/// The process as it is written beside that.
pub(super) fn process(run: &Run<'_>) -> String {
    run.process.map(ToString::to_string).unwrap_or_default()
}

/// Who holds the lock of a node, as the reply to `change` tells with `code::LOCKED`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Holder {
    pub(super) owner: String,
    pub(super) age: Duration,
    /// The command that frees it.
    pub(super) remedy: String,
}

/// Reads who holds the lock.
pub(super) fn holder(reply: &Reply) -> Holder {
    let text = reply.section("state").text();
    let mut lines = text.lines();
    let mut next = || lines.next().unwrap_or_default().to_owned();
    let (owner, age, command, file) = (next(), next(), next(), next());
    Holder {
        owner,
        // Clocks are set back at times.
        age: Duration::from_secs(age.parse().unwrap_or_default()),
        remedy: format!("{command} {}", if file.contains([' ', '\'']) { quote(&file) } else { file }),
    }
}
