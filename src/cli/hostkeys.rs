//! `harden hostkeys`: its arguments.

use clap::{Args, Subcommand};

/// SSH host keys of the nodes
#[derive(Debug, Clone, Args)]
#[command(disable_help_subcommand = true)]
pub struct HostKeys {
    /// What to do with them.
    #[command(subcommand)]
    pub action: Action,
}

/// What to do with host keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Subcommand)]
pub enum Action {
    /// Show the fingerprints of all unknown keys, and record them after one yes
    Scan {
        /// Record without asking; whoever is in between now stays in between
        #[arg(short, long)]
        yes: bool,
    },
}
