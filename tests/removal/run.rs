//! The order of the steps and where they stop, with imagined hands.

use crate::health::name;
use harden::error::Hint as _;
use harden::event::{Event, Outcome as NodeOutcome};
use harden::removal::{Ended, Hands, Outcome, RemovalError, Step, carry_out};
use std::sync::Mutex;

#[derive(Default)]
struct Imagined {
    done: Vec<&'static str>,
    fails_at: Option<&'static str>,
    is_put_back: bool,
    /// How often the node was locked and given back.
    locked: usize,
    given_back: usize,
    is_locked_by_others: bool,
}

impl Hands for Imagined {
    fn begin(&mut self) -> Result<(), RemovalError> {
        if self.is_locked_by_others {
            return Err(RemovalError::Locked { owner: String::from("you@there") });
        }
        self.locked += 1;
        Ok(())
    }

    fn end(&mut self) {
        self.given_back += 1;
    }

    fn act(&mut self, step: &Step) -> Result<(), RemovalError> {
        if self.fails_at == Some(step.name()) {
            return Err(RemovalError::Left { left: vec![String::from("process etcd (7)")] });
        }
        self.done.push(step.name());
        Ok(())
    }

    fn take_back(&mut self, _: &Step) -> bool {
        self.is_put_back
    }
}

fn steps() -> Vec<Step> {
    vec![Step::Drain, Step::StopKubelet, Step::DeleteNode]
}

fn run(hands: &mut Imagined, interrupted_after: usize) -> (Outcome, Vec<Event>) {
    let events = Mutex::new(Vec::new());
    let count = || events.lock().unwrap().iter().filter(|event| matches!(event, Event::Step { .. })).count();
    let outcome =
        carry_out(&name("w-1"), &steps(), hands, &|event| events.lock().unwrap().push(event), &|| {
            count() >= interrupted_after
        });
    (outcome, events.into_inner().unwrap())
}

fn ends(outcome: &Outcome) -> Vec<Ended> {
    outcome.steps.iter().map(|(_, ended)| *ended).collect()
}

#[test]
fn all_steps_are_done_in_order() {
    let mut hands = Imagined::default();
    let (outcome, events) = run(&mut hands, usize::MAX);
    assert_eq!(hands.done, ["drain", "stop-kubelet", "delete-node"]);
    assert!(outcome.error.is_none() && outcome.is_changed && !outcome.is_interrupted);
    assert_eq!(ends(&outcome), [Ended::Done; 3]);
    assert!(matches!(events.last(), Some(Event::Done { outcome: NodeOutcome::Finished(_), .. })));
}

#[test]
fn the_first_failure_stops_it() {
    let mut hands = Imagined { fails_at: Some("stop-kubelet"), ..Imagined::default() };
    let (outcome, _) = run(&mut hands, usize::MAX);
    assert_eq!(ends(&outcome), [Ended::Done, Ended::Failed, Ended::NotBegun]);
    let error = outcome.error.unwrap();
    assert_eq!(error.to_string(), "reset the host: it still has process etcd (7)");
    assert!(error.hint().is_some());
    assert!(outcome.is_changed && !outcome.is_interrupted);
}

#[test]
fn a_drain_that_failed_and_was_taken_back_changed_nothing() {
    for is_put_back in [true, false] {
        let mut hands = Imagined { fails_at: Some("drain"), is_put_back, ..Imagined::default() };
        let (outcome, _) = run(&mut hands, usize::MAX);
        assert_eq!(outcome.is_changed, !is_put_back);
        assert_eq!(ends(&outcome), [Ended::Failed, Ended::NotBegun, Ended::NotBegun]);
    }
}

#[test]
fn an_interrupt_lets_the_step_in_hand_end() {
    let mut hands = Imagined::default();
    let (outcome, _) = run(&mut hands, 1);
    assert_eq!(ends(&outcome), [Ended::Done, Ended::NotBegun, Ended::NotBegun]);
    assert!(outcome.is_interrupted && outcome.error.is_none() && outcome.is_changed);
}

#[test]
fn the_node_is_locked_meanwhile_and_given_back_however_it_ends() {
    for fails_at in [None, Some("drain"), Some("delete-node")] {
        let mut hands = Imagined { fails_at, ..Imagined::default() };
        run(&mut hands, usize::MAX);
        assert_eq!((hands.locked, hands.given_back), (1, 1));
    }
    let mut hands = Imagined { is_locked_by_others: true, ..Imagined::default() };
    let (outcome, _) = run(&mut hands, usize::MAX);
    assert_eq!(ends(&outcome), [Ended::NotBegun; 3]);
    assert!(!outcome.is_changed && hands.given_back == 0);
    let error = outcome.error.unwrap();
    assert!(error.to_string().contains("locked by you@there"), "{error}");
    assert!(error.hint().unwrap().contains("harden unlock"));
}
