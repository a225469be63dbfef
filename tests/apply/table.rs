//! Each fault by itself: what becomes of the nodes, and what exit code tells it.

use super::material::{CHANGES, SECRET, Store};
use super::world::{Fault, World, name, word};
use harden::apply::{NodeError, NodeOutcome, Report, Stop};
use harden::error::{Chain, Hint as _};
use harden::event::Event;
use harden::resource::Applied;
use std::fs;

const NODES: &[&str] = &["cp-1", "cp-2", "w-1", "w-2"];
const WAVES: &[&[&str]] = &[&["cp-1"], &["cp-2"], &["w-1", "w-2"]];
/// Without a certificate, so that script 0 is the change and script 1 the confirmation.
const PLAIN: &[usize] = &[0, 1, 2, 3, 4];

/// Name, fault, outcomes, which nodes have the new state, exit code.
type Case = (&'static str, fn(&mut World), [&'static str; 4], [bool; 4], u8);

const APPLIED: [&str; 4] = ["applied"; 4];
const NOT_BEGUN: [&str; 3] = ["not-begun"; 3];
const ALL: [bool; 4] = [true; 4];
const NONE: [bool; 4] = [false; 4];

const fn first(outcome: &'static str) -> [&'static str; 4] {
    let [a, b, c] = NOT_BEGUN;
    [outcome, a, b, c]
}

const fn second(outcome: &'static str) -> [&'static str; 4] {
    ["applied", outcome, "not-begun", "not-begun"]
}

fn fault(world: &mut World, node: &'static str, call: usize, fault: Fault) {
    world.faults.insert((node, call), fault);
}

