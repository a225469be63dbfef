//! `harden plan`: its arguments.

use clap::Args;
use std::path::PathBuf;

/// Show what would be changed; changes nothing
#[derive(Debug, Clone, Args)]
pub struct Plan {
    /// Save the plan, for `harden apply FILE`; it holds no secrets
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Exit with 2 when there are changes
    #[arg(long)]
    pub detailed_exitcode: bool,
}
