//! The executor: waves, transactions, gates, rollback. It does what the plan says and nothing else: it cannot render a
//! template or issue a certificate, and what it needs of either is asked for through [`Materials`].

mod authority;
mod drain;
mod fleet;
mod manifests;
mod material;
mod owner;
mod pods;
mod remember;
mod report;
mod rollout;
mod script;
#[cfg(test)]
mod tests;
mod transaction;
mod unlock;

pub use drain::{Cordon, DrainError, Remaining, Unevictable};
pub use manifests::{ApplyManifestsError, ManifestCounts, apply_manifests};
pub use material::{Issued, Issuer, MaterialError, Materials};
pub use report::{NodeError, NodeOutcome, Phase, Report, Stop};
pub use unlock::{UnlockError, Unlocked, unlock};

use crate::event::{Event, Listener, Outcome};
use crate::health::{GateError, HealthError};
use crate::inventory::NodeName;
use crate::plan::{ClusterOperation, Drain, Gate, Plan, Wave};
use crate::remote::{Reply, Script};
use crate::status::ProcessIdentity;
use std::collections::BTreeMap;
use std::time::Duration;

/// The nodes and the cluster, as far as apply reaches them. Each method may be called from several threads, for
/// different nodes.
pub trait Fleet: Sync {
    /// Runs a script on a node.
    fn run(&self, node: &NodeName, script: &Script, deadline: Duration) -> Result<Reply, HealthError>;

    /// Replaces the connection to a node by a new one: new TCP connection, new login, new step to root.
    fn reconnect(&self, node: &NodeName) -> Result<(), HealthError>;

    /// Waits until all gates have held for so long, or until `cancel` says so while one does not hold.
    fn wait(
        &self,
        gates: &[Gate],
        stable: Duration,
        listener: &Listener<'_>,
        cancel: &dyn Fn() -> bool,
    ) -> Result<(), GateError>;

    /// Keeps new pods off a node, and marks it, unless somebody else does already. Before it does anything it looks whether
    /// every pod there may be evicted.
    fn cordon(
        &self,
        node: &NodeName,
        settings: &Drain,
        mark: &str,
        listener: &Listener<'_>,
    ) -> Result<Cordon, DrainError>;

    /// Evicts the pods of a node and waits until they are gone, or until `cancel` says so.
    fn evict_pods(
        &self,
        node: &NodeName,
        settings: &Drain,
        listener: &Listener<'_>,
        cancel: &dyn Fn() -> bool,
    ) -> Result<(), DrainError>;

    /// Lets new pods on a node again, if it is cordoned with this mark.
    fn uncordon(&self, node: &NodeName, mark: &str) -> Result<(), HealthError>;

    /// Carries out a change of the cluster itself.
    fn change_cluster(
        &self,
        operation: &ClusterOperation,
        listener: &Listener<'_>,
    ) -> Result<(), MaterialError>;

    /// Lets some time pass before a lost node is tried again.
    fn pause(&self, time: Duration) {
        std::thread::sleep(time);
    }
}

/// How long gates must hold that prove a new state: what crashes does so within its first seconds.
const STABLE: Duration = Duration::from_secs(3);

/// Who applies, when, and whether to go on.
pub struct Run<'a> {
    /// The nodes and the cluster.
    pub fleet: &'a dyn Fleet,
    /// Secrets and certificates.
    pub materials: &'a dyn Materials,
    /// Who runs it, `user@host`: shown to whoever finds the node locked.
    pub by: &'a str,
    /// The process that runs it, so that it can be told later whether it still does; `None` where it cannot be named.
    pub process: Option<&'a ProcessIdentity>,
    /// Seconds since 1970.
    pub now: i64,
    /// How many transactions a node keeps.
    pub retention: u32,
    /// Where events go.
    pub listener: &'a Listener<'a>,
    /// Whether the user asked to stop. The node in hand is finished where its gates hold, and put back where they are waited for;
    /// no other is begun.
    pub interrupted: &'a (dyn Fn() -> bool + Sync),
}

/// Applies a plan: wave after wave, each node as one transaction, until all is done or something fails. The first
/// failure stops everything that has not begun.
pub fn apply(plan: &Plan, run: &Run<'_>) -> Report {
    let mut report = Report::new(plan);
    report.stopped = proceed(plan, run, &mut report.nodes).err();
    report
}

fn proceed(plan: &Plan, run: &Run<'_>, nodes: &mut BTreeMap<NodeName, NodeOutcome>) -> Result<(), Stop> {
    let go_on = || if (run.interrupted)() { Err(Stop::Interrupted) } else { Ok(()) };
    for (number, wave) in plan.waves.iter().enumerate() {
        go_on()?;
        (run.listener)(Event::Wave { number: number + 1, of: plan.waves.len(), title: wave.title.clone() });
        let outcomes = apply_wave(wave, run);
        let stop = report::stop_of(outcomes.values());
        nodes.extend(outcomes);
        if let Some(stop) = stop {
            return Err(stop);
        }
    }
    if !plan.gates.is_empty() {
        go_on()?;
        let waited = run.fleet.wait(&plan.gates, STABLE, run.listener, run.interrupted);
        waited.map_err(|error| match error {
            GateError::Cancelled { .. } => Stop::Interrupted,
            error => Stop::Gate(error),
        })?;
    }
    for change in &plan.cluster_changes {
        go_on()?;
        (run.listener)(Event::Cluster { step: format!("change {}", change.subject) });
        run.fleet
            .change_cluster(&change.operation, run.listener)
            .map_err(|source| Stop::Cluster { subject: change.subject.clone(), source })?;
    }
    Ok(())
}

fn apply_wave(wave: &Wave, run: &Run<'_>) -> BTreeMap<NodeName, NodeOutcome> {
    std::thread::scope(|scope| {
        let mut outcomes = BTreeMap::new();
        let mut threads = Vec::new();
        for node in &wave.nodes {
            let thread = std::thread::Builder::new().name(format!("apply {}", node.node));
            match thread.spawn_scoped(scope, || transaction::transact(node, run)) {
                Ok(thread) => threads.push((node.node.clone(), thread)),
                // More nodes than this machine has threads: then one after the other.
                Err(_) => {
                    outcomes.insert(node.node.clone(), transaction::transact(node, run));
                }
            }
        }
        for (node, thread) in threads {
            let outcome = thread.join().unwrap_or_else(|_| failed(&node, run));
            outcomes.insert(node, outcome);
        }
        outcomes
    })
}

/// A panic is a fault of harden itself: nobody knows how far it came on the node.
fn failed(node: &NodeName, run: &Run<'_>) -> NodeOutcome {
    let error = NodeError::Unknown { node: node.clone() };
    (run.listener)(Event::Done { node: node.clone(), outcome: Outcome::Failed(error.to_string()) });
    NodeOutcome::Broken { error, rollback: None }
}
