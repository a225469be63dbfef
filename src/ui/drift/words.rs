//! Sentences that several forms share. They hold foreign text as it is: each form makes it safe in its own way.

use crate::drift::{FailedApply, Ignore, Ignored, Item};
use crate::plan::Action;
use crate::ui::count;
use crate::ui::moment::since;

/// What the cluster is called in place of a node.
pub(super) const CLUSTER: &str = "cluster";

/// An apply that works on a node.
pub(super) fn busy(by: &str, at: i64) -> String {
    format!("an apply of {by} works on it {}", since(at))
}

/// An apply that failed on a node.
pub(super) fn failed_apply(node: &str, failed: &FailedApply) -> String {
    let FailedApply { transaction, by, state } = failed;
    format!(
        "an apply of {by} needs a human: {state}; see `harden status --limit {node}` (transaction {transaction})"
    )
}

/// Why something is ignored, and until when.
pub(super) fn ignored(ignored: &Ignored) -> String {
    match &ignored.expires {
        Some(day) => format!("until {day}: {}", ignored.reason),
        None => ignored.reason.clone(),
    }
}

/// ` until 2027-01-31`, or nothing where it is for ever.
pub(super) fn until(ignored: &Ignored) -> String {
    ignored.expires.as_ref().map(|day| format!(" until {day}")).unwrap_or_default()
}

/// What is ignored and why, or is ignored no more.
pub(super) fn ignore(ignore: &Ignore) -> String {
    let Ignore { of, ignored, expired, count: number } = ignore;
    let reason = &ignored.reason;
    match (&ignored.expires, expired) {
        (Some(day), true) => {
            format!("{of} is ignored no more since {day} is over, {}: {reason}", count(*number, "difference"))
        }
        _ => format!("{of}: {number}{}: {reason}", until(ignored)),
    }
}

/// What apply would do, in a word.
pub(super) fn action(action: Action) -> &'static str {
    match action {
        Action::Add => "add",
        Action::Change => "change",
        Action::Remove => "remove",
    }
}

/// Everything that there is to say of a difference, a line each, but its diff.
pub(super) fn said(item: &Item) -> Vec<String> {
    let at = item.since.map(since);
    let cause = item.cause.as_ref().map(|cause| format!("cause: {}", cause.text));
    let ignored = item.ignored.as_ref().map(|ignored| format!("ignored: {}", ignored.reason));
    let log = item.evidence.iter().map(|text| format!("log: {text}"));
    item.what.iter().cloned().chain(at).chain(cause).chain(ignored).chain(log).collect()
}
