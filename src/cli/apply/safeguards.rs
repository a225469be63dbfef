//! How careful an apply is.

use crate::health::preflight::Preflight;
use crate::inventory::Deadline;
use clap::Args;
use std::time::Duration;

/// What guards a change of nodes, as the user wants it.
#[derive(Debug, Clone, Args)]
pub struct Safeguards {
    /// Do without the timer and the boot unit by which a node puts back by itself what it had when the change is not
    /// confirmed: for nodes without systemd
    #[arg(long)]
    pub no_rollback_timer: bool,

    /// After this time without a confirmation a node puts back by itself what it had (`90s`, `10m`) [default: as long as the
    /// confirmation may take, which the plan shows]
    #[arg(long, value_name = "TIME", conflicts_with = "no_rollback_timer")]
    pub rollback_after: Option<Deadline>,

    /// Begin although this preflight refuses; may be repeated
    #[arg(long, value_name = "NAME", value_enum)]
    pub skip_preflight: Vec<Preflight>,
}

/// When a node that is not confirmed puts its old state back by itself.
#[derive(Debug, Clone, Copy)]
pub(super) enum Rollback {
    /// When everything up to the confirmation must be over.
    AsPlanned,
    /// After this time.
    After(Duration),
    /// It does not.
    Never,
}

impl Safeguards {
    pub(super) fn rollback(&self) -> Rollback {
        match self.rollback_after {
            _ if self.no_rollback_timer => Rollback::Never,
            Some(Deadline(time)) => Rollback::After(time),
            None => Rollback::AsPlanned,
        }
    }
}
