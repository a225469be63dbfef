//! `harden doctor` on directory trees, which run nothing: what is in their files is told, and nothing is changed.

use super::{Site, differing};
use serde_json::Value;

#[test]
fn of_trees_only_the_standing_is_told() {
    let site = Site::new();
    let before = site.tree();
    let ran = site.run(&["doctor"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("it is a directory tree"), "{}", ran.stdout);
    assert_eq!(ran.last(), "2 hosts: 0 fatal findings, 0 warnings, 2 notes");
    let ran = site.run(&["doctor", "-o", "json", "--limit", "cp-1"]);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["summary"]["hosts"], 1);
    assert_eq!(report["hosts"][0]["standing"]["state"], "leftovers");
    assert!(differing(&before, &site.tree()).is_empty());
}

#[test]
fn a_host_that_cannot_be_read_is_fatal_and_the_others_are_judged() {
    let site = Site::new();
    std::fs::rename(site.node("w-1"), site.node("gone")).unwrap();
    let ran = site.run(&["doctor", "--skip", "swap"]);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("FATAL     reach"), "{}", ran.stdout);
    assert_eq!(ran.last(), "2 hosts: 1 fatal finding, 0 warnings, 1 note");
    // Nothing is known of it, and that cannot be waived.
    assert_eq!(site.run(&["doctor", "--skip", "reach"]).code, 1);
    assert!(site.run(&["doctor", "--skip", "reach"]).stderr.contains("invalid value"));
}
