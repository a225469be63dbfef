//! The executor: waves, transactions, gates, rollback. It does what the plan says and nothing else: it cannot render a
//! template or issue a certificate, and what it needs of either is asked for through [`Materials`].

mod fleet;
mod material;
mod report;
mod script;
#[cfg(test)]
mod tests;
mod transaction;

pub use material::{Issued, Issuer, MaterialError, Materials};
pub use report::{NodeError, NodeOutcome, Report, Stop};

use crate::event::{Event, Listener};
use crate::health::{GateError, HealthError};
use crate::inventory::NodeName;
use crate::plan::{ClusterOperation, Gate, Plan, Wave};
use crate::remote::{Reply, Script};
use std::collections::BTreeMap;
use std::time::Duration;

/// The nodes and the cluster, as far as apply reaches them. Each method may be called from several threads, for
/// different nodes.
pub trait Fleet: Sync {
    /// Runs a script on a node.
    fn run(&self, node: &NodeName, script: &Script, deadline: Duration) -> Result<Reply, HealthError>;

    /// Replaces the connection to a node by a new one: new TCP connection, new login, new step to root.
    fn reconnect(&self, node: &NodeName) -> Result<(), HealthError>;

    /// Waits until all gates hold.
    fn wait(&self, gates: &[Gate], listener: &Listener<'_>) -> Result<(), GateError>;

    /// A control-plane node that can be reached; CAs are read there.
    fn control_plane(&self) -> Option<NodeName>;

    /// Carries out a change of the cluster itself.
    fn change_cluster(
        &self,
        operation: &ClusterOperation,
        listener: &Listener<'_>,
    ) -> Result<(), MaterialError>;
}

/// Who applies, when, and whether to go on.
pub struct Run<'a> {
    /// The nodes and the cluster.
    pub fleet: &'a dyn Fleet,
    /// Secrets and certificates.
    pub materials: &'a dyn Materials,
    /// Who runs it, `user@host`: shown to whoever finds the node locked.
    pub by: &'a str,
    /// Seconds since 1970.
    pub now: i64,
    /// Where events go.
    pub listener: &'a Listener<'a>,
    /// Whether the user asked to stop: the node in hand is finished, no other is begun.
    pub interrupted: &'a (dyn Fn() -> bool + Sync),
}

/// Applies a plan: wave after wave, each node as one transaction, until all is done or something fails. The first
/// failure stops everything that has not begun.
pub fn apply(plan: &Plan, run: &Run<'_>) -> Report {
    let mut report = Report::new(plan);
    for (number, wave) in plan.waves.iter().enumerate() {
        if (run.interrupted)() {
            report.stopped = Some(Stop::Interrupted);
            return report;
        }
        (run.listener)(Event::Wave { number: number + 1, of: plan.waves.len(), title: wave.title.clone() });
        let outcomes = apply_wave(wave, run);
        let failed = outcomes.values().any(|outcome| !matches!(outcome, NodeOutcome::Applied));
        report.nodes.extend(outcomes);
        if failed {
            report.stopped = Some(Stop::Node);
            return report;
        }
    }
    if let Err(error) = run.fleet.wait(&plan.gates, run.listener) {
        report.stopped = Some(Stop::Gate(error));
        return report;
    }
    for change in &plan.cluster_changes {
        (run.listener)(Event::Cluster { step: format!("change {}", change.subject) });
        if let Err(source) = run.fleet.change_cluster(&change.operation, run.listener) {
            report.stopped = Some(Stop::Cluster { subject: change.subject.clone(), source });
            return report;
        }
    }
    report
}

fn apply_wave(wave: &Wave, run: &Run<'_>) -> BTreeMap<NodeName, NodeOutcome> {
    std::thread::scope(|scope| {
        let threads: Vec<_> = wave
            .nodes
            .iter()
            .map(|node| (node.node.clone(), scope.spawn(move || transaction::transact(node, run))))
            .collect();
        threads
            .into_iter()
            .map(|(node, thread)| {
                let outcome = thread.join().unwrap_or_else(|_| NodeOutcome::Broken {
                    error: NodeError::Unknown { node: node.clone() },
                    rollback: None,
                });
                (node, outcome)
            })
            .collect()
    })
}
