//! What of a cluster a host is.

use super::super::needs::{ETCD_PORTS, KUBELET_PORTS, Who};
use super::super::{HostFacts, Standing};
use crate::inventory::{Inventory, Node};

const KUBECONFIG: &str = "/etc/kubernetes/kubelet.conf";
const MEMBER: &str = "/var/lib/etcd/member";

pub(super) fn of(node: &Node, inventory: &Inventory, facts: &HostFacts) -> Standing {
    let has = |path: &str| facts.left.contains(path);
    let ca_sha256 = facts.ca_sha256.clone();
    let kubelet = has(KUBECONFIG) && facts.holds(KUBELET_PORTS, "kubelet");
    let etcd = !Who::Kubernetes.is(node, inventory) && has(MEMBER) && facts.holds(ETCD_PORTS, "etcd");
    if kubelet || etcd {
        return Standing::Member { ca_sha256 };
    }
    if facts.left.is_empty() && ca_sha256.is_none() {
        return Standing::Blank;
    }
    Standing::Leftovers { paths: facts.left.clone(), ca_sha256 }
}
