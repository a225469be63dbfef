//! The plan: a pure function of what is desired and what is observed, and the only thing that apply executes.
//! Nothing here reads a file, a node or a clock; nothing here knows a template.

mod build;
mod change;
mod date;
pub mod deadline;
mod diff;
mod digest;
pub mod file;
mod gate;
pub mod join;
pub mod kubeadm;
pub mod manifest;
mod no_return;
pub mod pod_security;
mod stale;
pub mod undo;
pub mod wave;
mod words;
pub mod yaml;
pub mod yaml_keys;

pub use build::{
    Differences, Inputs, PlanError, Problem, build, cluster_differences, differences, etcd_is_whole,
    kube_proxy_control,
};
pub use change::{Action, Authority, Change, ClusterChange, ClusterOperation, Operation, Origin, Prior};
pub use date::moment;
pub use diff::{DiffError, RunAsError};
pub use digest::{certificates, digest, sha256};
pub use gate::Gate;
pub use join::{Join, JoinKind};
pub use no_return::NoReturn;
pub use stale::Stale;
pub use undo::Undoes;
pub use words::words_beside;

use crate::inventory::NodeName;
use crate::resource::{RenderedWith, ResourceId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of the plan's JSON form. The part before the dot changes when a reader must change.
pub const FORMAT_VERSION: &str = "1.0";

/// Everything that one apply will do, in the order in which it will.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// [`FORMAT_VERSION`].
    pub format_version: String,
    /// The version of harden that made it.
    pub harden_version: String,
    /// The cluster's name.
    pub cluster: String,
    /// When it was made, seconds since 1970.
    pub created: i64,
    /// SHA-256 over the inventory and every template that took part: tells that a saved plan belongs to another state
    /// of the inventory.
    pub inputs: String,
    /// The present stage.
    pub stage: StageTitle,
    /// The stages that follow once this one is applied; their exact changes are planned when it is their turn.
    pub remaining: Vec<StageTitle>,
    /// Waves of nodes, in order. A wave without changes is left out.
    pub waves: Vec<Wave>,
    /// Hosts that become nodes, after all waves and in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub joins: Vec<Join>,
    /// Changes of the cluster itself, after all waves.
    pub cluster_changes: Vec<ClusterChange>,
    /// Gates that must hold before the stage counts as done, after the waves and before the cluster changes.
    pub gates: Vec<Gate>,
    /// Nodes on which nothing is to be changed.
    pub in_sync: Vec<NodeName>,
    /// Nodes that could not be read, and why.
    pub unreachable: Vec<Unreachable>,
    /// Whether it is about a part of what is declared only.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// What the user should know: a flag that does not exist in this version, an owner that could not be judged.
    pub notices: Vec<String>,
}

/// The name and the title of a stage.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StageTitle {
    /// Its name, `encryption-write`.
    pub name: String,
    /// What it does, in one line.
    pub title: String,
}

/// A node that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unreachable {
    /// Which node.
    pub node: NodeName,
    /// Why.
    pub error: String,
    /// What to do about it, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

/// Nodes that are changed together. Control-plane nodes are always alone in theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wave {
    /// What it is: "canary control-plane node".
    pub title: String,
    /// Its nodes.
    pub nodes: Vec<NodePlan>,
}

/// Everything that is done on one node, as one transaction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodePlan {
    /// Which node.
    pub node: NodeName,
    /// Its changes, in the order in which they are made.
    pub changes: Vec<Change>,
    /// The digests of the resources that are as they should be. They are noted on the node with the changes, so that a later
    /// difference is known to be drift.
    pub unchanged: BTreeMap<ResourceId, String>,
    /// systemd units that are restarted, in order, each once.
    pub restart_units: Vec<String>,
    /// Static pods that are restarted because their manifest changes, and the API server beside an etcd member that is: it is
    /// stopped meanwhile, and its manifest stays as it is.
    pub restart_pods: Vec<String>,
    /// How its pods are evicted before anything is changed on it; `None` where they are left alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub drain: Option<Drain>,
    /// Gates that must hold before this node is touched.
    pub before: Vec<Gate>,
    /// Gates that must hold once the new static pods run, before a unit is restarted: a kubelet that finds a changed manifest
    /// when it starts does not know the old pod, starts the new one beside it and kills the old one without its grace period.
    pub between: Vec<Gate>,
    /// Gates that must hold after it.
    pub after: Vec<Gate>,
    /// After how many seconds without a confirmation it puts its old state back by itself; `None` where nothing runs that
    /// could (a directory tree).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback_after: Option<u64>,
    /// What its desired state was rendered with. It is noted on the node with the changes.
    #[serde(default, skip_serializing_if = "RenderedWith::is_default")]
    pub rendered_with: RenderedWith,
    /// The transaction that it takes back, where it is the plan of a rollback.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub undoes: Option<Undoes>,
}

/// How the pods of a node are evicted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Drain {
    /// How many seconds it may take.
    pub deadline: u64,
    /// Whether pods may be evicted whose data in an emptyDir is lost with them.
    pub delete_emptydir_data: bool,
    /// Whether pods may be evicted that no controller creates again.
    pub delete_unmanaged_pods: bool,
}

/// How many changes a plan holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Resources that do not exist yet.
    pub add: usize,
    /// Resources that are not as they should be.
    pub change: usize,
    /// Resources that should not be there.
    pub remove: usize,
    /// Hosts that become nodes.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub join: usize,
    /// Nodes with changes.
    pub nodes: usize,
    /// All nodes of the plan, the unreachable ones included.
    pub of: usize,
}

#[allow(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Plan {
    /// All changes on nodes.
    pub fn changes(&self) -> impl Iterator<Item = (&NodeName, &Change)> {
        self.waves
            .iter()
            .flat_map(|wave| &wave.nodes)
            .flat_map(|node| node.changes.iter().map(move |c| (&node.node, c)))
    }

    /// Every node that puts its old state back by itself does so after so many seconds, or `None` of them does.
    pub fn set_rollback_after(&mut self, seconds: Option<u64>) {
        let nodes = self.waves.iter_mut().flat_map(|wave| &mut wave.nodes);
        let armed = nodes.map(|node| &mut node.rollback_after).filter(|after| after.is_some());
        armed.for_each(|after| *after = seconds);
    }

    /// Whether there is nothing to do, now or in a later stage.
    pub fn is_empty(&self) -> bool {
        self.waves.is_empty()
            && self.joins.is_empty()
            && self.cluster_changes.is_empty()
            && self.remaining.is_empty()
    }

    /// How many changes it holds.
    pub fn summary(&self) -> Summary {
        let nodes = self.waves.iter().map(|wave| wave.nodes.len()).sum();
        let is_changed =
            |name: &NodeName| self.waves.iter().flat_map(|wave| &wave.nodes).any(|it| it.node == *name);
        let prepared = self.joins.iter().filter(|join| !is_changed(&join.node)).count();
        let mut summary = Summary {
            join: self.joins.len(),
            nodes,
            of: nodes + prepared + self.in_sync.len() + self.unreachable.len(),
            ..Summary::default()
        };
        let actions = self
            .changes()
            .map(|(_, change)| change.action)
            .chain(self.cluster_changes.iter().map(|change| change.action));
        for action in actions {
            match action {
                Action::Add => summary.add += 1,
                Action::Change => summary.change += 1,
                Action::Remove => summary.remove += 1,
            }
        }
        summary
    }
}
