//! What `harden unlock` shows before it asks, and what it tells afterwards.

use super::table::not_read;
use super::words;
use crate::inventory::NodeName;
use crate::plan::Unreachable;
use crate::status::{Age, Consequence, NodeStatus, Report, State};
use crate::ui::{Tone, View, count, line};
use serde::Serialize;

/// What became of a locked node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UnlockedNode {
    /// Which node.
    pub node: NodeName,
    /// What.
    pub outcome: UnlockEnd,
    /// The error, where there was one.
    pub error: Option<String>,
}

/// How unlocking ended on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum UnlockEnd {
    /// The old state is back.
    PutBack,
    /// The new state is confirmed and stays.
    Kept,
    /// Nothing had been changed there.
    Untouched,
    /// The lock belonged to nothing and is removed.
    Removed,
    /// Its transaction had come to its end by itself.
    Free,
    /// It is locked still, and as it was.
    Locked,
    /// The old state is not proven to be back.
    NeedsHuman,
    /// It was not its turn: a node before it failed.
    NotBegun,
}

impl UnlockEnd {
    /// What users read of it.
    pub fn words(self) -> &'static str {
        match self {
            Self::PutBack => "unlocked, the old state is back",
            Self::Kept => "unlocked, the new state is confirmed and stays",
            Self::Untouched => "unlocked, nothing had been changed",
            Self::Removed => "unlocked, the lock belonged to nothing",
            Self::Free => "free already, its transaction has ended by itself",
            Self::Locked => "still locked, and as it was",
            Self::NeedsHuman => "NEEDS A HUMAN: the old state is not proven to be back",
            Self::NotBegun => "not begun, since one before it failed",
        }
    }

    fn tone(self) -> Tone {
        match self {
            Self::PutBack | Self::Kept | Self::Untouched | Self::Removed | Self::Free => Tone::Added,
            Self::Locked | Self::NotBegun => Tone::Warning,
            Self::NeedsHuman => Tone::Error,
        }
    }

    /// Whether the lock is gone.
    pub fn is_free(self) -> bool {
        matches!(self, Self::PutBack | Self::Kept | Self::Untouched | Self::Removed | Self::Free)
    }
}

/// The locks of a report: what may still be at work first, then every lock and what unlocking does.
pub fn locks(report: &Report, view: View) -> String {
    let locked: Vec<_> = report.nodes.iter().filter(|node| node.state.lock.is_some()).collect();
    let mut lines: Vec<String> = locked.iter().filter_map(|node| careful(node, view)).collect();
    for node in &locked {
        lines.extend(lock(node, view));
    }
    if locked.is_empty() {
        lines.push(format!("Nothing is locked on {}.", count(report.nodes.len(), "node")));
    }
    lines.extend(not_read(&report.unreachable, view));
    lines.push(String::new());
    lines.join("\n")
}

fn careful(node: &NodeStatus, view: View) -> Option<String> {
    let clock = node.state.clock;
    let holder = node.state.holder().filter(|holder| holder.may_still_run(clock))?;
    let until = match holder.deadline {
        _ if holder.running => String::from("a process on the node works on it"),
        Some(deadline) => format!("it has {} left to confirm", Age::between(clock, deadline)),
        None => String::from("only its owner can tell, no deadline was set"),
    };
    let text = if holder.state == State::PuttingBack {
        format!("Careful: {} puts its old state back just now; unlocking waits for that.", node.node)
    } else {
        format!("Careful: on {} the apply of {} may still run: {until}.", node.node, line(holder.by()))
    };
    Some(view.paint.tone(Tone::Warning, &text))
}

fn lock(node: &NodeStatus, view: View) -> Vec<String> {
    let state = &node.state;
    let age = state.lock.as_ref().and_then(|lock| lock.since).map(|since| Age::between(since, state.clock));
    let age = age.map(|age| format!(" for {age}")).unwrap_or_default();
    let by = state.holder().map(|holder| format!(" by {}", words::owner(holder))).unwrap_or_default();
    let name = view.paint.tone(Tone::Heading, node.node.as_str());
    let stands = match (state.holder(), &state.lock) {
        (Some(holder), _) => {
            let process = if holder.running {
                "its process on the node runs"
            } else {
                "no process of it runs on the node"
            };
            format!("{}; {process}", words::transaction(holder, state.clock))
        }
        (None, Some(lock)) => words::without_transaction(lock).to_owned(),
        (None, None) => String::new(),
    };
    let does = match state.consequence() {
        Some(Consequence::PutBack) => "unlocking puts the old state back",
        Some(Consequence::Keep) => "unlocking keeps the new state, which is confirmed, and frees the lock",
        Some(Consequence::Free) => "unlocking frees the lock; the old state is back already",
        Some(Consequence::Discard) => "unlocking takes away what was prepared; nothing was changed",
        Some(Consequence::Remove) => "unlocking removes the lock, which belongs to nothing",
        Some(Consequence::Nothing) | None => {
            "unlocking does nothing: look at /var/lib/harden/lock on the node and remove it by hand"
        }
    };
    vec![format!("{name}: locked{age}{by}"), format!("    {stands}"), format!("    {does}")]
}

/// What became of the locks.
pub fn unlocked(nodes: &[UnlockedNode], view: View) -> String {
    let of = |node: &UnlockedNode| {
        let what = view.paint.tone(node.outcome.tone(), node.outcome.words());
        let error = node.error.as_ref().map(|error| format!(": {}", line(error))).unwrap_or_default();
        format!("{}: {what}{error}\n", node.node)
    };
    let free = nodes.iter().filter(|node| node.outcome.is_free()).count();
    let lines: String = nodes.iter().map(of).collect();
    format!("{lines}Unlocked: {free} of {}.\n", count(nodes.len(), "node"))
}

/// The document of `harden unlock -o json`, before it is masked.
#[derive(Serialize)]
pub(super) struct Document<'a> {
    pub(super) format_version: &'static str,
    pub(super) harden_version: &'static str,
    pub(super) cluster: &'a str,
    pub(super) nodes: &'a [UnlockedNode],
    pub(super) unreachable: &'a [Unreachable],
}
