//! `harden init`: its arguments.

use clap::Args;

/// Write a new inventory, from scratch or from a living cluster
#[derive(Debug, Clone, Args)]
pub struct Init {
    /// Log in to this control-plane node and write down the cluster it belongs to
    #[arg(long, value_name = "ADDRESS")]
    pub from: Option<String>,

    /// Replace files that exist
    #[arg(long)]
    pub force: bool,
}
