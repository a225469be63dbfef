//! Plans, findings, events and errors as text, progress lines, JSON or reports for other programs, and questions to the
//! user. It owns colour, width, and standard output and error: results go to the first, everything else to the second,
//! all of it through [`crate::secret::mask`]. It only shows data: it reaches no node and decides nothing.

mod applied;
mod change;
pub mod check;
mod count;
mod diff;
pub mod doctor;
pub mod drift;
mod error;
mod foreign;
pub mod json;
mod moment;
mod names;
mod not_read;
mod output;
mod paint;
pub mod pki;
pub mod plan;
mod progress;
mod prompt;
mod removed;
pub mod reports;
pub mod status;

pub use applied::{Applied, AppliedNode, AppliedStage, NodeEnd};
pub use count::count;
pub use error::report;
pub use foreign::{block, line};
pub use output::{Color, Delivery, Output, OutputError, View};
pub use paint::{Paint, Tone};
pub use progress::{Clock, Progress, ProgressMode};
pub use prompt::{PromptError, confirm, confirm_from, password};
pub use removed::{Removed, RemovedStep, removal_ended, removal_json, removal_plan};
