//! Whether hosts are fit for Kubernetes, for people and for programs: the table of `harden doctor`, and its JSON form.

mod json;
mod table;

pub use json::render as json;
pub use table::render as table;
