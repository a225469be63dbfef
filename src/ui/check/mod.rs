//! What a check found, as text for people and as reports for other programs and for reviewers. It shows what is in the
//! report and judges nothing; waivers are applied before.

mod escape;
mod explain;
mod fold;
mod html;
mod json;
mod junit;
mod report_file;
mod sarif;
mod standing;
mod table;

pub use explain::{Explained, explain};
pub use html::render as html;
pub use json::render as json;
pub use junit::render as junit;
pub use report_file::{ReportError, ReportKind, ReportRequest, ReportRequestError, write};
pub use sarif::render as sarif;
pub use standing::{Summary, Tally};
pub use table::render as table;
