//! How an apply ended, node by node, and what that means for the exit code.

use super::{DrainError, MaterialError};
use crate::error::{ExitCode, Hint};
use crate::health::{GateError, HealthError};
use crate::inventory::NodeName;
use crate::plan::Plan;
use crate::status::Age;
use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

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

/// Why a node failed: which node, what was attempted, why it failed.
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
    #[error("lock {node}: for {} it is locked by {owner}", Age(*age))]
    Locked {
        /// Which node.
        node: NodeName,
        /// Who, from where, since when.
        owner: String,
        /// How long ago by the node's clock.
        age: Duration,
        /// The command that frees it when its owner is dead.
        remedy: String,
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
    /// Its pods could not be evicted.
    #[error("drain {node}")]
    Drain {
        /// Which node.
        node: NodeName,
        /// Why.
        source: Box<DrainError>,
    },
    /// A step on the node failed.
    #[error("{attempt} on {node}: {}", said(message))]
    Step {
        /// Which node.
        node: NodeName,
        /// What was attempted.
        attempt: &'static str,
        /// The last that the node said.
        message: String,
    },
    /// A gate did not hold.
    #[error("prove {node} healthy {phase}")]
    Gate {
        /// Which node.
        node: NodeName,
        /// When that was.
        phase: Phase,
        /// Which gate, and what it saw last.
        source: Box<GateError>,
    },
    /// The connection failed.
    #[error("{attempt} on {node}")]
    Remote {
        /// Which node.
        node: NodeName,
        /// What was attempted.
        attempt: &'static str,
        /// Why.
        source: Box<HealthError>,
    },
    /// The old state could not be put back.
    #[error("put back the old state of {node}: {}", said(message))]
    RollBack {
        /// Which node.
        node: NodeName,
        /// The last that the node said.
        message: String,
    },
    /// The node could not be reached to put the old state back.
    #[error("put back the old state of {node}")]
    Lost {
        /// Which node.
        node: NodeName,
        /// Why.
        source: Box<HealthError>,
        /// Whether it was armed to do that by itself.
        timer: bool,
    },
    /// harden itself failed in the middle of it.
    #[error("change {node}: harden itself failed, and what is on the node is unknown")]
    Unknown {
        /// Which node.
        node: NodeName,
    },
}

/// When a gate was waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Before the node was touched.
    Before,
    /// With its new static pods, before a unit is restarted.
    Between,
    /// With the new state.
    After,
    /// With the old state, after a rollback.
    RolledBack,
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Before => "before it is touched",
            Self::Between => "with its new static pods",
            Self::After => "with its new state",
            Self::RolledBack => "with its old state, which is back",
        })
    }
}

fn said(message: &str) -> &str {
    if message.is_empty() { "it failed without a word" } else { message }
}

impl Hint for NodeError {
    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Stale { .. } => String::from("plan again and look at the new plan"),
            Self::Locked { node, remedy, .. } => format!(
                "wait for that apply to end; if it was killed, `harden unlock --limit {node}`, or `{remedy}` as root on {node}, puts back what it left half-done and frees the lock"
            ),
            Self::Material { .. } => {
                String::from("nothing was changed there: put right what the error names and apply again")
            }
            Self::Step { node, .. } => {
                format!("put right what it names and apply again; `journalctl -b -e` on {node} may tell more")
            }
            Self::Gate { source, .. } => return source.hint(),
            Self::Drain { source, .. } => return source.hint(),
            Self::Remote { node, source, .. } => source.hint().unwrap_or_else(|| {
                format!("check that {node} can be logged in to and runs scripts, then apply again")
            }),
            Self::Lost { node, timer: true, .. } => format!(
                "{node} puts its old state back by itself, at the latest when it is started again: `harden status --limit {node}` tells once it answers"
            ),
            Self::RollBack { node, .. } | Self::Lost { node, .. } | Self::Unknown { node } => format!(
                "put right what it names, then `harden unlock --limit {node}` tries again; where harden cannot log in, run `sh /var/lib/harden/lock/rollback.sh` as root on {node}, until it says `reverted` or `committed`; when there is no such file, nothing is left half-done there"
            ),
        })
    }
}

impl NodeError {
    /// Whether it is no failure of the node: the user asked to stop while a gate or pods were waited for.
    fn is_interrupt(&self) -> bool {
        match self {
            Self::Gate { source, .. } => matches!(**source, GateError::Cancelled { .. }),
            Self::Drain { source, .. } => matches!(**source, DrainError::Cancelled { .. }),
            _ => false,
        }
    }
}

/// Why a wave stops the apply; `None` when it does not.
pub(super) fn stop_of<'a>(outcomes: impl Iterator<Item = &'a NodeOutcome>) -> Option<Stop> {
    let mut stop = None;
    for outcome in outcomes {
        match outcome {
            NodeOutcome::Applied => {}
            NodeOutcome::Untouched(error) | NodeOutcome::RolledBack(error) if error.is_interrupt() => {
                stop = Some(Stop::Interrupted);
            }
            _ => return Some(Stop::Node),
        }
    }
    stop
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
            Some(Stop::Node | Stop::Gate(_)) if !begun => ExitCode::Error,
            Some(Stop::Node | Stop::Gate(_) | Stop::Cluster { .. }) => ExitCode::Stopped,
        }
    }
}
