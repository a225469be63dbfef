//! The templates that are part of the program. `build.rs` lists the folder, so that a new one needs no line here.

/// Path below `templates/` and text, by path.
pub(super) const EMBEDDED: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/templates.rs"));
