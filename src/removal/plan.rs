//! The judgement: what speaks against taking the node away, and otherwise the steps, in order. Pure.

use super::etcd;
use super::facts::{Facts, Host, HostFacts, Runs, host_of};
use std::collections::BTreeSet;

/// What the user agreed to beforehand.
#[derive(Debug, Clone, Copy, Default)]
pub struct Consent {
    /// That a host that cannot be reached is not reset.
    pub unreachable: bool,
}

/// A reason against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// What is so.
    pub reason: String,
    /// What to do about it.
    pub remedy: String,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Keep new pods off it and evict those that are there.
    Drain,
    /// Take its member out of etcd.
    RemoveMember {
        /// The member's id.
        id: u64,
        /// Its name.
        name: String,
        /// How many members there are with it.
        of: usize,
    },
    /// Stop its etcd, which has no place among the members any more.
    StopEtcd,
    /// Stop its kubelet, which would make the Node again.
    StopKubelet,
    /// Delete the Node.
    DeleteNode,
    /// Take off the host what it has of the cluster, and see that it is gone.
    Reset {
        /// etcd's data directory.
        data_directory: String,
        /// What must be gone from it.
        runs: Runs,
    },
}

impl Step {
    /// What users read, in the imperative.
    pub fn words(&self) -> String {
        match self {
            Self::Drain => String::from("cordon and drain it, as its PodDisruptionBudgets allow"),
            Self::RemoveMember { name, of, .. } => {
                format!("remove the etcd member {name}, one of {of}, and wait for the quorum of the others")
            }
            Self::StopEtcd => String::from("stop its etcd, and have it never start again"),
            Self::StopKubelet => String::from("stop its kubelet"),
            Self::DeleteNode => String::from("delete the Node, and with it what is left of its pods"),
            Self::Reset { runs, .. } if !runs.kubelet => String::from(
                "reset the host: delete etcd's unit, certificates, keys and data, and look that nothing is left",
            ),
            Self::Reset { .. } => String::from(
                "reset the host: end its containers, delete certificates, keys and etcd's data, and look that nothing is left",
            ),
        }
    }

    /// Its name for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Drain => "drain",
            Self::RemoveMember { .. } => "remove-etcd-member",
            Self::StopEtcd => "stop-etcd",
            Self::StopKubelet => "stop-kubelet",
            Self::DeleteNode => "delete-node",
            Self::Reset { .. } => "reset-host",
        }
    }
}

/// What there is to do, or why not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Removal {
    /// In order; empty where nothing is left to do.
    pub steps: Vec<Step>,
    /// Reasons against; nothing may be done while there is one.
    pub refusals: Vec<Refusal>,
    /// What the user should know before.
    pub warnings: Vec<String>,
}

/// Judges.
pub fn plan(facts: &Facts, consent: Consent) -> Removal {
    let mut removal = Removal::default();
    control_planes(facts, &mut removal);
    host(facts, consent, &mut removal);
    let member = etcd::judge(facts, &mut removal);
    keys(facts, &mut removal);
    removal.steps = steps(facts, member);
    warn(facts, &mut removal);
    removal
}

fn steps(facts: &Facts, member: Option<Step>) -> Vec<Step> {
    let is_joined = facts.joined().is_some();
    let reached = match &facts.host {
        Host::Reached(host) => Some(host),
        Host::Lost(_) => None,
    };
    let mut steps = Vec::new();
    // Of a host or a kubelet that does not answer no pod ever ends: the deletion of the Node frees them.
    if is_joined && reached.is_some() && !facts.is_silent() {
        steps.push(Step::Drain);
    }
    steps.extend(member);
    let reset = reached.filter(|host| is_joined || !host.left.is_empty());
    if reset.is_some() && facts.runs.etcd_unit {
        steps.push(Step::StopEtcd);
    }
    if reset.is_some() && facts.runs.kubelet {
        steps.push(Step::StopKubelet);
    }
    if is_joined {
        steps.push(Step::DeleteNode);
    }
    if let Some(host) = reset {
        let data_directory = host.data_directory.clone();
        steps.push(Step::Reset { data_directory, runs: facts.runs });
    }
    steps
}

pub(super) fn refuse(removal: &mut Removal, reason: impl Into<String>, remedy: &str) {
    removal.refusals.push(Refusal { reason: reason.into(), remedy: remedy.to_owned() });
}

