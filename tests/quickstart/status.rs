//! `harden status` and `harden unlock`: what they tell of nodes that an apply has been on, that is locked, or that cannot be read.

use super::{Ran, Site, differing};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::PathBuf;

fn json(site: &Site) -> (i32, Value) {
    let ran = site.run(&["status", "-o", "json"]);
    (ran.code, serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{}{}", ran.stdout, ran.stderr)))
}

/// The folder of the one transaction of a node.
fn transaction(site: &Site, node: &str) -> PathBuf {
    let folder = site.node(&format!("{node}/var/lib/harden/txn"));
    fs::read_dir(folder).unwrap().next().unwrap().unwrap().path()
}

/// An applied site on which the transaction of a node is as if it had not been confirmed, and begun by nobody knows which process: one
/// of this machine would be known to be dead.
fn unconfirmed(node: &str) -> Site {
    let site = Site::new().applied();
    let folder = transaction(&site, node);
    fs::rename(folder.join("committed"), folder.join("pending")).unwrap();
    fs::remove_file(folder.join("process")).unwrap();
    lock(&site, node, &format!("txn/{}", folder.file_name().unwrap().to_str().unwrap()));
    site
}

fn lock(site: &Site, node: &str, target: &str) {
    let home = site.node(&format!("{node}/var/lib/harden"));
    fs::create_dir_all(&home).unwrap();
    symlink(target, home.join("lock")).unwrap();
}

fn shows(ran: &Ran, code: i32, texts: &[&str]) {
    assert_eq!(ran.code, code, "{}{}", ran.stdout, ran.stderr);
    for text in texts {
        assert!(ran.stdout.contains(text), "no {text:?} in\n{}{}", ran.stdout, ran.stderr);
    }
}

#[test]
fn before_an_apply_there_is_nothing_to_tell() {
    let site = Site::new();
    let before = site.tree();
    let ran = site.run(&["status"]);
    shows(&ran, 0, &["\n  cp-1, w-1  never applied\n"]);
    assert_eq!(ran.last(), "Status: 2 at rest, 0 pending, 0 failed, 0 locked on 2 of 2 nodes.");
    let ran = site.run(&["unlock"]);
    shows(&ran, 0, &["Nothing is locked on 2 nodes.\n"]);
    assert!(differing(&before, &site.tree()).is_empty());
}

#[test]
fn after_an_apply_every_node_is_at_rest() {
    let site = Site::new().applied();
    let before = site.tree();
    shows(&site.run(&["status"]), 0, &["committed", " s ago)", "@"]);
    shows(
        &site.run(&["status", "-v", "--limit", "w-1"]),
        0,
        &["\n      transaction ", "\n      ~ /var/lib/kubelet/config.yaml\n", " on 1 of 1 node.\n"],
    );
    let (code, report) = json(&site);
    assert_eq!((code, &report["summary"]["at_rest"]), (0, &2.into()));
    let node = &report["nodes"][0];
    assert_eq!((&node["node"], &node["last"]["state"]), (&"cp-1".into(), &"committed".into()));
    assert_eq!(node["last"]["id"], node["applied"]["transaction"]);
    assert!(node["last"]["paths"].as_array().unwrap().len() > 20);
    assert!(differing(&before, &site.tree()).is_empty());
}

#[test]
fn what_is_not_confirmed_is_told_and_put_back_by_unlock() {
    let site = Site::new();
    let first = site.read("w-1/var/lib/kubelet/config.yaml");
    drop(site);
    let site = unconfirmed("w-1");
    let ran = site.run(&["status"]);
    shows(
        &ran,
        2,
        &[
            "  w-1   pending, not armed  ",
            "wait for its apply; where that is dead, `harden unlock --limit w-1` puts the old state back\n",
        ],
    );
    assert_eq!(ran.last(), "Status: 1 at rest, 1 pending, 0 failed, 0 locked on 2 of 2 nodes.");
    // Nobody is there to say yes.
    let before = site.tree();
    let ran = site.run(&["unlock"]);
    shows(
        &ran,
        1,
        &[
            "Careful: on w-1 the apply of ",
            "only its owner can tell, no deadline was set.\nw-1: locked for ",
            "\n    pending, not armed; no process of it runs on the node\n    unlocking puts the old state back\n",
        ],
    );
    assert!(ran.stderr.contains("hint: look at what is shown and use --yes"), "{}", ran.stderr);
    shows(&site.run(&["unlock", "--yes", "--limit", "cp-1"]), 0, &["Nothing is locked on 1 node.\n"]);
    assert!(differing(&before, &site.tree()).is_empty());
    let ran = site.run(&["unlock", "--yes"]);
    shows(&ran, 0, &["w-1: unlocked, the old state is back\n"]);
    assert_eq!(ran.last(), "Unlocked: 1 of 1 node.");
    assert_eq!(site.read("w-1/var/lib/kubelet/config.yaml"), first);
    shows(&site.run(&["status"]), 0, &["  w-1   put back by harden unlock  "]);
    site.applied();
}

#[test]
fn what_cannot_be_put_back_needs_a_human() {
    let site = unconfirmed("w-1");
    let file = site.node("w-1/var/lib/kubelet/config.yaml");
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let ran = site.run(&["unlock", "--yes", "-o", "json"]);
    assert_eq!(ran.code, 4, "{}{}", ran.stdout, ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    let node = &report["nodes"][0];
    assert_eq!((&node["node"], &node["outcome"]), (&"w-1".into(), &"needs-human".into()));
    assert!(node["error"].as_str().unwrap().contains("/var/lib/kubelet/config.yaml"), "{node}");
    let ran = site.run(&["status"]);
    shows(
        &ran,
        2,
        &[
            "  w-1   FAILED to be put back by harden unlock  ",
            "\n      restoring /var/lib/kubelet/config.yaml failed\n",
            "\n      put right what it names, then `harden unlock --limit w-1` tries again\n",
        ],
    );
    fs::remove_dir(&file).unwrap();
    shows(&site.run(&["unlock", "--yes"]), 0, &["Unlocked: 1 of 1 node.\n"]);
}

/// What is wrong on one control plane ends it for the nodes after it.
#[test]
fn after_a_control_plane_that_failed_no_other_is_unlocked() {
    let site = unconfirmed("cp-1");
    let manifest = site.node("cp-1/etc/kubernetes/manifests/kube-scheduler.yaml");
    fs::remove_file(&manifest).unwrap();
    fs::create_dir(&manifest).unwrap();
    lock(&site, "w-1", "txn/gone");
    let ran = site.run(&["unlock", "--yes"]);
    shows(
        &ran,
        4,
        &[
            "cp-1: NEEDS A HUMAN: the old state is not proven to be back: ",
            "\nw-1: not begun, since one before it failed\n",
        ],
    );
    assert_eq!(ran.last(), "Unlocked: 0 of 2 nodes.");
    shows(
        &site.run(&["unlock", "--yes", "--limit", "w-1"]),
        0,
        &["w-1: unlocked, the lock belonged to nothing\n"],
    );
}

#[test]
fn what_is_no_lock_of_hardens_is_left_to_a_human() {
    let site = Site::new();
    fs::create_dir_all(site.node("w-1/var/lib/harden/lock")).unwrap();
    shows(&site.run(&["status"]), 2, &["look at /var/lib/harden/lock on w-1 and remove it\n"]);
    let ran = site.run(&["unlock", "--yes"]);
    shows(&ran, 1, &["unlocking does nothing: ", "\nw-1: still locked, and as it was\n"]);
    assert!(site.node("w-1/var/lib/harden/lock").is_dir());
}

#[test]
fn what_was_not_read_wins_over_what_was_found() {
    let site = unconfirmed("w-1");
    super::plan::with_unreachable_node(&site);
    let ran = site.run(&["status"]);
    shows(&ran, 1, &["Cluster quickstart: 2 of 3 nodes read\n", "\nNot read:\n  w-2: "]);
    assert_eq!(json(&site).1["unreachable"][0]["node"], "w-2");
    shows(
        &site.run(&["unlock", "--yes"]),
        1,
        &["w-1: unlocked, the old state is back\n", "\nNot read:\n  w-2: "],
    );
    shows(&site.run(&["unlock", "--limit", "!w-2"]), 0, &["Nothing is locked on 2 nodes.\n"]);
}
