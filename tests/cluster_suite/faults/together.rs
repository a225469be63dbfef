//! Two at once, and a cluster that loses something while a node is in hand.

use super::super::{Harden, wait_for};
use super::Seen;
use super::site::{PIDS, Site, Undo};
use crate::support::lab::{self, Lab};

const NODE: &str = "w-1";

pub(super) fn two_applies(lab: &Lab, harden: &mut Harden<'_>) -> Seen {
    let first = Site::new(lab, PIDS).begin(harden, &["--limit", NODE], "w-1  log in anew");
    // It may not be quicker than the second one looks.
    first.signal("STOP");
    let second = harden.call(&["apply", "--yes", "--limit", NODE]);
    first.signal("CONT");
    assert!(second.stderr.contains("it is locked by"), "{}", second.stderr);
    assert_eq!(first.end().0, Some(0));
    Seen::on(NODE, second.code)
}

/// The rollback takes as long as what makes the old file effective.
pub(super) fn apply_during_rollback(lab: &Lab, harden: &mut Harden<'_>) -> Seen {
    let site = Site::new(lab, "");
    site.file("slow", "/etc/site-slow", "0600", "[ -e /etc/site-slow ] || sleep 45", "slow\n");
    let arguments = ["--limit", NODE, "--target", "file.slow"];
    let armed = [&arguments[..], &["--rollback-after", "30s"]].concat();
    site.begin(harden, &armed, "w-1  log in anew").kill();
    wait_for("the rollback's beginning", 60, || {
        lab.ssh(NODE, "ls /var/lib/harden/txn/*/reverting").status.success()
    });
    // As if it had been begun from another machine: what was killed on this one is waited for.
    lab.output(NODE, "rm /var/lib/harden/lock/process");
    let call = site.apply(harden, &arguments);
    assert!(call.stderr.contains("it is locked by"), "{}", call.stderr);
    Seen::on(NODE, call.code)
}

/// With two members of three etcd goes on. The change restarts it on each node, and with one of three it would not.
pub(super) fn etcd_member_lost(lab: &Lab, harden: &mut Harden<'_>) -> Seen {
    let site =
        Site::new(lab, "[etcd]\nflags = { cipher-suites = \"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\" }");
    let begun = site.begin(harden, &["--limit", "control-plane"], "cp-1  log in anew");
    let (manifest, aside) = ("/etc/kubernetes/manifests/etcd.yaml", "/root/etcd.yaml");
    lab.output("cp-3", &format!("mv {manifest} {aside}"));
    let _back = Undo(|| drop(lab.ssh("cp-3", &format!("mv {aside} {manifest}"))));
    let (code, said) = begun.end();
    assert!(said.contains("prove cp-2 healthy before it is touched"), "{said}");
    Seen { node: "cp-2", exit: code, applied: &["cp-1"] }
}

/// harden goes to each node's own API server. Not a kubelet: a worker's reports its node by way of the load balancer.
pub(super) fn balancer_down(lab: &Lab, harden: &mut Harden<'_>) -> Seen {
    let site = Site::new(lab, "[scheduler]\nflags = { tls-min-version = \"VersionTLS13\" }");
    lab::tool(&["balancer", "stop"]);
    let _up = Undo(|| drop(lab::tool(&["balancer", "start"])));
    let call = site.apply(harden, &["--limit", "cp-1"]);
    Seen::on("cp-1", call.code)
}