const CASES: &[Case] = &[
    ("nothing", |_| {}, APPLIED, ALL, 0),
    ("cut before the change", |w| fault(w, "cp-1", 0, Fault::Before), first("untouched"), NONE, 1),
    ("killed before the lock", |w| fault(w, "cp-1", 0, Fault::Killed("state")), first("untouched"), NONE, 1),
    ("killed with the lock", |w| fault(w, "cp-1", 0, Fault::Killed("check")), first("untouched"), NONE, 1),
    ("killed before staging", |w| fault(w, "cp-1", 0, Fault::Killed("stage")), first("untouched"), NONE, 1),
    ("killed when staged", |w| fault(w, "cp-1", 0, Fault::Killed("swap")), first("untouched"), NONE, 1),
    ("killed when swapped", |w| fault(w, "cp-1", 0, Fault::Killed("restart")), first("rolled-back"), NONE, 3),
    ("goes on staging", |w| fault(w, "cp-1", 0, Fault::Running("stage")), first("untouched"), NONE, 1),
    ("goes on swapping", |w| fault(w, "cp-1", 0, Fault::Running("restart")), first("rolled-back"), NONE, 3),
    (
        "the deadline comes",
        |w| fault(w, "cp-1", 0, Fault::Deadline("restart")),
        first("rolled-back"),
        NONE,
        3,
    ),
    (
        "the change's reply is lost",
        |w| fault(w, "cp-2", 0, Fault::After),
        second("rolled-back"),
        [true, false, false, false],
        3,
    ),
    ("cut before confirming", |w| fault(w, "cp-1", 1, Fault::Before), first("rolled-back"), NONE, 3),
    (
        "killed before confirming",
        |w| fault(w, "cp-1", 1, Fault::Killed("outcome")),
        first("rolled-back"),
        NONE,
        3,
    ),
    (
        "goes on confirming",
        |w| fault(w, "cp-1", 1, Fault::Deadline("outcome")),
        first("rolled-back"),
        NONE,
        3,
    ),
    ("the confirmation's reply is lost", |w| fault(w, "cp-1", 1, Fault::After), APPLIED, ALL, 0),
    ("no new login", |w| w.no_login.push("cp-1"), first("rolled-back"), NONE, 3),
    (
        "the rollback is cut again and again",
        |w| {
            fault(w, "cp-1", 0, Fault::After);
            fault(w, "cp-1", 1, Fault::Before);
            fault(w, "cp-1", 2, Fault::Killed("outcome"));
            fault(w, "cp-1", 3, Fault::After);
        },
        first("rolled-back"),
        NONE,
        3,
    ),
    (
        "away for a while",
        |w| {
            fault(w, "cp-1", 0, Fault::After);
            w.unreachable.insert("cp-1", 5);
        },
        first("rolled-back"),
        NONE,
        3,
    ),
    (
        "away for good",
        |w| {
            fault(w, "cp-1", 0, Fault::After);
            w.unreachable.insert("cp-1", 99);
        },
        first("broken"),
        [true, false, false, false],
        4,
    ),
    ("sick before", |w| w.sick.push(("cp-1", 0)), first("untouched"), NONE, 1),
    (
        "the second is sick before",
        |w| w.sick.push(("cp-2", 0)),
        second("untouched"),
        [true, false, false, false],
        3,
    ),
    ("sick after", |w| w.sick.push(("cp-1", 1)), first("rolled-back"), NONE, 3),
    ("sick with the old state too", |w| w.sick.extend([("cp-1", 1), ("cp-1", 2)]), first("broken"), NONE, 4),
    (
        "one of two workers",
        |w| w.sick.push(("w-1", 1)),
        ["applied", "applied", "rolled-back", "applied"],
        [true, true, false, true],
        3,
    ),
    (
        "one of two workers is lost",
        |w| {
            fault(w, "w-2", 0, Fault::After);
            w.unreachable.insert("w-2", 99);
        },
        ["applied", "applied", "applied", "broken"],
        ALL,
        4,
    ),
    ("a sealed store", |w| w.store = Store::Closed, first("untouched"), NONE, 1),
    ("a panic", |w| w.store = Store::Panics, first("broken"), NONE, 4),
    (
        "somebody else was there",
        |w| fs::write(w.root("cp-2").join("etc/kubernetes/admin.conf"), "old\n# and more\n").unwrap(),
        second("untouched"),
        [true, false, false, false],
        3,
    ),
    (
        "somebody else's lock",
        |w| {
            let home = w.root("cp-1").join("var/lib/harden");
            fs::create_dir_all(home.join("txn/t0")).unwrap();
            fs::write(home.join("txn/t0/owner"), "you@there\n").unwrap();
            std::os::unix::fs::symlink("txn/t0", home.join("lock")).unwrap();
        },
        first("untouched"),
        NONE,
        1,
    ),
    ("interrupted at once", |w| w.interrupted_after = 0, first("not-begun"), NONE, 130),
    (
        "interrupted between waves",
        |w| w.interrupted_after = 1,
        second("not-begun"),
        [true, false, false, false],
        130,
    ),
    ("interrupted before a node", |w| w.interrupted_in = Some(("cp-1", 0)), first("untouched"), NONE, 130),
    (
        "interrupted before the proof",
        |w| w.interrupted_in = Some(("cp-1", 1)),
        first("rolled-back"),
        NONE,
        130,
    ),
    ("interrupted at the end", |w| w.interrupted_after = 4, APPLIED, ALL, 130),
    ("the stage is sick", |w| w.stage_is_sick = true, APPLIED, ALL, 3),
    ("the cluster refuses", |w| w.cluster_refuses = true, APPLIED, ALL, 3),
];

#[test]
fn every_fault_has_its_outcome_and_its_exit_code() {
    let expected = new_state(PLAIN);
    std::thread::scope(|scope| {
        for lane in 0..4 {
            let expected = &expected;
            scope.spawn(move || {
                for case in CASES.iter().skip(lane).step_by(4) {
                    check(case, expected);
                }
            });
        }
    });
}

