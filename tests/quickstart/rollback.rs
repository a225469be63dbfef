//! `harden rollback`: a node of directory trees goes back, and what is told of it before and after.

use super::{Site, differing};
use serde_json::Value;
use std::fs;

const KUBELET: &str = "w-1/var/lib/kubelet/config.yaml";

/// Everything of a node but harden's own.
fn tree(site: &Site, node: &str) -> super::Tree {
    let own = site.node(&format!("{node}/var/lib/harden"));
    let mut tree = site.tree();
    let root = site.node(node);
    tree.retain(|path, _| path.starts_with(&root) && !path.starts_with(&own));
    // Directories change their time with what is in them.
    tree.iter_mut().filter(|(path, _)| path.is_dir()).for_each(|(_, entry)| entry.2 = 0);
    tree
}

fn pause() {
    // The names of transactions begin with the second.
    std::thread::sleep(std::time::Duration::from_millis(1_010));
}

#[test]
fn a_node_goes_back_and_the_next_apply_brings_it_again() {
    let site = Site::new().applied();
    let before = tree(&site, "w-1");
    pause();
    site.declare("[kubelet.config]\nmaxPods = 99");
    let site = site.applied();
    assert!(site.read(KUBELET).contains("maxPods: 99"));

    // Nobody is there to say yes.
    let untouched = site.tree();
    let ran = site.run(&["rollback", "w-1"]);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("use --yes"), "{}", ran.stderr);
    assert!(ran.stdout.contains("\nStage: rollback (take back transaction "), "{}", ran.stdout);
    assert!(ran.stdout.contains("│ -maxPods: 99\n"), "{}", ran.stdout);
    assert!(ran.stdout.contains("Notice: only w-1 goes back"), "{}", ran.stdout);
    assert_eq!(ran.last(), "Plan: 0 to add, 1 to change, 0 to remove on 1 of 1 node.");
    assert!(differing(&untouched, &site.tree()).is_empty());

    pause();
    let ran = site.run(&["rollback", "w-1", "--yes"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.last().starts_with("Applied: 1 change on 1 node in 1 stage ("), "{}", ran.last());
    assert!(ran.stderr.contains("`harden apply` would bring it again"), "{}", ran.stderr);
    let now = tree(&site, "w-1");
    assert!(differing(&before, &now).is_empty(), "{:?}", differing(&before, &now));

    // The inventory wants what is not there, and nobody is to blame.
    let drift = site.run(&["drift"]);
    assert_eq!((drift.code, drift.last()), (0, "No drift on 2 nodes; 1 pending on 1."));
    assert_eq!(site.run(&["plan", "--detailed-exitcode"]).code, 2);
    let status = site.run(&["status", "-v", "--limit", "w-1"]);
    assert!(status.stdout.contains("committed, took back "), "{}", status.stdout);

    // Somebody who edits it now is.
    site.replace(KUBELET, "kind: KubeletConfiguration", "kind: KubeletConfiguration # mine");
    assert_eq!(site.run(&["drift"]).code, 2);
    pause();
    let site = site.applied();
    assert!(site.read(KUBELET).contains("maxPods: 99"));
    assert_eq!(site.run(&["drift"]).last(), "No drift on 2 nodes.");
}

#[test]
fn the_first_apply_of_a_worker_goes_back_to_what_kubeadm_left() {
    let site = Site::new();
    let before = tree(&site, "w-1");
    let site = site.applied();
    pause();
    let ran = site.run(&["rollback", "w-1", "--yes", "-o", "json"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    let report: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(report["stages"][0]["nodes"]["w-1"]["outcome"], "applied");
    let now = tree(&site, "w-1");
    assert!(differing(&before, &now).is_empty(), "{:?}", differing(&before, &now));
    let drift = site.run(&["drift"]);
    assert_eq!(drift.code, 0, "{}", drift.stdout);
    assert!(drift.last().starts_with("No drift on 2 nodes; "), "{}", drift.last());
}

#[test]
fn what_cannot_be_taken_back_is_named_and_nothing_is_written() {
    let site = Site::new().applied();
    site.replace(
        "cp-1/etc/kubernetes/manifests/kube-scheduler.yaml",
        "--profiling=false",
        "--profiling=true",
    );
    let before = site.tree();
    let ran = site.run(&["rollback", "cp-1", "--yes"]);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    for text in [
        "cannot be taken back, and nothing was changed:\n",
        "\n  file.encryption-config: it cannot be taken back once it is confirmed, ",
        "\n  static-pod.kube-scheduler: /etc/kubernetes/manifests/kube-scheduler.yaml is not as it was left: its content changed, by \
         somebody else than harden\n",
        "there is no copy of the old /etc/kubernetes/pki/etcd/server.key: those of private keys and secrets are removed",
        "hint: go forward instead: ",
    ] {
        assert!(ran.stderr.contains(text), "no {text:?} in\n{}", ran.stderr);
    }
    assert!(differing(&before, &site.tree()).is_empty());
}

#[test]
fn what_is_not_there_is_named() {
    let site = Site::new();
    let ran = site.run(&["rollback", "w-9", "--yes"]);
    assert!(
        ran.code == 1 && ran.stderr.contains("there is no node w-9 to roll back; the nodes are cp-1, w-1")
    );
    let ran = site.run(&["rollback", "w-1", "--yes"]);
    assert!(
        ran.code == 1 && ran.stderr.contains("it knows no transaction that is confirmed"),
        "{}",
        ran.stderr
    );
    let site = site.applied();
    let ran = site.run(&["rollback", "w-1", "1700000000-00000000", "--yes"]);
    assert!(
        ran.code == 1 && ran.stderr.contains("it knows no transaction 1700000000-00000000; there are:\n  17")
    );
}

#[test]
fn a_node_keeps_as_many_transactions_as_the_inventory_says() {
    let site = Site::new();
    site.declare("[apply]\nretention = 2");
    let mut site = site.applied();
    for pods in [97, 98, 99] {
        pause();
        let text = fs::read_to_string(site.inventory()).unwrap();
        let text = text.split("\n[kubelet.config]").next().unwrap().to_owned();
        fs::write(site.inventory(), format!("{text}\n[kubelet.config]\nmaxPods = {pods}\n")).unwrap();
        site = site.applied();
    }
    assert_eq!(fs::read_dir(site.node("w-1/var/lib/harden/txn")).unwrap().count(), 2);
}
