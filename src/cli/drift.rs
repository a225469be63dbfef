//! `harden drift`: its arguments.

use clap::Args;

/// Tell what somebody changed on the nodes since the last apply; exits with 2 when there is something
#[derive(Debug, Clone, Args)]
pub struct Drift {}
