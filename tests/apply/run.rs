//! What a run tells and remembers, beside the fault matrix: why it stopped, whom a locked node names, what is recorded.

use super::cut::Fault;
use super::faults::plain;
use super::material::CHANGES;
use super::world::{World, name, word};
use harden::apply::{NodeError, NodeOutcome, Stop};
use harden::error::Hint as _;
use harden::event::Event;
use harden::resource::Applied;
use harden::status::ProcessIdentity;
use std::fs;

const NODES: &[&str] = &["cp-1", "cp-2", "w-1", "w-2"];
const WAVES: &[&[&str]] = &[&["cp-1"], &["cp-2"], &["w-1", "w-2"]];

#[test]
fn waves_stop_behind_a_failure_with_its_reason() {
    let mut world = World::new(NODES);
    world.wrong.cluster_refuses = true;
    let report = world.apply(&world.plan(WAVES, &plain()));
    assert!(matches!(&report.stopped, Some(Stop::Cluster { subject, .. }) if subject == "ConfigMap x"));
    let mut world = World::new(NODES);
    world.wrong.stage_is_sick = true;
    // Nothing but the gate: nothing was changed, and the exit code says so.
    let report = world.apply(&world.plan(&[], &plain()));
    assert_eq!(report.exit_code().number(), 1);
}

#[test]
fn a_lost_node_is_tried_for_a_minute_and_stays_locked() {
    let mut world = World::new(&["cp-1"]);
    let mut plan = world.plan(&[&["cp-1"]], &plain());
    plan.set_rollback_after(None);
    let old = world.listing("cp-1");
    world.wrong.faults.insert(("cp-1", 0), Fault::After);
    world.wrong.unreachable.insert("cp-1", 7);
    world.process = Some(ProcessIdentity::new(String::from("it's here"), 4711, 99));
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
    // And the next run of this machine can tell whether that one still runs.
    let written = fs::read_to_string(world.root("cp-1").join("var/lib/harden/lock/process")).unwrap();
    assert_eq!(written.trim_end().parse().ok(), world.process);
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
        let plan = world.plan(&[&["cp-1"]], &plain());
        let node = &plan.waves[0].nodes[0];
        let patience = node.rollback_after.unwrap() + node.script_deadline().as_secs();
        world.wrong.faults.insert(("cp-1", 0), Fault::After);
        world.wrong.unreachable.insert("cp-1", failures);
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
            "user.other",
            "sysctl.network",
            "file.audit",
            "file.checked",
            "file.encryption",
            "file.other",
            "attributes.admin",
            "certificate.server",
            "static-pod.etcd",
            "static-pod.kube-apiserver",
            "static-pod.kube-scheduler",
            "unit.some",
            "absent.super-admin"
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
