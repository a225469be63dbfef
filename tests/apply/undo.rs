//! Transactions that are taken back later: an apply and its rollback leave exactly the old tree and the old record.

use super::cut::Fault;
use super::world::{World, name, word};
use harden::apply::Fleet as _;
use harden::inventory::{Connection, Node, Role};
use harden::plan::undo::{Moved, NoCopy, Obstacle, UndoError, undo};
use harden::plan::{NodePlan, Plan, Wave};
use harden::resource::{Applied, Observed};
use harden::status::record::{past, script};
use harden::status::{Depth, NodeState, PastError, choose, parse, probe};
use proptest::prelude::*;
use std::fs;
use std::time::Duration;

/// Why there is no plan.
#[derive(Debug)]
enum No {
    Past(PastError),
    Undo(UndoError),
}

fn look(world: &World) -> NodeState {
    let reply = world.run(&name("cp-1"), probe(Depth::History).script(), Duration::from_mins(1)).unwrap();
    parse(&reply).unwrap()
}

fn planned(world: &World, id: Option<&str>) -> Result<NodePlan, No> {
    let node = Node {
        name: name("cp-1"),
        address: String::from("10.0.0.1"),
        roles: [Role::ControlPlane].into(),
        labels: std::collections::BTreeMap::new(),
        taints: None,
        connection: Connection::Local { root: world.root("cp-1").to_owned() },
        line: 1,
    };
    let state = look(world);
    let transaction = choose(&state, id).map_err(No::Past)?;
    let reply = world.run(&node.name, &script(&transaction.id), Duration::from_mins(1)).unwrap();
    let past = past(&reply, transaction, &state, false).map_err(No::Past)?;
    undo(&node, &past, &Observed::default(), None, &harden::inventory::Drain::default()).map_err(No::Undo)
}

fn whole(world: &World, node: NodePlan) -> Plan {
    let mut plan = world.plan(&[], &[]);
    plan.gates.clear();
    plan.waves = vec![Wave { title: String::from("one node"), nodes: vec![node] }];
    plan
}

/// Applies and tells the name of the transaction.
fn applied(world: &mut World, changes: &[usize]) -> String {
    // Their names begin with the second.
    if look(world).last.is_some() {
        std::thread::sleep(Duration::from_millis(1_010));
    }
    world.heal();
    let report = world.apply(&world.plan(&[&["cp-1"]], changes));
    assert!(report.stopped.is_none(), "{report:?}");
    look(world).last.unwrap().id
}

fn roll_back(world: &mut World, id: Option<&str>) {
    std::thread::sleep(Duration::from_millis(1_010));
    let node = planned(world, id).unwrap();
    world.heal();
    let report = world.apply(&whole(world, node));
    assert_eq!(word(&report.nodes[&name("cp-1")]), "applied", "{report:?}");
}

fn obstacles(world: &World, id: Option<&str>) -> Vec<Obstacle> {
    match planned(world, id) {
        Err(No::Undo(UndoError::Obstacles(obstacles))) => obstacles,
        other => panic!("{other:?}"),
    }
}

fn record(world: &World) -> Applied {
    let text = fs::read_to_string(world.root("cp-1").join("var/lib/harden/state.json"));
    text.map(|text| serde_json::from_str(&text).unwrap()).unwrap_or_default()
}

/// The certificate's old key and what is removed are not kept, and in a tree a unit and a user that is there are not changed at all.
const CERTIFICATE: usize = 5;
const KEPT: [usize; 8] = [0, 1, 2, 3, 4, 7, 8, 10];
/// Of these, what makes a file.
const MAKES: [usize; 3] = [3, 7, 8];

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_apply_and_its_rollback_leave_the_old_tree(
        first in prop::option::of(prop::sample::subsequence(KEPT.to_vec(), 1..=KEPT.len())),
        second in prop::sample::subsequence(KEPT.to_vec(), 1..=KEPT.len()),
    ) {
        let mut world = World::new(&["cp-1"]);
        if let Some(first) = &first {
            applied(&mut world, first);
            // Somebody worked there meanwhile, so that the second apply has something to do.
            fs::write(world.root("cp-1").join("etc/kubernetes/encryption.yaml"), "edited\n").unwrap();
            fs::write(world.root("cp-1").join("etc/kubernetes/manifests/etcd.yaml"), "edited\n").unwrap();
        }
        let (old, before) = (world.listing("cp-1"), record(&world));
        let id = applied(&mut world, &second);
        let new = world.listing("cp-1");
        roll_back(&mut world, None);
        prop_assert_eq!(world.listing("cp-1"), old);
        prop_assert!(!world.is_locked("cp-1"));
        let after = record(&world);
        for (resource, entry) in &before.resources {
            prop_assert_eq!(after.resources.get(resource), Some(entry));
        }
        prop_assert_eq!(after.resources.len(), before.resources.len().max(1), "{:?}", after.resources);
        prop_assert_eq!(look(&world).last.unwrap().undoes, Some(id));
        // A rollback is a transaction like any other, but for what it removed, of which nothing is kept.
        let is_new = |change: &&usize| !first.as_ref().is_some_and(|first| first.contains(change));
        if second.iter().filter(is_new).any(|change| MAKES.contains(change)) {
            let found = obstacles(&world, None);
            let is_removed = matches!(&found[0], Obstacle::NoCopy { why: NoCopy::Removed, .. });
            prop_assert!(is_removed, "{:?}", found);
        } else {
            roll_back(&mut world, None);
            prop_assert_eq!(world.listing("cp-1"), new);
        }
    }
}