/// What a node has when all went well.
fn new_state(changes: &[usize]) -> Vec<String> {
    let world = World::new(&["cp-1"]);
    let report = world.apply(&world.plan(&[&["cp-1"]], changes));
    assert!(report.stopped.is_none(), "{report:?}");
    world.listing("cp-1")
}

fn check((title, prepare, outcomes, changed, code): &Case, new: &[String]) {
    let mut world = World::new(NODES);
    let plan = world.plan(WAVES, PLAIN);
    prepare(&mut world);
    let old: Vec<Vec<String>> = NODES.iter().map(|node| world.listing(node)).collect();
    let report = world.apply(&plan);
    let found: Vec<&str> = report.nodes.values().map(word).collect();
    assert_eq!(found, outcomes, "{title}: {report:?}");
    assert_eq!(report.exit_code().number(), *code, "{title}: {report:?}");
    for (index, node) in NODES.iter().enumerate() {
        let expected = if changed[index] { new } else { &old[index] };
        assert_eq!(world.listing(node), expected, "{title}: {node}");
        let left =
            *title == "somebody else's lock" && index == 0 || outcomes[index] == "broken" && changed[index];
        assert_eq!(world.is_locked(node), left, "{title}: {node}");
        let record = fs::read_to_string(world.root(node).join("var/lib/harden/state.json"));
        assert_eq!(record.is_ok(), outcomes[index] == "applied", "{title}: {node}");
    }
    tells(title, &report);
    in_order(title, &world);
}

/// Every error names its node and a remedy, and no secret.
fn tells(title: &str, report: &Report) {
    for (node, outcome) in &report.nodes {
        let errors = match outcome {
            NodeOutcome::Applied | NodeOutcome::NotBegun => continue,
            NodeOutcome::Untouched(error) | NodeOutcome::RolledBack(error) => vec![error],
            NodeOutcome::Broken { error, rollback } => std::iter::once(error).chain(rollback).collect(),
        };
        for error in errors {
            let text = Chain(error).to_string();
            assert!(error.to_string().contains(node.as_str()), "{title}: {text}");
            assert!(error.hint().is_some_and(|hint| hint.len() > 10), "{title}: {text}");
            assert!(!text.contains(SECRET) && !text.contains('\n') && text.len() < 500, "{title}: {text}");
        }
    }
}

/// No wave begins before all nodes of the one before are done.
fn in_order(title: &str, world: &World) {
    let events = world.events.lock().unwrap();
    let wave_of = |node: &str| WAVES.iter().position(|wave| wave.contains(&node)).unwrap();
    let mut wave = 0;
    let mut done = 0;
    for event in events.iter() {
        match event {
            Event::Wave { number, .. } => {
                assert_eq!((*number, done), (wave + 1, WAVES[..wave].concat().len()), "{title}");
                wave += 1;
            }
            Event::Step { node, .. } => assert_eq!(wave_of(node.as_str()), wave - 1, "{title}"),
            Event::Done { .. } => done += 1,
            _ => {}
        }
    }
}

#[test]
fn waves_stop_behind_a_failure_with_its_reason() {
    let mut world = World::new(NODES);
    world.cluster_refuses = true;
    let report = world.apply(&world.plan(WAVES, PLAIN));
    assert!(matches!(&report.stopped, Some(Stop::Cluster { subject, .. }) if subject == "ConfigMap x"));
    let mut world = World::new(NODES);
    world.stage_is_sick = true;
    // Nothing but the gate: nothing was changed, and the exit code says so.
    let report = world.apply(&world.plan(&[], PLAIN));
    assert_eq!(report.exit_code().number(), 1);
}

