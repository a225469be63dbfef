//! The controls of benchmarks, judged on what was seen of nodes and of the cluster. Pure: nothing here reads a node, the
//! API or a clock.

mod benchmark;
mod control;
mod finding;
mod fixes;
mod judge;
pub mod policies;
mod questions;
mod waivers;

pub use benchmark::Benchmark;
pub use control::Control;
pub use finding::{Difference, Finding, Report, Unread, Verdict, Waived};
pub use fixes::{fixes, templates};
pub use judge::{Inputs, judge};
pub use questions::questions;
pub use waivers::{apply_waivers, unknown_waivers, waiver_of};

/// The version of the report's JSON form.
pub const FORMAT_VERSION: &str = "1.0";
