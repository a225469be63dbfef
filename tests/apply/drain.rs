//! A node that is drained for its transaction: in which order, and what becomes of its cordon whatever happens.

use super::pods::Draining;
use super::world::{Fault, World, name, word};
use harden::apply::{NodeError, NodeOutcome};
use harden::error::{Chain, Hint as _};
use harden::event::Event;
use harden::plan::{Drain, Plan};

const PLAIN: &[usize] = &[0, 1, 2, 3, 4];
const DRAIN: Drain = Drain { deadline: 300, delete_emptydir_data: false, delete_unmanaged_pods: false };

fn plan(world: &World, waves: &[&[&str]]) -> Plan {
    let mut plan = world.plan(waves, PLAIN);
    for node in plan.waves.iter_mut().flat_map(|wave| &mut wave.nodes) {
        node.drain = Some(DRAIN);
    }
    plan
}

/// Name, what happens, outcome, whether the node has the new state, whether it stays cordoned, exit code.
type Case = (&'static str, fn(&mut World), &'static str, bool, bool, u8);

const CASES: &[Case] = &[
    ("nothing", |_| {}, "applied", true, false, 0),
    ("cordoned before", |w| drain(w, Draining::Kept), "applied", true, false, 0),
    ("a pod would be lost", |w| drain(w, Draining::Refused), "untouched", false, false, 1),
    ("a budget keeps a pod", |w| drain(w, Draining::Budget), "untouched", false, false, 1),
    ("interrupted", |w| drain(w, Draining::Interrupted), "untouched", false, false, 130),
    ("sick before", |w| w.sick.push(("w-1", 0)), "untouched", false, false, 1),
    ("sick once it is drained", |w| w.sick.push(("w-1", 1)), "untouched", false, false, 1),
    ("sick after", |w| w.sick.push(("w-1", 2)), "rolled-back", false, false, 3),
    ("cut before the change", |w| fault(w, Fault::Before), "untouched", false, false, 1),
    ("the change's reply is lost", |w| fault(w, Fault::After), "rolled-back", false, false, 3),
    ("sick with the old state too", |w| w.sick.extend([("w-1", 2), ("w-1", 3)]), "broken", false, true, 4),
    ("uncordoned at last", |w| *w.pods.uncordons_fail.get_mut().unwrap() = 11, "applied", true, false, 0),
    ("never uncordoned", |w| *w.pods.uncordons_fail.get_mut().unwrap() = 12, "applied", true, true, 0),
];

fn drain(world: &mut World, draining: Draining) {
    world.pods.draining.insert("w-1", draining);
}

fn fault(world: &mut World, fault: Fault) {
    world.faults.insert(("w-1", 0), fault);
}

#[test]
fn whatever_happens_the_cordon_goes_with_the_transaction() {
    for (title, prepare, outcome, changed, cordoned, code) in CASES {
        let mut world = World::new(&["w-1"]);
        let plan = plan(&world, &[&["w-1"]]);
        prepare(&mut world);
        let old = world.listing("w-1");
        let report = world.apply(&plan);
        let found = &report.nodes[&name("w-1")];
        assert_eq!(word(found), *outcome, "{title}: {report:?}");
        assert_eq!(report.exit_code().number(), *code, "{title}: {report:?}");
        assert_eq!(world.listing("w-1") != old, *changed, "{title}");
        assert_eq!(world.pods.is_cordoned(&name("w-1")), *cordoned, "{title}");
        assert!(!world.is_locked("w-1"), "{title}");
        let events = world.events.lock().unwrap();
        let warned =
            events.iter().any(|it| matches!(it, Event::Warning { text, .. } if text.contains("cordon")));
        assert_eq!(warned, *cordoned, "{title}: whoever finds it cordoned was told");
        if let NodeOutcome::Untouched(error @ NodeError::Drain { .. }) = found {
            assert!(error.hint().is_some() && Chain(error).to_string().contains("w-1"), "{title}");
        }
    }
}

#[test]
fn gates_then_drain_then_change_and_pods_again_at_the_end() {
    let world = World::new(&["w-1"]);
    world.apply(&plan(&world, &[&["w-1"]]));
    let events = world.events.lock().unwrap();
    let steps: Vec<&str> = events
        .iter()
        .filter_map(|event| match event {
            Event::Step { step, .. } => Some(step.as_str()),
            Event::Done { .. } => Some("done"),
            _ => None,
        })
        .collect();
    assert_eq!(
        steps,
        [
            "prepare",
            "cordon and drain",
            "change files and restart what they need",
            "log in anew",
            "confirm",
            "uncordon",
            "done"
        ]
    );
}

#[test]
fn a_node_that_cannot_be_drained_stops_the_others() {
    let mut world = World::new(&["w-1", "w-2"]);
    let plan = plan(&world, &[&["w-1"], &["w-2"]]);
    world.pods.draining.insert("w-1", Draining::Budget);
    let report = world.apply(&plan);
    let NodeOutcome::Untouched(error) = &report.nodes[&name("w-1")] else { panic!("{report:?}") };
    assert_eq!(
        Chain(error).to_string(),
        "drain w-1: evict the pods of w-1: after 300 s a/web-1 is kept by the PodDisruptionBudget a/web (it needs 1 healthy pod)"
    );
    assert!(error.hint().unwrap().contains("kubectl get pdb -A"));
    assert_eq!(word(&report.nodes[&name("w-2")]), "not-begun");
}