#[test]
fn a_lost_node_is_tried_for_a_minute_and_stays_locked() {
    let mut world = World::new(&["cp-1"]);
    let mut plan = world.plan(&[&["cp-1"]], PLAIN);
    plan.set_rollback_after(None);
    let old = world.listing("cp-1");
    world.faults.insert(("cp-1", 0), Fault::After);
    world.unreachable.insert("cp-1", 7);
    let report = world.apply(&plan);
    assert_eq!((word(&report.nodes[&name("cp-1")]), *world.pauses.lock().unwrap()), ("broken", 6));
    world.heal();
    // The next one is told by whom, for how long, and what to do.
    let next = world.apply(&plan);
    assert_eq!(word(&next.nodes[&name("cp-1")]), "untouched", "{next:?}");
    let NodeOutcome::Untouched(error @ NodeError::Locked { remedy, .. }) = &next.nodes[&name("cp-1")] else {
        panic!("{next:?}");
    };
    let text = error.to_string();
    let pid = std::process::id();
    assert!(text.starts_with("lock cp-1: for ") && text.contains(" s it is locked by "), "{text}");
    assert!(text.ends_with(&format!("by me@here (pid {pid}, started 2026-11-24T00:00:00Z)")), "{text}");
    let output = std::process::Command::new("sh").args(["-c", remedy]).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "reverted\n", "{remedy}");
    assert_eq!(world.listing("cp-1"), old);
    assert_eq!(word(&world.apply(&plan).nodes[&name("cp-1")]), "applied");
}

/// One that puts its old state back by itself is waited for until it must have done so, and told about.
#[test]
fn a_lost_node_that_is_armed_is_waited_for() {
    for (failures, outcome) in [(60, "rolled-back"), (1000, "broken")] {
        let mut world = World::new(&["cp-1"]);
        let plan = world.plan(&[&["cp-1"]], PLAIN);
        let node = &plan.waves[0].nodes[0];
        let patience = node.rollback_after.unwrap() + node.script_deadline().as_secs();
        world.faults.insert(("cp-1", 0), Fault::After);
        world.unreachable.insert("cp-1", failures);
        let report = world.apply(&plan);
        assert_eq!(word(&report.nodes[&name("cp-1")]), outcome, "{report:?}");
        let pauses = u64::try_from(*world.pauses.lock().unwrap()).unwrap();
        assert!(pauses * 10 <= patience + 10, "{pauses}");
        let told = world.events.lock().unwrap().iter().any(|event| {
            matches!(event, Event::Step { step, .. } if step.contains("puts its old state back by itself"))
        });
        assert!(told);
        if let NodeOutcome::Broken { rollback: Some(error), .. } = &report.nodes[&name("cp-1")] {
            assert!(error.hint().unwrap().contains("harden status --limit cp-1"));
        }
    }
}

#[test]
fn the_record_keeps_what_this_transaction_did_not_touch() {
    let world = World::new(&["cp-1"]);
    let record = world.root("cp-1").join("var/lib/harden/state.json");
    let read = || serde_json::from_str::<Applied>(&fs::read_to_string(&record).unwrap()).unwrap();
    let all: Vec<usize> = (0..CHANGES).collect();
    assert!(world.apply(&world.plan(&[&["cp-1"]], &all)).stopped.is_none());
    let first = read();
    let names: Vec<String> = first.resources.keys().map(ToString::to_string).collect();
    assert_eq!(
        names,
        [
            "file.audit",
            "file.encryption",
            "file.other",
            "attributes.admin",
            "certificate.server",
            "static-pod.etcd",
            "static-pod.kube-apiserver"
        ]
    );
    assert_eq!(first.by, "me@here");
    assert_eq!(first.resources[&"certificate.server".parse().unwrap()].files.len(), 2);
    // What is not in the second plan at all was left on the node by the first, and stays known.
    fs::write(world.root("cp-1").join("etc/kubernetes/encryption.yaml"), "drift\n").unwrap();
    assert!(world.apply(&world.plan(&[&["cp-1"]], &[2])).stopped.is_none());
    let second = read();
    assert_eq!(second.resources, first.resources);
    assert_ne!(second.transaction, first.transaction);
}
