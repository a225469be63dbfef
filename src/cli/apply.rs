//! `harden apply`: its arguments.

use clap::Args;
use std::path::PathBuf;

/// Make the nodes match the inventory, or carry out a saved plan
#[derive(Debug, Clone, Args)]
pub struct Apply {
    /// A plan saved by `harden plan --out`; exactly that is done, as far as it is not stale
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Do not ask; there is no environment variable for it, on purpose
    #[arg(short, long, visible_alias = "auto-approve")]
    pub yes: bool,
}
