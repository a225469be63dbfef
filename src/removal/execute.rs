//! Carries the steps out, in order, and stops at the first that fails. How each is done is its hands' affair.

use super::{RemovalError, Step};
use crate::event::{Event, Listener, Outcome as NodeOutcome};
use crate::inventory::NodeName;

/// What does the steps.
pub trait Hands {
    /// Keeps others off the node.
    fn begin(&mut self) -> Result<(), RemovalError>;

    /// Lets them at it again, however it ended.
    fn end(&mut self);

    /// Does one.
    fn act(&mut self, step: &Step) -> Result<(), RemovalError>;

    /// After a step that failed: takes the cordon away again if that puts the node back as it was. Returns whether it is so.
    fn take_back(&mut self, step: &Step) -> bool;
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was done.
    Done,
    /// It failed.
    Failed,
    /// It was not its turn.
    NotBegun,
}

/// How it all ended.
#[derive(Debug)]
pub struct Outcome {
    /// Each step, and how it ended.
    pub steps: Vec<(Step, Ended)>,
    /// Why it stopped.
    pub error: Option<RemovalError>,
    /// Whether the user stopped it.
    pub is_interrupted: bool,
    /// Whether anything of the node or the cluster is otherwise than before.
    pub is_changed: bool,
}

/// Carries the steps out.
pub fn carry_out(
    node: &NodeName,
    steps: &[Step],
    hands: &mut dyn Hands,
    listener: &Listener<'_>,
    interrupted: &dyn Fn() -> bool,
) -> Outcome {
    let mut outcome = Outcome { steps: Vec::new(), error: None, is_interrupted: false, is_changed: false };
    outcome.error = hands.begin().err();
    let is_begun = outcome.error.is_none();
    for step in steps {
        if outcome.error.is_some() || outcome.is_interrupted || interrupted() {
            outcome.is_interrupted |= outcome.error.is_none();
            outcome.steps.push((step.clone(), Ended::NotBegun));
            continue;
        }
        listener(Event::Step { node: node.clone(), step: step.words() });
        match hands.act(step) {
            Ok(()) => {
                outcome.is_changed = true;
                outcome.steps.push((step.clone(), Ended::Done));
            }
            Err(error) => {
                outcome.is_changed |= !hands.take_back(step);
                outcome.error = Some(error);
                outcome.is_interrupted = interrupted();
                outcome.steps.push((step.clone(), Ended::Failed));
            }
        }
    }
    if is_begun {
        hands.end();
    }
    let end = match &outcome.error {
        Some(error) => NodeOutcome::Failed(error.to_string()),
        None if outcome.is_interrupted => NodeOutcome::Failed(String::from("interrupted")),
        None => NodeOutcome::Finished(String::from("removed")),
    };
    listener(Event::Done { node: node.clone(), outcome: end });
    outcome
}
