//! The controls of benchmarks, judged on what was seen of nodes and of the cluster. Pure: nothing here reads a node, the
//! API or a clock.

mod finding;
pub mod policies;

pub use finding::{Difference, Finding, Report, Unread, Verdict, Waived};

/// The version of the report's JSON form.
pub const FORMAT_VERSION: &str = "1.0";