#[test]
fn what_came_later_stands_in_the_way_and_an_earlier_one_can_be_named() {
    let mut world = World::new(&["cp-1"]);
    let old = world.listing("cp-1");
    let first = applied(&mut world, &[0, 3]);
    let second = applied(&mut world, &[1, 4]);
    let root = world.root("cp-1").to_owned();
    roll_back(&mut world, Some(&first));
    let report = look(&world);
    assert_eq!(report.history.len(), 2);
    roll_back(&mut world, Some(&second));
    assert_eq!(world.listing("cp-1"), old);
    // Taken back once, it is not what it left.
    let third = report.last.unwrap().id;
    let found = obstacles(&world, Some(&first));
    assert!(
        found.iter().all(|it| matches!(it, Obstacle::Moved { by: Some(by), .. } if *by == third)),
        "{found:?}"
    );
    // Nor is it where somebody changed it: content, mode, or that it is there.
    let fourth = applied(&mut world, &[0, 3, 4]);
    fs::write(root.join("etc/kubernetes/manifests/kube-apiserver.yaml"), "edited\n").unwrap();
    fs::remove_dir_all(root.join("etc/kubernetes/audit")).unwrap();
    let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o640);
    fs::set_permissions(root.join("etc/kubernetes/admin.conf"), mode).unwrap();
    let before = world.listing("cp-1");
    let moved: Vec<Moved> = obstacles(&world, Some(&fourth))
        .into_iter()
        .map(|it| match it {
            Obstacle::Moved { what, by: None, .. } => what,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(moved, [Moved::Content, Moved::Gone, Moved::Attributes]);
    assert_eq!(world.listing("cp-1"), before);
}

/// Others may write the content of a file whose attributes alone were changed.
#[test]
fn content_that_was_not_touched_may_change() {
    let mut world = World::new(&["cp-1"]);
    let old = world.listing("cp-1");
    applied(&mut world, &[4]);
    let file = world.root("cp-1").join("etc/kubernetes/admin.conf");
    let content = fs::read_to_string(&file).unwrap();
    fs::write(&file, "renewed\n").unwrap();
    roll_back(&mut world, None);
    assert_eq!(fs::read_to_string(&file).unwrap(), "renewed\n");
    fs::write(&file, content).unwrap();
    assert_eq!(world.listing("cp-1"), old);
}

#[test]
fn a_private_key_is_not_kept_and_says_so() {
    let mut world = World::new(&["cp-1"]);
    applied(&mut world, &[0, CERTIFICATE]);
    let found = obstacles(&world, None);
    assert_eq!(found.len(), 1, "{found:?}");
    let text = found[0].to_string();
    assert!(
        text.starts_with("certificate.server: there is no copy of the old /etc/kubernetes/pki/server.key: ")
    );
}

#[test]
fn a_copy_that_is_not_what_was_copied_is_refused() {
    let mut world = World::new(&["cp-1"]);
    let id = applied(&mut world, &[0]);
    let copy = world.root("cp-1").join(format!("var/lib/harden/txn/{id}/files/1"));
    fs::write(copy, "not it\n").unwrap();
    let found = obstacles(&world, None);
    assert!(matches!(&found[..], [Obstacle::NoCopy { why: NoCopy::Damaged, .. }]), "{found:?}");
}

#[test]
fn what_cannot_be_chosen_says_why() {
    let mut world = World::new(&["cp-1"]);
    let told = |world: &World, id: Option<&str>| match planned(world, id) {
        Err(No::Past(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert_eq!(told(&world, None), "it knows no transaction that is confirmed; there is none at all");
    world.wrong.sick.push(("cp-1", 1));
    assert_eq!(word(&world.apply(&world.plan(&[&["cp-1"]], &[0])).nodes[&name("cp-1")]), "rolled-back");
    let reverted = look(&world).last.unwrap().id;
    assert_eq!(
        told(&world, Some(&reverted)),
        format!("transaction {reverted} is not confirmed: its old state was put back")
    );
    world.wrong.sick.clear();
    let id = applied(&mut world, &[0]);
    assert_eq!(
        told(&world, Some("t9")),
        format!(
            "it knows no transaction t9; there are:\n  {id} by me@here, confirmed\n  {reverted} by me@here, its old state was put back"
        )
    );
    fs::remove_file(world.root("cp-1").join(format!("var/lib/harden/txn/{id}/record.json"))).unwrap();
    assert!(told(&world, None).contains("older harden"));
    std::os::unix::fs::symlink(format!("txn/{id}"), world.root("cp-1").join("var/lib/harden/lock")).unwrap();
    assert!(told(&world, None).starts_with("the node is locked by me@here (pid "));
}

/// Any fault in a rollback leaves the state before it or the one that it brings.
#[test]
fn a_rollback_that_fails_leaves_one_state_or_the_other() {
    for fault in [
        Fault::Before,
        Fault::Killed("stage"),
        Fault::Killed("swap"),
        Fault::Running("manifests"),
        Fault::After,
    ] {
        let mut world = World::new(&["cp-1"]);
        let old = world.listing("cp-1");
        applied(&mut world, &[0, 1, 2, 3, 4]);
        let new = world.listing("cp-1");
        std::thread::sleep(Duration::from_millis(1_010));
        let node = planned(&world, None).unwrap();
        world.heal();
        world.wrong.faults.insert(("cp-1", 0), fault);
        let report = world.apply(&whole(&world, node.clone()));
        let outcome = word(&report.nodes[&name("cp-1")]);
        assert!(matches!(outcome, "untouched" | "rolled-back"), "{fault:?}: {report:?}");
        assert_eq!(world.listing("cp-1"), new, "{fault:?}");
        std::thread::sleep(Duration::from_millis(1_010));
        world.heal();
        let report = world.apply(&whole(&world, node));
        assert_eq!(word(&report.nodes[&name("cp-1")]), "applied", "{fault:?}: {report:?}");
        assert_eq!(world.listing("cp-1"), old, "{fault:?}");
    }
}