fn control_planes(facts: &Facts, removal: &mut Removal) {
    let unready = facts.others.iter().filter_map(|(name, other)| Some((name, other.unready.as_ref()?)));
    if facts.runs.control_plane && facts.others.is_empty() {
        refuse(
            removal,
            "it is the last control-plane node",
            "add another one first; a whole cluster ends with `kubeadm reset` on every host",
        );
    } else if facts.others.is_empty() {
        refuse(
            removal,
            "the inventory has no control-plane node that could be asked",
            "name them in the inventory",
        );
    } else if facts.others.values().all(|other| other.unready.is_some()) {
        let reasons: Vec<String> = unready.map(|(name, reason)| format!("{name}: {reason}")).collect();
        refuse(
            removal,
            format!("no other API server answers ({})", reasons.join("; ")),
            "bring one back first: nodes are taken away through it",
        );
    } else {
        let sick =
            unready.map(|(name, reason)| format!("the API server of {name} does not answer: {reason}"));
        removal.warnings.extend(sick);
        if let Err(reason) = &facts.kubernetes {
            refuse(
                removal,
                format!("the API does not say whether it is there: {reason}"),
                "try again when it answers",
            );
        }
    }
    let endpoint = facts.endpoint.as_deref().and_then(host_of);
    if let Some(endpoint) = endpoint.filter(|endpoint| facts.has(endpoint))
        && !facts.endpoint_moves
        && facts.runs.control_plane
    {
        refuse(
            removal,
            format!("the cluster's endpoint is its address, {endpoint}: every kubelet reaches the API there"),
            "move the endpoint to a load balancer or to another control plane first, with new kubeconfigs and certificates",
        );
    }
}

fn host(facts: &Facts, consent: Consent, removal: &mut Removal) {
    let host = match &facts.host {
        Host::Lost(reason) if !consent.unreachable => {
            return refuse(
                removal,
                format!("its host cannot be reached: {reason}"),
                "bring it back; where it is lost for good, `--unreachable` takes the node away and leaves the host as it is",
            );
        }
        Host::Lost(_) => return,
        Host::Reached(host) => host,
    };
    if host.is_tree {
        refuse(
            removal,
            "it is a directory tree and no machine",
            "delete the tree, and its entry in the inventory",
        );
    }
    if host.is_locked {
        refuse(
            removal,
            "an apply holds its lock",
            "wait for its end, or bring it to one with `harden unlock`",
        );
    }
    let ca: Authorities = |host| &host.ca;
    let etcd_ca: Authorities = |host| &host.etcd_ca;
    for (of, whose) in [("CA", ca), ("etcd CA", etcd_ca)] {
        let cluster: BTreeSet<&[u8; 32]> = hosts(facts).flat_map(whose).collect();
        if !whose(host).is_empty()
            && !cluster.is_empty()
            && !whose(host).iter().any(|key| cluster.contains(key))
        {
            refuse(
                removal,
                format!("its host belongs to another cluster: its {of} is not that of the control planes"),
                "look at its address in the inventory",
            );
        }
    }
}

/// The CAs of a host that are of one kind.
type Authorities = fn(&HostFacts) -> &BTreeSet<[u8; 32]>;

fn hosts(facts: &Facts) -> impl Iterator<Item = &HostFacts> {
    facts.others.values().filter_map(|other| other.host.as_ref())
}

/// A key that it alone has would be gone with it.
fn keys(facts: &Facts, removal: &mut Removal) {
    let Host::Reached(host) = &facts.host else { return };
    if !facts.runs.control_plane {
        return;
    }
    for key in &host.keys {
        if !hosts(facts).any(|other| other.keys.contains(key)) {
            refuse(
                removal,
                format!("no other control plane that was read has {key}: it would be lost with the host"),
                "keep a copy of it where it belongs, on another control plane or in the store, and delete it here",
            );
        }
    }
}

fn warn(facts: &Facts, removal: &mut Removal) {
    if facts.runs.etcd_unit && !removal.steps.is_empty() {
        removal.warnings.push(String::from(
            "the API servers name its member until the `harden apply` that follows without it in the inventory, and go on with the other ones",
        ));
    }
    if facts.runs.control_plane && !removal.steps.is_empty() {
        let text = match &facts.endpoint {
            Some(_) if facts.endpoint_moves => None,
            Some(endpoint) => Some(format!(
                "take it out of the load balancer behind {endpoint} first: harden does not know it, and what is sent to the node fails"
            )),
            None => Some(String::from(
                "where a load balancer is in front of the API servers, take the node out of it first: harden does not know it",
            )),
        };
        removal.warnings.extend(text);
    }
    let Some(node) = facts.joined() else { return };
    let is_lost = matches!(facts.host, Host::Lost(_));
    if is_lost || facts.is_silent() {
        removal.warnings.push(String::from(
            "its pods are not evicted, since none would end: they are made elsewhere once the Node is gone, and whatever they kept on the \
             host alone is lost to them",
        ));
    }
    if is_lost && node.ready {
        removal.warnings.push(String::from(
            "the API hears its kubelet: the host is alive, only not reachable from here. Turn it off first, or its pods run twice",
        ));
    }
}
