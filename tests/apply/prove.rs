//! What must be true after a fault: every node has its old state or its new one in full, exit code and report tell which, and
//! one more apply brings everything about.

use super::material::SECRET;
use super::world::{World, name, word};
use crate::support::matrix::{Case, End};
use harden::apply::{NodeOutcome, Report};
use harden::error::{Chain, Hint as _};
use harden::event::Event;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The nodes, wave by wave.
pub(super) type Waves = &'static [&'static [&'static str]];

/// Four at once: most of the time is spent in waiting.
pub(super) fn in_lanes<T: Sync>(all: &[T], run: impl Fn(&T) + Sync) {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(one) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
                    run(one);
                }
            });
        }
    });
}

/// What a node has when all went well.
pub(super) fn new_state(changes: &[usize]) -> Vec<String> {
    let world = World::new(&["cp-1"]);
    let report = world.apply(&world.plan(&[&["cp-1"]], changes));
    assert!(report.stopped.is_none(), "{report:?}");
    world.listing("cp-1")
}

/// What a fault happens to.
pub(super) struct Ground<'a> {
    pub(super) waves: Waves,
    /// The node that is hit.
    pub(super) hit: &'static str,
    pub(super) changes: &'a [usize],
    /// What a node has when all went well.
    pub(super) new: &'a [String],
    /// Whether units are restarted by a script of their own.
    pub(super) is_parted: bool,
}

/// The plan is made, then something goes wrong, and then this must be true.
pub(super) fn prove(told: &str, case: &Case, ground: &Ground<'_>, wrong: impl Fn(&mut World)) {
    let Ground { waves, hit, changes, new, is_parted } = *ground;
    let nodes = waves.concat();
    let mut world = World::new(&nodes);
    world.is_parted = is_parted;
    let plan = world.plan(waves, changes);
    wrong(&mut world);
    let report = world.apply(&plan);
    assert_eq!(Some(report.exit_code().number()), case.exit, "{told}: {report:?}");
    let wave_of = |node: &str| waves.iter().position(|wave| wave.contains(&node)).unwrap();
    for node in &nodes {
        let is_hit = *node == hit;
        let has_new = case.end == End::Applied || !is_hit && wave_of(node) <= wave_of(hit);
        let end = match (is_hit, has_new) {
            (true, _) => case.end,
            (false, true) => End::Applied,
            (false, false) => End::Untouched,
        };
        let outcome = word(&report.nodes[&name(node)]);
        assert_eq!(world.end(node), end, "{told}: {node}: {report:?}");
        assert!(reported(case, end, is_hit).contains(&outcome), "{told}: {node} is {outcome}: {report:?}");
        let expected = if has_new { new } else { &world.old[&name(node)] };
        assert_eq!(world.listing(node), expected, "{told}: {node}");
        assert_eq!(world.strays(node), [""; 0], "{told}: {node}");
        assert_eq!(world.is_recorded(node), has_new, "{told}: {node}");
        assert!(!world.is_locked(node) || world.has_foreign_lock(node), "{told}: {node}");
    }
    tells(told, &report);
    in_order(told, waves, &world);
    converges(told, &mut world, ground);
}

/// The words for it in the report; the truth where harden could not see it is that a human has to look.
fn reported(case: &Case, end: End, is_hit: bool) -> &'static [&'static str] {
    match end {
        _ if is_hit && case.exit == Some(4) => &["broken"],
        End::Applied => &["applied"],
        // Of the second of two applies: the first one's transaction is none of its own.
        _ if is_hit && case.name == "apply-during-rollback" => &["untouched"],
        End::Untouched if is_hit => &["untouched", "not-begun"],
        End::Untouched => &["not-begun"],
        End::PutBack | End::ByTimer | End::AtStart => &["rolled-back"],
    }
}

/// One more apply brings everything about.
fn converges(told: &str, world: &mut World, ground: &Ground<'_>) {
    let Ground { waves, changes, new, .. } = *ground;
    world.heal();
    for node in waves.concat() {
        world.free_foreign_lock(node);
    }
    let report = world.apply(&world.plan(waves, changes));
    assert_eq!(report.exit_code().number(), 0, "{told}: {report:?}");
    for node in waves.concat() {
        assert_eq!(world.listing(node), new, "{told}: {node}");
        assert!(!world.is_locked(node), "{told}: {node}");
    }
}

/// Every error names its node and a remedy, and no secret.
fn tells(told: &str, report: &Report) {
    for (node, outcome) in &report.nodes {
        let errors = match outcome {
            NodeOutcome::Applied | NodeOutcome::NotBegun => continue,
            NodeOutcome::Untouched(error) | NodeOutcome::RolledBack(error) => vec![error],
            NodeOutcome::Broken { error, rollback } => std::iter::once(error).chain(rollback).collect(),
        };
        for error in errors {
            let text = Chain(error).to_string();
            assert!(error.to_string().contains(node.as_str()), "{told}: {text}");
            assert!(error.hint().is_some_and(|hint| hint.len() > 10), "{told}: {text}");
            assert!(!text.contains(SECRET) && !text.contains('\n') && text.len() < 500, "{told}: {text}");
        }
    }
}

/// No wave begins before all nodes of the one before are done.
fn in_order(told: &str, waves: Waves, world: &World) {
    let events = world.events.lock().unwrap();
    let wave_of = |node: &str| waves.iter().position(|wave| wave.contains(&node)).unwrap();
    let mut wave = 0;
    let mut done = 0;
    for event in events.iter() {
        match event {
            Event::Wave { number, .. } => {
                assert_eq!((*number, done), (wave + 1, waves[..wave].concat().len()), "{told}");
                wave += 1;
            }
            Event::Step { node, .. } => assert_eq!(wave_of(node.as_str()), wave - 1, "{told}"),
            Event::Done { .. } => done += 1,
            _ => {}
        }
    }
}
