//! What a check found, as text for people and as reports for other programs and for reviewers. It shows what is in the
//! report and judges nothing; waivers are applied before.

mod explain;
mod fold;
mod html;
mod json;
mod junit;
mod reports;
mod sarif;
mod standing;
mod table;

pub use explain::{Explained, explain};
pub use html::render as html;
pub use json::render as json;
pub use junit::render as junit;
pub use reports::{ReportKind, write};
pub use sarif::render as sarif;
pub use standing::{Summary, Tally};
pub use table::render as table;
