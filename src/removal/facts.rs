//! What is true of a node that is to be taken away, of the control planes that stay, and of etcd. Plain data.

use crate::cluster::{Alarm, EtcdMember, EtcdStatus, NodeInfo};
use crate::inventory::{EtcdTopology, Node, NodeName, Role};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that the plan of a removal rests on.
#[derive(Debug, Clone)]
pub struct Facts {
    /// The node.
    pub node: NodeName,
    /// Its address in the inventory.
    pub address: String,
    /// What runs there.
    pub runs: Runs,
    /// Whether it has an etcd member that neither kubeadm nor harden runs.
    pub has_foreign_etcd: bool,
    /// Where nodes and clients reach the API, `host:port`, where that is known.
    pub endpoint: Option<String>,
    /// Whether something on the control planes holds that address, and so moves it by itself.
    pub endpoint_moves: bool,
    /// The host.
    pub host: Host,
    /// The Kubernetes Node; `None` where there is none (any more). The error where no API server could say.
    pub kubernetes: Result<Option<NodeInfo>, String>,
    /// The control-plane nodes that stay.
    pub others: BTreeMap<NodeName, Other>,
    /// What the members of the nodes that stay say of themselves, where it has one too.
    pub members: BTreeMap<NodeName, Result<EtcdStatus, String>>,
    /// etcd as a whole; `None` where none of those that stay has a member.
    pub etcd: Option<Result<EtcdFacts, String>>,
}

/// What runs on a host: it is ended, and looked for afterwards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Runs {
    /// A kubelet.
    pub kubelet: bool,
    /// The static pods of a control plane.
    pub control_plane: bool,
    /// A member of an external etcd, as the unit that harden makes.
    pub etcd_unit: bool,
}

impl Runs {
    /// What is to run on a node of an inventory.
    pub fn of(node: &Node, topology: EtcdTopology) -> Self {
        let has = |role| node.roles.contains(&role);
        Self {
            kubelet: has(Role::ControlPlane) || has(Role::Worker),
            control_plane: has(Role::ControlPlane),
            etcd_unit: has(Role::Etcd) && topology == EtcdTopology::External,
        }
    }
}

/// The host of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// It was read.
    Reached(HostFacts),
    /// It was not, and why.
    Lost(String),
}

/// What a host has of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// Whether it is no machine but a directory tree.
    pub is_tree: bool,
    /// Whether a transaction of harden's holds its lock. That of a removal which was cut is no obstacle.
    pub is_locked: bool,
    /// The SHA-256 of the public keys of the cluster CA's certificates on it; empty where it has none.
    pub ca: BTreeSet<[u8; 32]>,
    /// The same of etcd's CA.
    pub etcd_ca: BTreeSet<[u8; 32]>,
    /// The private keys on it that are the whole cluster's, by path.
    pub keys: BTreeSet<String>,
    /// What a reset takes away: files, processes, ports, in words.
    pub left: Vec<String>,
    /// etcd's data directory.
    pub data_directory: String,
    /// Until when its kubelet's client certificate is valid, seconds since 1970.
    pub kubelet_until: Option<i64>,
    /// The same of the certificate of the member that harden's unit runs.
    pub etcd_until: Option<i64>,
    /// The same of the administrator's certificate in admin.conf.
    pub admin_until: Option<i64>,
    /// Whether it has super-admin.conf.
    pub has_super_admin: bool,
    /// Kubeconfigs in the home directories of users.
    pub kubeconfigs: Vec<String>,
}

/// A control-plane node that stays.
#[derive(Debug, Clone, Default)]
pub struct Other {
    /// Why its API server does not take requests, or could not be asked.
    pub unready: Option<String>,
    /// What its host has; `None` where it was not read.
    pub host: Option<HostFacts>,
}

/// What etcd's quorum says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EtcdFacts {
    /// All members.
    pub members: Vec<EtcdMember>,
    /// Their alarms.
    pub alarms: Vec<Alarm>,
}

impl Facts {
    /// The etcd member of the node. kubeadm names it like the node; one with another name is known by its address.
    pub fn member<'a>(&self, etcd: &'a EtcdFacts) -> Option<&'a EtcdMember> {
        let by_name = etcd.members.iter().find(|member| member.name == self.node.as_str());
        let is_here = |member: &&EtcdMember| {
            member.peer_urls.iter().filter_map(|url| host_of(url)).any(|it| self.has(it))
        };
        by_name.or_else(|| etcd.members.iter().find(is_here))
    }

    /// The Kubernetes Node, where there is one.
    pub fn joined(&self) -> Option<&NodeInfo> {
        self.kubernetes.as_ref().ok()?.as_ref()
    }

    /// Whether its kubelet fell silent: no pod ends there, whatever is asked of it.
    pub fn is_silent(&self) -> bool {
        self.joined().is_some_and(|node| !node.ready && node.reason.starts_with("NodeStatusUnknown"))
    }

    /// Whether an address or a name is the node's.
    pub(super) fn has(&self, host: &str) -> bool {
        let mut known = self.joined().into_iter().flat_map(|node| &node.addresses);
        self.address == host || known.any(|(_, address)| address == host)
    }
}

/// The host of `https://10.0.0.1:2380` or of `10.0.0.1:6443`, brackets aside.
pub(super) fn host_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let host = rest.split('/').next()?;
    match host.strip_prefix('[') {
        Some(bracketed) => bracketed.split(']').next(),
        None => Some(host.rsplit_once(':').map_or(host, |(host, _)| host)),
    }
}

#[cfg(test)]
mod tests {
    use super::host_of;

    #[test]
    fn hosts_are_found_in_urls() {
        assert_eq!(host_of("https://10.0.0.1:2380"), Some("10.0.0.1"));
        assert_eq!(host_of("https://[fd00::1]:2380/"), Some("fd00::1"));
        assert_eq!(host_of("api.example.org:6443"), Some("api.example.org"));
        assert_eq!(host_of("api.example.org"), Some("api.example.org"));
    }
}
