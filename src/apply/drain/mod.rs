//! Draining a node before it is changed: cordon it, evict its pods, and let pods on it again when its transaction is at its end.
//! A mark on the node says whose cordon it is, so that a later apply takes away what a killed one left behind, and nobody takes
//! away what an administrator did.

mod error;
mod eviction;
mod selection;

pub use error::{DrainError, Remaining, Unevictable};

use super::{NodeError, NodeOutcome, Run};
use crate::cluster::{Eviction, PodOnNode};
use crate::error::Chain;
use crate::event::{Event, Listener};
use crate::health::{HealthError, Reach};
use crate::inventory::NodeName;
use crate::plan::{Drain, NodePlan};
use std::time::{Duration, Instant};

/// Between two attempts to let pods on a node again.
const PAUSE: Duration = Duration::from_secs(5);
/// So many attempts, a minute: the API server beside may be restarting.
const ATTEMPTS: usize = 12;

/// Whose cordon a node has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cordon {
    /// The transaction's: it is taken away at its end.
    Own,
    /// Somebody else's, from before: it stays.
    Kept,
}

/// A node that is drained for its transaction.
pub(super) struct Drained<'a> {
    node: &'a NodeName,
    mark: String,
    cordon: Cordon,
    run: &'a Run<'a>,
}

/// Drains a node, where the plan says so. On failure it takes pods again.
pub(super) fn drain<'a>(
    plan: &'a NodePlan,
    id: &str,
    run: &'a Run<'a>,
) -> Result<Option<Drained<'a>>, NodeError> {
    let Some(settings) = &plan.drain else { return Ok(None) };
    let node = &plan.node;
    let mut drained = Drained { node, mark: format!("{id} by {}", run.by), cordon: Cordon::Own, run };
    drained.step("cordon and drain");
    let result = run.fleet.cordon(node, settings, &drained.mark, run.listener).and_then(|cordon| {
        drained.cordon = cordon;
        run.fleet.evict_pods(node, settings, run.listener, run.interrupted)
    });
    match result {
        Ok(()) => Ok(Some(drained)),
        Err(source) => {
            // A cordon whose answer was lost may be there.
            drained.uncordon();
            Err(NodeError::Drain { node: node.clone(), source: Box::new(source) })
        }
    }
}

impl Drained<'_> {
    /// The transaction is at its end. Nobody knows what a node does whose old state is not proven to be back, and so it gets no
    /// pods.
    pub(super) fn end(&self, outcome: &NodeOutcome) {
        if matches!(outcome, NodeOutcome::Broken { .. }) {
            if self.cordon == Cordon::Own {
                self.warn(format!("it stays cordoned; `kubectl uncordon {}` once it is well", self.node));
            }
            return;
        }
        self.uncordon();
    }

    fn uncordon(&self) {
        if self.cordon == Cordon::Kept {
            return;
        }
        self.step("uncordon");
        let (fleet, mut tries) = (self.run.fleet, 1);
        while let Err(error) = fleet.uncordon(self.node, &self.mark) {
            if tries == ATTEMPTS {
                return self.warn(format!(
                    "it stays cordoned ({}): the next apply takes that away, or `kubectl uncordon {}`",
                    Chain(&error),
                    self.node
                ));
            }
            tries += 1;
            fleet.pause(PAUSE);
        }
    }

    fn step(&self, step: &str) {
        (self.run.listener)(Event::Step { node: self.node.clone(), step: step.to_owned() });
    }

    fn warn(&self, text: String) {
        (self.run.listener)(Event::Warning { node: Some(self.node.clone()), text });
    }
}

/// Looks at the pods before anything is done, and then keeps new ones off the node.
pub(super) fn cordon(
    reach: &Reach,
    node: &NodeName,
    settings: &Drain,
    mark: &str,
    listener: &Listener<'_>,
) -> Result<Cordon, DrainError> {
    let failed = |source| DrainError::asked(node, source);
    let found = reach.any_api(node, |api| api.node(node.as_str())).map_err(failed)?;
    let info = found.ok_or_else(|| DrainError::NotJoined { node: node.clone() })?;
    let pods = reach.any_api(node, |api| api.pods_on(node.as_str())).map_err(failed)?;
    selection::select(node, pods, settings)?;
    match (info.unschedulable, info.cordon_mark) {
        (true, None) => return Ok(Cordon::Kept),
        (true, Some(former)) => {
            let text = format!("transaction {former} left it cordoned; that cordon is taken over");
            listener(Event::Warning { node: Some(node.clone()), text });
        }
        (false, _) => {}
    }
    reach.any_api(node, |api| api.cordon(node.as_str(), mark)).map_err(failed)?;
    Ok(Cordon::Own)
}

/// Evicts what is to be evicted, and waits until it is gone.
pub(super) fn evict_pods(
    reach: &Reach,
    node: &NodeName,
    settings: &Drain,
    listener: &Listener<'_>,
    cancel: &dyn Fn() -> bool,
) -> Result<(), DrainError> {
    let mut pods = PodsOfNode { reach, node, began: Instant::now() };
    let found = eviction::Pods::list(&mut pods).map_err(|source| DrainError::asked(node, source))?;
    // Again: one may have come between the first look and the cordon.
    let selected = selection::select(node, found, settings)?;
    let tell = |step: String| listener(Event::Step { node: node.clone(), step });
    eviction::evict(node, selected, Duration::from_secs(settings.deadline), &mut pods, &tell, cancel)
}

/// Takes the cordon away that has this mark. Any other is somebody else's.
pub(super) fn uncordon(reach: &Reach, node: &NodeName, mark: &str) -> Result<(), HealthError> {
    let info = reach.any_api(node, |api| api.node(node.as_str()))?;
    if info.is_some_and(|info| info.cordon_mark.as_deref() == Some(mark)) {
        reach.any_api(node, |api| api.uncordon(node.as_str()))?;
    }
    Ok(())
}

/// The pods of a node, by the API.
struct PodsOfNode<'a> {
    reach: &'a Reach,
    node: &'a NodeName,
    began: Instant,
}

impl eviction::Pods for PodsOfNode<'_> {
    fn list(&mut self) -> Result<Vec<PodOnNode>, HealthError> {
        self.reach.any_api(self.node, |api| api.pods_on(self.node.as_str()))
    }

    fn evict(&mut self, pod: &PodOnNode) -> Result<Eviction, HealthError> {
        self.reach.any_api(self.node, |api| api.evict(pod))
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    fn pause(&mut self, time: Duration) {
        super::Fleet::pause(self.reach, time);
    }
}
