//! What a drift check found, as text for people and as reports for other programs. It shows what is in the report and judges
//! nothing.

mod closing;
mod exposition;
mod html;
mod item;
mod json;
mod junit;
mod markdown;
mod message;
mod prometheus;
mod reports;
mod sarif;
mod table;
mod tally;
mod words;

pub use closing::closing;
pub use html::render as html;
pub use json::{render as json, schema};
pub use junit::render as junit;
pub use markdown::render as markdown;
pub use message::{MessageKind, body, message};
pub use prometheus::{FailedRun, failed as prometheus_failed, render as prometheus};
pub use reports::{ReportKind, write, write_failed};
pub use sarif::render as sarif;
pub use table::render as table;
