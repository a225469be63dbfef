//! `harden remove` where there is nothing that could be removed: directory trees, and nodes that are not there.

use super::{Site, differing};
use serde_json::Value;

#[test]
fn trees_are_refused_with_every_reason_and_left_alone() {
    let site = Site::new();
    let before = site.tree();
    let ran = site.run(&["remove", "w-1", "--yes"]);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("w-1 cannot be removed, and nothing was changed:\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("  it is a directory tree and no machine\n"), "{}", ran.stderr);
    assert!(ran.stderr.contains("no other API server answers"), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");

    let ran = site.run(&["remove", "cp-1", "--yes", "-o", "json"]);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    let document: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(document["refusals"][0]["reason"], "it is the last control-plane node");
    assert_eq!((&document["node"], &document["exit_code"]), (&Value::from("cp-1"), &Value::from(1)));
    assert!(differing(&before, &site.tree()).is_empty());
}

#[test]
fn a_node_that_is_not_in_the_inventory_is_named_with_those_that_are() {
    let site = Site::new();
    let ran = site.run(&["remove", "w-9"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("there is no node w-9 to remove; the nodes are cp-1, w-1"), "{}", ran.stderr);
    let ran = site.run(&["remove", "w-1", "--limit", "cp-1"]);
    assert!(ran.stderr.contains("there is no node w-1 to remove; the nodes are cp-1\n"), "{}", ran.stderr);
}
