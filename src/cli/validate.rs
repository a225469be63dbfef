//! `harden validate`: its arguments.

use clap::Args;

/// Check the inventory and render every template, offline
#[derive(Debug, Clone, Args)]
pub struct Validate {}
