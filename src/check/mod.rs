//! The controls of benchmarks, judged on what was seen of nodes and of the cluster. Pure: nothing here reads a node, the
//! API or a clock.
//!
//! A control is data: a table in `controls/*.toml` with its text and its test. Where on a node a test looks stands in
//! `places.toml`, what has to be read there follows from both ([`questions()`]), and [`judge()`] makes the report.

mod benchmark;
mod command_line;
mod control;
mod demand;
mod finding;
mod fixes;
mod judge;
mod load;
mod mapping;
mod places;
pub mod policies;
mod questions;
mod switches;
mod waivers;

pub use benchmark::Benchmark;
pub use control::{
    Control, EncryptionTest, FlagCheck, FlagOf, FlagsTest, ModeTest, OwnAuthority, OwnerTest, Test,
};
pub use demand::Demand;
pub use finding::{Difference, Finding, Report, Unread, Verdict, Waived};
pub use fixes::{fixes, templates};
pub use judge::{Inputs, NodeEvidence, add_pod_security, judge};
pub use questions::questions;
pub use switches::{apply_switches, same_demands, switched_off, unknown_switches};
pub use waivers::{apply_waivers, unknown_waivers, unused_waivers, waiver_of};

/// The version of the report's JSON form.
pub const FORMAT_VERSION: &str = "1.0";
