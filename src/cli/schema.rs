//! `harden schema`: its arguments.

use clap::Args;

/// Print the JSON Schema of the inventory, for editors
#[derive(Debug, Clone, Args)]
pub struct Schema {}
