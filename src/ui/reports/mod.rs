//! Reports beside what a verb prints: what `--report KIND=PLACE` asks for, writing a file whole or not at all, and what the forms
//! of several verbs share. What is in a report is for the verb's own module to say.

mod file;
pub(super) mod junit;
pub(super) mod markdown;
pub(super) mod page;
mod request;
pub(super) mod sarif;
mod xml;

pub(super) use file::before;
pub use file::{ReportError, write};
pub use request::{Kind, Receiver, Request, RequestError};
pub(super) use xml::xml;
