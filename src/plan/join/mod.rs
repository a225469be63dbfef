//! How hosts become nodes: which of them, in which order, and what kubeadm is given on each. Pure: that a host has joined, and
//! what came of it, is seen by whoever carries it out.
//!
//! kubeadm is the engine. What it would decide by itself is decided here: it gets the same flags, mounts and keys that `apply`
//! keeps on a node that runs, so that a node that has just joined is as declared.

mod documents;
mod patches;

use super::build::{Inputs, PlanError};
use crate::inventory::{ETCD_DATA, EtcdTopology, Inventory, Minor, Node, NodeName, Role, Taint};
use crate::resource::{Observed, Spec};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Where kubeadm finds its configuration and its patches on the host, as long as it runs.
pub const FOLDER: &str = "/var/lib/harden/kubeadm";

/// The hosts that are to become nodes.
#[derive(Debug, Clone, Default)]
pub struct Joining {
    /// Which.
    pub nodes: BTreeSet<NodeName>,
    /// Whether there is a cluster already that they join.
    pub cluster: bool,
    /// The exact version of Kubernetes, `v1.35.4`.
    pub version: String,
}

/// One host becomes a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Join {
    /// The host.
    pub node: NodeName,
    /// As what.
    pub kind: JoinKind,
    /// kubeadm's configuration: YAML documents; empty where it has no part in it.
    pub config: String,
    /// kubeadm's patches for this host, by file name.
    pub patches: BTreeMap<String, String>,
    /// Directories that kubeadm would make for root, and that belong to somebody else: path to owner.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub directories: BTreeMap<String, String>,
    /// Labels that the node gets beside those that it gives itself.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// Whether an earlier attempt did not get to the end: what it left is finished.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub resumed: bool,
}

/// As what a host joins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JoinKind {
    /// A member of an external etcd: kubeadm has no part in it.
    Etcd,
    /// The first control-plane node: the cluster begins there.
    Init,
    /// A further control-plane node.
    ControlPlane,
    /// A worker.
    Worker,
}

impl JoinKind {
    /// What a person reads: "join as a control-plane node".
    pub fn title(self) -> &'static str {
        match self {
            Self::Etcd => "run an etcd member",
            Self::Init => "begin the cluster",
            Self::ControlPlane => "join as a control-plane node",
            Self::Worker => "join as a worker",
        }
    }
}

impl Join {
    /// kubeadm's configuration where the host's etcd member takes part already; `kubeadm` is the version of it on the host.
    pub fn without_etcd(&self, kubeadm: Minor) -> String {
        documents::without_etcd(&self.config, kubeadm)
    }
}

/// A host cannot become a node.
#[derive(Debug, thiserror::Error)]
pub enum JoinError {
    /// kubeadm cannot run an etcd member there.
    #[error(
        "{node} has the role etcd without control-plane, and kubeadm runs a stacked etcd beside API servers only"
    )]
    EtcdAlone {
        /// Which.
        node: NodeName,
    },
    /// Its address is a name.
    #[error("{node} is to be a control-plane node, and its address {address} is no IP address")]
    NoAddress {
        /// Which.
        node: NodeName,
        /// The address.
        address: String,
    },
    /// More than one control-plane node, and clients would know only the first.
    #[error("there are {count} control-plane nodes and no endpoint that leads to all of them")]
    NoEndpoint {
        /// How many.
        count: usize,
    },
}

impl crate::error::Hint for JoinError {
    fn hint(&self) -> Option<String> {
        Some(String::from(match self {
            Self::EtcdAlone { .. } => {
                "say `topology = \"external\"` under [etcd], or give it the role control-plane too"
            }
            Self::NoAddress { .. } => {
                "API servers and etcd members announce an address: write it as `address`"
            }
            Self::NoEndpoint { .. } => {
                "name the load balancer in front of them as `endpoint` under [cluster]: it cannot be changed easily later"
            }
        }))
    }
}

/// Whether a host that was read is to become a node: harden has begun with it and not come to the end, or a cluster has left
/// nothing there. Directory trees never are.
pub fn is_joining(node: &Node, topology: EtcdTopology, observed: &Observed) -> bool {
    let made = observed.facts.made;
    let is_there = if is_kubernetes_node(node) {
        made.kubernetes
    } else {
        made.kubernetes || (topology == EtcdTopology::External && made.etcd)
    };
    observed.facts.live && (made.joining || !is_there)
}

