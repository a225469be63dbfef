//! Hosts that come to a cluster and leave it. After each the plan is empty, and etcd has the members of the inventory.

use super::super::{Harden, tree};
use super::proof::is_as_declared;
use super::site::Site;
use super::{STACKED, Topology};

const ADDED: &str = "w-3";
const REPLACED: &str = "cp-3";

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

fn leaves(site: &Site, harden: &mut Harden<'_>, node: &str, left: &[&str]) {
    harden.expect(0, &["remove", node, "--yes"]);
    site.declare(left, STACKED.settings);
    is_as_declared(site, harden);
    let remains = site.lab().output(
        node,
        "find /etc/kubernetes /var/lib/etcd -type f 2>/dev/null; ls -d /var/lib/kubelet/pki /var/lib/kubelet/config.yaml 2>/dev/null; \
         ctr -n k8s.io tasks list -q",
    );
    assert_eq!(remains, "", "{node} has something left of the cluster");
}
