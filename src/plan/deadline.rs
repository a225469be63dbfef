//! How long the parts of a node's transaction may take, and after how long without a confirmation the node puts its old state
//! back by itself.

use super::build::node::started_units;
use super::{Gate, NodePlan, Operation};
use std::time::Duration;

/// For scripts that only read and write files.
pub const FILES: Duration = Duration::from_mins(2);
/// What each unit that is started or restarted adds to it: systemd's own default for starting one.
const UNIT: Duration = Duration::from_secs(90);
/// What each pod that is stopped for its data adds to it: what `pods.sh` waits, and some time to look.
const STOP: Duration = Duration::from_mins(2);
/// What the replacement of static pods adds to it, however many: what `pods.sh` waits for each, most of it at the same time.
const REPLACE: Duration = Duration::from_mins(3);
/// For logging in anew, several times if need be.
pub const RECONNECT: Duration = Duration::from_mins(1);

impl NodePlan {
    /// How long one script of its transaction may take.
    pub fn script_deadline(&self) -> Duration {
        let operations = self.changes.iter().flat_map(|change| &change.operations);
        let stops = operations.filter(|operation| matches!(operation, Operation::StopPod { .. })).count();
        let starts = started_units(&self.changes).count();
        let times = |count: usize| u32::try_from(count).unwrap_or(u32::MAX);
        let replaces = usize::from(!self.restart_pods.is_empty());
        FILES
            .saturating_add(UNIT.saturating_mul(times(self.restart_units.len() + starts)))
            .saturating_add(STOP.saturating_mul(times(stops)))
            .saturating_add(REPLACE.saturating_mul(times(replaces)))
    }
}

/// How long after its lock was taken a node puts its old state back by itself: no less than what everything up to the
/// confirmation may take.
pub(super) fn of_rollback(plan: &NodePlan) -> Duration {
    let gates = |gates: &[Gate]| gates.iter().map(Gate::deadline).max().unwrap_or_default();
    let scripts = if plan.between.is_empty() { 1 } else { 2 };
    plan.script_deadline() * scripts + gates(&plan.between) + RECONNECT + gates(&plan.after) + FILES
}

impl Gate {
    /// How long it may take until it holds.
    pub fn deadline(&self) -> Duration {
        match self {
            Self::UnitActive { .. } => Duration::from_mins(1),
            // A restart takes 42 s with kubeadm's defaults. An encryption config is looked at once a minute.
            Self::ApiServerReady { .. } | Self::StaticPodRuns { .. } | Self::EncryptionLoaded { .. } => {
                Duration::from_mins(3)
            }
            // A kubelet looks at its certificate once a minute at least.
            Self::EtcdHealthy { .. }
            | Self::EtcdWhole { .. }
            | Self::NodeReady { .. }
            | Self::KubeletServes { .. }
            | Self::EndpointAnswers { .. } => Duration::from_mins(2),
        }
    }
}
