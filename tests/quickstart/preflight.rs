//! An apply that does not begin, and one that is told to. The disk of a directory tree is the one preflight that can fail there.

use super::{Site, differing};
use std::fs;

/// `/proc` has no room at all.
fn full() -> Site {
    let site = Site::new();
    let state = site.node("w-1/var/lib/harden");
    let _ = fs::remove_dir(&state);
    std::os::unix::fs::symlink("/proc/sys", state).unwrap();
    site
}

const FACT: &str = "disk, w-1: 0 MiB are free for /var/lib/harden, and ";

#[test]
fn it_does_not_begin_and_says_what_to_do() {
    let site = full();
    let before = site.tree();
    let ran = site.run(&["apply", "--yes"]);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    for text in [
        "error: the cluster is not fit to be changed, and nothing was changed:\n",
        FACT,
        "    make room there, as with `journalctl",
        "hint: put it right, or leave it aside with --skip-preflight disk if you must\n",
    ] {
        assert!(ran.stderr.contains(text), "{text}:\n{}", ran.stderr);
    }
    assert!(ran.stdout.contains("Plan: ") && !ran.stdout.contains("Stopped"), "{}", ran.stdout);
    // Nobody was asked for a yes in vain.
    let ran = site.run(&["apply"]);
    assert!(ran.stderr.contains(FACT) && !ran.stderr.contains("confirmation"), "{}", ran.stderr);
    // What is left aside otherwise does not help.
    assert_eq!(site.run(&["apply", "--yes", "--skip-preflight", "images"]).code, 1);
    assert!(differing(&before, &site.tree()).is_empty());
}

#[test]
fn a_refusal_is_data_in_json() {
    let ran = full().run(&["apply", "--yes", "-o", "json"]);
    assert_eq!(ran.code, 1);
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let refusal = &value["refusals"][0];
    assert_eq!((&refusal["preflight"], &refusal["node"]), (&"disk".into(), &"w-1".into()));
    assert!(refusal["fact"].is_string() && refusal["remedy"].is_string());
    assert_eq!(value["stages"].as_array().unwrap().len(), 0);
}

#[test]
fn who_knows_better_goes_on_and_the_summary_says_so() {
    let site = full();
    let ran = site.run(&["apply", "--yes", "--skip-preflight", "disk", "--skip-preflight", "clocks"]);
    assert!(ran.stderr.contains(&format!("Notice: skipped, {FACT}")), "{}", ran.stderr);
    assert!(ran.stdout.contains("\nSkipped preflights: disk (1 refusal).\n"), "{}", ran.stdout);
    assert_eq!(ran.code, 3, "the other node was changed: {}", ran.stderr);
    assert!(ran.last().starts_with("Stopped after 25 changes on 1 node"), "{}", ran.last());
}

#[test]
fn a_name_that_is_none_is_refused_with_all_there_are() {
    let ran = Site::new().run(&["apply", "--yes", "--skip-preflight", "disc"]);
    assert_eq!(ran.code, 1);
    let all = "[possible values: nodes, etcd, clocks, disk, images, certificates]";
    assert!(ran.stderr.contains(all), "{}", ran.stderr);
}