/// Whether a kubelet runs there; an etcd member of an external etcd stands alone.
fn is_kubernetes_node(node: &Node) -> bool {
    node.roles.contains(&Role::ControlPlane) || node.roles.contains(&Role::Worker)
}

/// What is done on each host, in the order in which it is: the first control-plane node, the others one after the other, and the
/// workers, which may go together.
pub(super) fn joins(inputs: &Inputs<'_>, notices: &mut Vec<String>) -> Result<Vec<Join>, PlanError> {
    let inventory = inputs.inventory;
    let hosts: Vec<&Node> = inventory
        .nodes
        .iter()
        .filter(|node| inputs.joining.nodes.contains(&node.name) && inputs.limit.contains(&node.name))
        .filter(|node| inputs.observed.contains_key(&node.name))
        .collect();
    check(inventory, &hosts)?;
    let (kubernetes, members): (Vec<&Node>, Vec<&Node>) =
        hosts.into_iter().partition(|node| is_kubernetes_node(node));
    let (control_planes, workers): (Vec<&Node>, Vec<&Node>) =
        kubernetes.into_iter().partition(|node| node.roles.contains(&Role::ControlPlane));
    let mut joins: Vec<Join> = members.into_iter().map(member).collect();
    for (index, node) in control_planes.into_iter().enumerate() {
        let kind =
            if index == 0 && !inputs.joining.cluster { JoinKind::Init } else { JoinKind::ControlPlane };
        joins.push(join(node, kind, inputs, notices)?);
    }
    for node in workers {
        joins.push(join(node, JoinKind::Worker, inputs, notices)?);
    }
    Ok(joins)
}

fn check(inventory: &Inventory, hosts: &[&Node]) -> Result<(), PlanError> {
    let mut errors = Vec::new();
    for node in hosts {
        let has = |role| node.roles.contains(&role);
        let is_stacked = inventory.etcd.topology == EtcdTopology::Stacked;
        if is_stacked && has(Role::Etcd) && !has(Role::ControlPlane) {
            errors.push(JoinError::EtcdAlone { node: node.name.clone() });
        }
        if (has(Role::ControlPlane) || has(Role::Etcd)) && node.ip().is_none() {
            errors.push(JoinError::NoAddress { node: node.name.clone(), address: node.address.clone() });
        }
    }
    let count = inventory.with_role(Role::ControlPlane).count();
    if !hosts.is_empty() && count > 1 && inventory.cluster.endpoint.is_none() {
        errors.push(JoinError::NoEndpoint { count });
    }
    if errors.is_empty() { Ok(()) } else { Err(PlanError::of_joins(errors)) }
}

/// A member of an external etcd runs as soon as its unit is there.
fn member(node: &Node) -> Join {
    Join {
        node: node.name.clone(),
        kind: JoinKind::Etcd,
        config: String::new(),
        patches: BTreeMap::new(),
        directories: BTreeMap::new(),
        labels: BTreeMap::new(),
        resumed: false,
    }
}

fn join(
    node: &Node,
    kind: JoinKind,
    inputs: &Inputs<'_>,
    notices: &mut Vec<String>,
) -> Result<Join, PlanError> {
    let observed = &inputs.observed[&node.name];
    let resumed = observed.facts.made.joining;
    let ignored = documents::ignored(inputs.inventory, kind, resumed);
    let taints: Option<&[Taint]> = node.taints.as_deref();
    Ok(Join {
        node: node.name.clone(),
        kind,
        config: documents::config(node, kind, taints, &ignored, inputs, notices)?,
        patches: patches::patches(node, kind, inputs, notices)?,
        directories: directories(node, inputs),
        labels: node.labels.clone(),
        resumed,
    })
}

/// The directories that kubeadm makes and that belong to somebody else than root.
fn directories(node: &Node, inputs: &Inputs<'_>) -> BTreeMap<String, String> {
    let resources = inputs.desired.get(&node.name).map(|desired| desired.resources.as_slice());
    let of_others = resources.unwrap_or_default().iter().filter_map(|resource| match &resource.spec {
        Spec::Attributes(spec) if spec.pattern == ETCD_DATA => {
            Some((spec.pattern.clone(), spec.owner.clone()?))
        }
        _ => None,
    });
    of_others.collect()
}
