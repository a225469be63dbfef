//! The templates that are part of the program. `build.rs` lists the folder, so that a new one needs no line here.

/// Folders below `templates/` that are not about resources of nodes: what is in them is rendered by others.
pub(super) const APART: [&str; 2] = ["schedule", "webhook"];

/// Path below `templates/` and text, by path.
pub(super) const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/templates.rs"));
