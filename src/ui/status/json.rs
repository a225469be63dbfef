//! The JSON forms, which are an interface. That of `harden status -o json` is one object:
//!
//! | key | what |
//! |---|---|
//! | `format_version` | [`crate::status::FORMAT_VERSION`]: a reader must refuse another number before the dot and ignore keys it does not know |
//! | `harden_version`, `cluster`, `created` | who read, what, when (seconds since 1970) |
//! | `nodes` | in the inventory's order, each with the keys below |
//! | `unreachable` | the nodes that could not be read, each `{"node", "error", "hint"}` |
//! | `summary` | `{"at_rest", "pending", "failed", "locked", "of"}`, the numbers of the closing line |
//!
//! | key of a node | what |
//! |---|---|
//! | `node` | its name |
//! | `standing` | `at-rest`, `pending` (a transaction is not at its end), `failed` (an old state could not be put back) or `locked` (only the lock is left) |
//! | `clock` | seconds since 1970 on the node's clock, by which `deadline`, `since` and `ended` are told |
//! | `lock` | `{"target", "since", "has_transaction"}` or `null`; `target` is `null` where something is in its place that harden did not make |
//! | `last` | the transaction that holds the lock, otherwise the last, or `null` |
//! | `history` | the transactions before it, the newest first |
//! | `applied` | `{"transaction", "by", "at"}` of the last confirmed transaction, or `null` |
//!
//! | key of a transaction | what |
//! |---|---|
//! | `id`, `began`, `owner` | its name, when it began by the clock of who began it, and who that was |
//! | `state` | `prepared`, `pending`, `putting-back`, `put-back`, `failed` or `committed` |
//! | `ended_by`, `ended` | who put the old state back, `harden`, `unlock`, `timer` or `start`, and when; or `null` |
//! | `deadline` | when the node puts its old state back by itself, or `null` where it is not armed |
//! | `running` | whether a process on the node works on it |
//! | `problems` | what could not be put back, a text each |
//! | `paths` | each `{"path", "change"}`, and `change` is `added`, `replaced` (or removed) or `attributes` |
//! | `units` | the systemd units that it restarts |
//! | `undoes` | the transaction that it takes back, as `harden rollback` does, or `null` |
//!
//! That of `harden unlock -o json` has `format_version`, `harden_version`, `cluster` and `unreachable` as above, and `nodes`: those
//! that were locked, each `{"node", "outcome", "error"}`. `outcome` is `put-back`, `kept`, `untouched`, `removed`, `free` (it had
//! come to its end by itself), `locked` (still, and as it was), `needs-human` or `not-begun`; `error` is a text or `null`.
//! Secrets are masked in every text.

use super::unlock::{Document, UnlockedNode};
use crate::status::{FORMAT_VERSION, Report};
use crate::ui::json::document;

/// A report as a pretty-printed JSON document.
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    document(report)
}

/// What became of the locks as a pretty-printed JSON document.
pub fn render_unlocked(report: &Report, nodes: &[UnlockedNode]) -> Result<String, serde_json::Error> {
    document(&Document {
        format_version: FORMAT_VERSION,
        harden_version: report.harden_version,
        cluster: &report.cluster,
        nodes,
        unreachable: &report.unreachable,
    })
}
