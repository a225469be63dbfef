//! Certificates for nodes that have no CA key: it is read on another node, and the two must have one CA.

use super::world::{World, word};
use harden::apply::{NodeOutcome, Report};
use harden::error::Chain;
use std::fs;

const CERTIFICATE: &[usize] = &[5];
const WORKER: &[&[&str]] = &[&["w-1"]];

/// A worker without a CA key, whose plan names cp-1.
fn world() -> World {
    let world = World::new(&["cp-1", "w-1"]);
    fs::remove_file(world.root("w-1").join("etc/kubernetes/pki/ca.key")).unwrap();
    world
}

fn outcome(report: &Report) -> (&'static str, String) {
    let outcome = report.nodes.values().next().unwrap();
    let text = match outcome {
        NodeOutcome::Untouched(error) => Chain(error).to_string(),
        _ => String::new(),
    };
    (word(outcome), text)
}

#[test]
fn a_worker_s_certificate_is_signed_with_the_key_of_a_control_plane_node() {
    let world = world();
    let report = world.apply(&world.plan(WORKER, CERTIFICATE));
    assert_eq!(outcome(&report).0, "applied");
    let read = |file: &str| fs::read_to_string(world.root("w-1").join(file)).unwrap();
    assert_eq!(read("etc/kubernetes/pki/server.crt"), "certificate of server\n");
    // The CA's key is nowhere on the worker, and the control-plane node is as it was.
    let listing = world.listing("w-1");
    assert!(!listing.iter().any(|file| file.contains("ca.key")), "{listing:#?}");
    assert!(
        world.listing("cp-1").iter().any(|file| file.starts_with("etc/kubernetes/pki/server.crt 644 \"old"))
    );
}

#[test]
fn a_worker_with_another_ca_gets_nothing() {
    let world = world();
    let block = |body: &str| format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n");
    fs::write(world.root("w-1").join("etc/kubernetes/pki/ca.crt"), block("b3RoZXI=")).unwrap();
    fs::write(world.root("cp-1").join("etc/kubernetes/pki/ca.crt"), block("b3Vycw==")).unwrap();
    let before = world.listing("w-1");
    let report = world.apply(&world.plan(WORKER, CERTIFICATE));
    let (what, text) = outcome(&report);
    assert_eq!(what, "untouched");
    assert!(
        text.ends_with("/etc/kubernetes/pki/ca.crt on w-1 is another CA than on cp-1, whose key would sign: nothing is signed"),
        "{text}"
    );
    assert_eq!(before, world.listing("w-1"));
}

#[test]
fn a_ca_that_is_gone_is_named() {
    for (node, file) in [("cp-1", "ca.key"), ("cp-1", "ca.crt"), ("w-1", "ca.crt")] {
        let world = world();
        fs::remove_file(world.root(node).join("etc/kubernetes/pki").join(file)).unwrap();
        let before = world.listing("w-1");
        let (what, text) = outcome(&world.apply(&world.plan(WORKER, CERTIFICATE)));
        assert_eq!(what, "untouched", "{node} {file}");
        assert!(text.contains(&format!("read the CA on {node}: ")) && text.contains(file), "{text}");
        assert_eq!(before, world.listing("w-1"));
    }
}
