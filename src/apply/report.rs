//! How an apply ended, node by node, and what that means for the exit code.

use super::MaterialError;
use crate::error::{ExitCode, Hint};
use crate::health::{GateError, HealthError};
use crate::inventory::NodeName;
use crate::plan::Plan;
use std::collections::BTreeMap;

/// How an apply ended.
#[derive(Debug)]
pub struct Report {
    /// Every node of the plan's waves.
    pub nodes: BTreeMap<NodeName, NodeOutcome>,
    /// Why it stopped before its end; `None` when it did not.
    pub stopped: Option<Stop>,
}

/// How it ended on one node.
#[derive(Debug)]
pub enum NodeOutcome {
    /// Changed, proven and confirmed.
    Applied,
    /// It failed before the first change.
    Untouched(NodeError),
    /// It failed, the old state is back and healthy.
    RolledBack(NodeError),
    /// It failed and the old state is not proven to be back: a human is needed. The second error is the rollback's.
    Broken {
        /// What failed first.
        error: NodeError,
        /// What failed then.
        rollback: Option<NodeError>,
    },
    /// It was not its turn yet.
    NotBegun,
}

/// Why an apply stopped before its end.
#[derive(Debug)]
pub enum Stop {
    /// A node failed.
    Node,
    /// A gate of the whole stage did not hold.
    Gate(GateError),
    /// A change of the cluster itself failed.
    Cluster {
        /// What was changed.
        subject: String,
        /// Why it failed.
        source: MaterialError,
    },
    /// The user asked.
    Interrupted,
}

/// Why a node failed.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The node is not as it was planned.
    #[error("{node} is not as it was planned: {}", moved.join("; "))]
    Stale {
        /// Which node.
        node: NodeName,
        /// What moved, one text each.
        moved: Vec<String>,
    },
    /// Another apply holds the node's lock.
    #[error("{node} is locked by {owner}")]
    Locked {
        /// Which node.
        node: NodeName,
        /// Who, from where, since when.
        owner: String,
    },
    /// A secret or certificate could not be had.
    #[error("prepare {resource} for {node}")]
    Material {
        /// Which node.
        node: NodeName,
        /// Which resource.
        resource: String,
        /// Why.
        source: MaterialError,
    },
    /// A step on the node failed.
    #[error("a step on {node} failed: {message}")]
    Step {
        /// Which node.
        node: NodeName,
        /// What the node said.
        message: String,
    },
    /// A gate did not hold.
    #[error("a gate of {node} did not hold")]
    Gate {
        /// Which node.
        node: NodeName,
        /// Which, and what it saw last.
        source: GateError,
    },
    /// The connection failed.
    #[error("talk to {node}")]
    Remote {
        /// Which node.
        node: NodeName,
        /// Why.
        source: Box<HealthError>,
    },
    /// Nothing is known of it.
    #[error("the outcome on {node} is unknown")]
    Unknown {
        /// Which node.
        node: NodeName,
    },
}

impl Hint for NodeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Stale { .. } => Some(String::from("plan again and look at the new plan")),
            Self::Locked { .. } => Some(String::from(
                "wait for that apply to end; if it was killed, run `sh rollback.sh` in its directory below /var/lib/harden/txn and remove /var/lib/harden/lock",
            )),
            Self::Remote { source, .. } => source.hint(),
            _ => None,
        }
    }
}

impl Report {
    pub(super) fn new(plan: &Plan) -> Self {
        let nodes = plan.waves.iter().flat_map(|wave| &wave.nodes);
        Self { nodes: nodes.map(|node| (node.node.clone(), NodeOutcome::NotBegun)).collect(), stopped: None }
    }

    /// The exit code that tells this outcome.
    pub fn exit_code(&self) -> ExitCode {
        let any = |wanted: fn(&NodeOutcome) -> bool| self.nodes.values().any(wanted);
        let begun = any(|outcome| matches!(outcome, NodeOutcome::Applied | NodeOutcome::RolledBack(_)));
        if any(|outcome| matches!(outcome, NodeOutcome::Broken { .. })) {
            return ExitCode::NeedsHuman;
        }
        match &self.stopped {
            None => ExitCode::Success,
            Some(Stop::Interrupted) => ExitCode::Interrupted,
            Some(Stop::Node) if !begun => ExitCode::Error,
            Some(Stop::Node | Stop::Gate(_) | Stop::Cluster { .. }) => ExitCode::Stopped,
        }
    }
}
