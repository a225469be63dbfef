//! `[apply.drain]`: nodes of which roles are drained before what runs their pods is restarted, and what may be evicted. As it
//! stands in the file, as it is once checked, and the way between.

use super::diagnostic::{Problem, Report};
use super::lower::checked;
use super::raw::{Located, Text};
use super::structure::Damage;
use super::{Role, text};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::time::Duration;

/// Which nodes are drained before their kubelet or container runtime is restarted, and how.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drain {
    /// Nodes with one of these roles are.
    pub roles: BTreeSet<Role>,
    /// How long evicting the pods of one node may take.
    pub deadline: Duration,
    /// Whether pods may be evicted whose data in an emptyDir is lost with them.
    pub delete_emptydir_data: bool,
    /// Whether pods may be evicted that no controller creates again.
    pub delete_unmanaged_pods: bool,
}

impl Default for Drain {
    fn default() -> Self {
        Self {
            roles: BTreeSet::new(),
            deadline: Duration::from_mins(5),
            delete_emptydir_data: false,
            delete_unmanaged_pods: false,
        }
    }
}

/// `[apply.drain]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawDrain {
    /// Whether a worker is drained before its kubelet or its container runtime is restarted: cordoned, and its pods evicted
    /// as their `PodDisruptionBudgets` allow.
    #[schemars(extend("default" = false))]
    worker: Option<bool>,
    /// The same for control-plane nodes. Their static pods stay.
    #[schemars(extend("default" = false))]
    control_plane: Option<bool>,
    /// How long evicting the pods of one node may take; then it is left as it is. `"5m"` unless said otherwise.
    #[schemars(regex(pattern = r"^[0-9]+[smhd]$"), extend("default" = "5m"))]
    deadline: Option<Text>,
    /// Whether pods may be evicted whose data in an emptyDir is lost with them; otherwise they are refused before anything is
    /// done.
    #[schemars(extend("default" = false))]
    delete_emptydir_data: Option<bool>,
    /// Whether pods may be evicted that no controller creates again; otherwise they are refused before anything is done.
    #[schemars(extend("default" = false))]
    delete_unmanaged_pods: Option<bool>,
}

pub(super) fn lower(raw: &Located<RawDrain>, damage: &Damage, report: &mut Report) -> Drain {
    let (span, raw) = (raw.span(), raw.value());
    // A role that was mistyped is a mistake of its own.
    if raw.worker.is_none() && raw.control_plane.is_none() && damage.keys.is_empty() {
        let problem = Problem::new("`[apply.drain]` names no role, and so nothing is drained")
            .help("write `worker = true`, `control-plane = true`, or both");
        report.error(span, problem);
    }
    let wanted = [(Role::Worker, raw.worker), (Role::ControlPlane, raw.control_plane)];
    Drain {
        roles: wanted.into_iter().filter_map(|(role, wanted)| wanted?.then_some(role)).collect(),
        deadline: checked(raw.deadline.as_ref(), text::deadline, report)
            .unwrap_or_else(|| Drain::default().deadline),
        delete_emptydir_data: raw.delete_emptydir_data.unwrap_or(false),
        delete_unmanaged_pods: raw.delete_unmanaged_pods.unwrap_or(false),
    }
}
