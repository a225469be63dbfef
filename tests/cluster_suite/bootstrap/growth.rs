//! Hosts that come to a cluster and leave it. After each the plan is empty, and etcd has the members of the inventory.

use super::super::{Harden, tree};
use super::interrupted::begin;
use super::proof::is_as_declared;
use super::site::Site;
use super::{EXTERNAL, STACKED, Topology};

const ADDED: &str = "w-3";
const REPLACED: &str = "cp-3";
pub(super) const MEMBER: &str = "etcd-4";

pub(super) fn a_worker_comes_and_goes(site: &Site, harden: &mut Harden<'_>) {
    let Topology { hosts, settings, .. } = STACKED;
    let others: Vec<_> = hosts.iter().map(|node| tree(site.lab(), node)).collect();
    site.declare(&[hosts, &[ADDED]].concat(), settings);
    harden.expect(0, &["bootstrap", "--yes"]);
    is_as_declared(site, harden);
    assert_eq!(
        others,
        hosts.iter().map(|node| tree(site.lab(), node)).collect::<Vec<_>>(),
        "another node was touched"
    );
    leaves(site, harden, ADDED, hosts);
}

/// The host that was reset is taken as a blank one.
pub(super) fn a_control_plane_goes_and_comes(site: &Site, harden: &mut Harden<'_>) {
    let Topology { hosts, settings, .. } = STACKED;
    let left: Vec<&str> = hosts.iter().copied().filter(|host| *host != REPLACED).collect();
    leaves(site, harden, REPLACED, &left);
    site.declare(hosts, settings);
    harden.expect(0, &["bootstrap", "--yes"]);
    is_as_declared(site, harden);
}

/// With a run that is killed as soon as it has begun with the host, and one as soon as the member runs. The API servers are told of it,
/// and that it has gone, by an apply.
pub(super) fn a_member_comes_cut_twice_and_goes(site: &Site, harden: &mut Harden<'_>) {
    let Topology { hosts, settings, .. } = EXTERNAL;
    let all = [hosts, &[MEMBER]].concat();
    site.declare(&all, settings);
    for (moment, seen) in [
        ("it is begun with", "[ -e /var/lib/harden/joining ]"),
        ("its etcd is to run", "[ -e /etc/systemd/system/etcd.service ]"),
    ] {
        let mut running = begin(site, harden);
        super::super::wait_for(moment, 60, || {
            site.lab().ssh(MEMBER, seen).status.success() || running.try_wait().unwrap().is_some()
        });
        running.kill().unwrap();
        running.wait().unwrap();
        println!("figure: killed when {MEMBER} is seen so: {moment}");
    }
    let named = "--etcd-servers=.*:2379";
    let servers = |site: &Site| {
        site.lab()
            .output("cp-1", &format!("grep -oe '{named}' /etc/kubernetes/manifests/kube-apiserver.yaml"))
    };
    harden.expect(0, &["bootstrap", "--yes"]);
    assert!(!servers(site).contains(site.lab().address(MEMBER)), "no apply has named it");
    harden.expect(0, &["apply", "--yes"]);
    assert!(servers(site).contains(site.lab().address(MEMBER)), "{}", servers(site));
    is_as_declared(site, harden);

    let removed = harden.expect(0, &["remove", MEMBER, "--yes"]);
    assert!(removed.stderr.contains("then `harden apply`"), "{}", removed.stderr);
    is_blank(site, MEMBER);
    site.declare(hosts, settings);
    harden.expect(0, &["apply", "--yes"]);
    assert!(!servers(site).contains(site.lab().address(MEMBER)), "{}", servers(site));
    is_as_declared(site, harden);
}

fn leaves(site: &Site, harden: &mut Harden<'_>, node: &str, left: &[&str]) {
    harden.expect(0, &["remove", node, "--yes"]);
    site.declare(left, STACKED.settings);
    is_as_declared(site, harden);
    is_blank(site, node);
}

fn is_blank(site: &Site, node: &str) {
    let remains = site.lab().output(
        node,
        "find /etc/kubernetes /etc/etcd /var/lib/etcd -type f 2>/dev/null; ls -d /var/lib/kubelet/pki /var/lib/kubelet/config.yaml \
         /etc/systemd/system/etcd.service /var/lib/harden 2>/dev/null; pidof etcd; ctr -n k8s.io tasks list -q",
    );
    assert_eq!(remains, "", "{node} has something left of the cluster");
}
