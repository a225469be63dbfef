//! Is every node as it was last applied? From what a plan would change and what was seen of the nodes to a report that people,
//! dashboards and scripts act on. Pure: nothing here reads a node, a file or a clock.
//!
//! What differs is *drift* where a node is not what was last applied to it, *pending* where the inventory or a template changed
//! since, or both. Drift alone makes a check fail.

mod cause;
mod classify;
mod ignore;
mod merge;
mod objects;
mod process;
mod report;
mod shard;
mod since;

pub use cause::{Found, explain};
pub use classify::{found, of_cluster};
pub use ignore::apply_ignores;
pub use merge::{MergeError, Merged, Part, merge};
pub use objects::object;
pub use process::{PROGRAMS, processes};
pub use report::{
    Cause, CauseKind, CertificateExpiry, Class, FORMAT_VERSION, FailedApply, Ignore, Ignored, Item,
    LastApply, NodeReport, NodeState, Report, Shard, Summary,
};
pub use shard::ShardError;
pub use since::{ReportTextError, compare, read};
