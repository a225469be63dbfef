//! The controls of benchmarks, judged on what was seen of nodes and of the cluster. Pure: nothing here reads a node, the
//! API or a clock.

mod finding;
mod waivers;

pub use finding::{Difference, Finding, Report, Unread, Verdict, Waived};
pub use waivers::{apply_waivers, unknown_waivers, waiver_of};

/// The version of the report's JSON form.
pub const FORMAT_VERSION: &str = "1.0";
