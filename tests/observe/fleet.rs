//! The same work on many nodes: bounded, ordered in its result, and nobody waits for a slow one.

use super::node::node_name;
use harden::event::{Event, Outcome};
use harden::inventory::{Connection, Node};
use harden::observe::fleet::each_node;
use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

fn node(name: &str) -> Node {
    Node {
        name: node_name(name),
        address: String::from("10.0.0.1"),
        roles: BTreeSet::new(),
        labels: BTreeMap::new(),
        taints: None,
        connection: Connection::Local { root: "/".into() },
        line: 1,
    }
}

fn nodes(count: usize) -> Vec<Node> {
    (0..count).map(|index| node(&format!("w-{index:03}"))).collect()
}

#[test]
fn a_slow_node_holds_up_nobody() {
    let nodes = nodes(40);
    let all: Vec<&Node> = nodes.iter().collect();
    let events = Mutex::new(Vec::new());
    let busy = AtomicUsize::new(0);
    let most = AtomicUsize::new(0);
    let fast_done = Mutex::new(None);
    let start = Instant::now();
    let results = each_node(
        &all,
        NonZeroUsize::new(4).unwrap(),
        "read state",
        |node| {
            most.fetch_max(busy.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let slow = node.name.as_str() == "w-000";
            std::thread::sleep(Duration::from_millis(if slow { 600 } else { 2 }));
            busy.fetch_sub(1, Ordering::SeqCst);
            if !slow {
                *fast_done.lock().unwrap() = Some(start.elapsed());
            }
            if node.name.as_str() == "w-007" { Err("unreachable") } else { Ok(node.name.to_string()) }
        },
        |_| Outcome::Finished(String::from("read")),
        &|event| events.lock().unwrap().push(event),
    );
    assert!(fast_done.lock().unwrap().unwrap() < Duration::from_millis(500));
    assert!((2..=4).contains(&most.load(Ordering::SeqCst)));
    assert_eq!(results.len(), 40);
    assert_eq!(results[&node_name("w-007")], Err("unreachable"));
    assert_eq!(results[&node_name("w-000")], Ok(String::from("w-000")));
    let events = events.into_inner().unwrap();
    assert_eq!(events.iter().filter(|event| matches!(event, Event::Step { .. })).count(), 40);
    assert!(events.contains(&Event::Done {
        node: node_name("w-007"),
        outcome: Outcome::Failed(String::from("unreachable"))
    }));
    for node in &nodes {
        let at = |wanted: fn(&Event) -> Option<&harden::inventory::NodeName>| {
            events.iter().position(|event| wanted(event) == Some(&node.name)).unwrap()
        };
        let step = at(|event| match event {
            Event::Step { node, .. } => Some(node),
            _ => None,
        });
        let done = at(|event| match event {
            Event::Done { node, .. } => Some(node),
            _ => None,
        });
        assert!(step < done);
    }
}

#[test]
fn no_nodes_are_no_work() {
    let results: BTreeMap<_, Result<(), &str>> =
        each_node(&[], NonZeroUsize::MIN, "x", |_| Err("called"), |()| Outcome::InSync, &|_| {
            panic!("no event")
        });
    assert!(results.is_empty());
}
