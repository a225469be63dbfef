//! The judgement: what speaks against taking the node away, and otherwise the steps, in order. Pure.

use super::facts::{EtcdFacts, Facts, Host, HostFacts, host_of};
use crate::cluster::EtcdMember;
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
    /// Stop its kubelet, which would make the Node again.
    StopKubelet,
    /// Delete the Node.
    DeleteNode,
    /// Take off the host what it has of the cluster, and see that it is gone.
    Reset {
        /// etcd's data directory.
        data_directory: String,
        /// Whether the components of a control plane must be gone too.
        is_control_plane: bool,
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
            Self::StopKubelet => String::from("stop its kubelet"),
            Self::DeleteNode => String::from("delete the Node, and with it what is left of its pods"),
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
    let member = etcd(facts, &mut removal);
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
    if reset.is_some() {
        steps.push(Step::StopKubelet);
    }
    if is_joined {
        steps.push(Step::DeleteNode);
    }
    if let Some(host) = reset {
        let data_directory = host.data_directory.clone();
        steps.push(Step::Reset { data_directory, is_control_plane: facts.is_control_plane });
    }
    steps
}

fn refuse(removal: &mut Removal, reason: impl Into<String>, remedy: &str) {
    removal.refusals.push(Refusal { reason: reason.into(), remedy: remedy.to_owned() });
}

fn control_planes(facts: &Facts, removal: &mut Removal) {
    let unready = facts.others.iter().filter_map(|(name, other)| Some((name, other.unready.as_ref()?)));
    if facts.is_control_plane && facts.others.is_empty() {
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
        && facts.is_control_plane
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
    let cluster: BTreeSet<&[u8; 32]> = hosts(facts).flat_map(|other| &other.ca).collect();
    if !host.ca.is_empty() && !cluster.is_empty() && !host.ca.iter().any(|key| cluster.contains(key)) {
        refuse(
            removal,
            "its host belongs to another cluster: its CA is not that of the control planes",
            "look at its address in the inventory",
        );
    }
}

fn hosts(facts: &Facts) -> impl Iterator<Item = &HostFacts> {
    facts.others.values().filter_map(|other| other.host.as_ref())
}

/// A key that it alone has would be gone with it.
fn keys(facts: &Facts, removal: &mut Removal) {
    let Host::Reached(host) = &facts.host else { return };
    if !facts.is_control_plane {
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

/// The step that takes its member out, where there is one; and what speaks against it.
fn etcd(facts: &Facts, removal: &mut Removal) -> Option<Step> {
    if facts.has_external_etcd {
        refuse(
            removal,
            "it runs an etcd member that is no static pod of kubeadm's; harden does not take those away",
            "take the member out with `etcdctl member remove`, stop it, and take the role etcd from the node in the inventory",
        );
        return None;
    }
    if !facts.is_control_plane {
        return None;
    }
    let etcd = match facts.etcd.as_ref()? {
        Ok(etcd) => etcd,
        Err(reason) => {
            let reason = format!("etcd's quorum does not answer: {reason}");
            refuse(removal, reason, "bring its members back first; see `crictl ps -a` on the control planes");
            return None;
        }
    };
    let member = facts.member(etcd);
    let rest: Vec<&EtcdMember> =
        etcd.members.iter().filter(|other| member.is_none_or(|member| member.id != other.id)).collect();
    if rest.is_empty() {
        refuse(removal, "its etcd member is the only one", "add another control-plane node first");
        return None;
    }
    let healthy = unhealthy(facts, etcd, &rest, removal);
    let member = member?;
    let (voters, quorum) = voters(&etcd.members);
    let is_lost = matches!(facts.host, Host::Lost(_));
    // The old members vote on the change. That one is lost may be known to harden alone, and so it is not counted on.
    if is_lost && healthy < quorum {
        refuse(
            removal,
            format!(
                "etcd has {healthy} healthy of {voters} voting members without it and needs {quorum} to change anything"
            ),
            "restore etcd first: start the last healthy member with `--force-new-cluster`, or from a snapshot",
        );
    }
    match rest.iter().filter(|other| !other.is_learner).count() {
        1 => removal.warnings.push(String::from(
            "one etcd member is left: when it fails, the cluster stands still, and its data is there alone",
        )),
        2 => removal.warnings.push(String::from(
            "two etcd members are left, and both are needed: when either fails, the cluster stands still until it is back",
        )),
        _ => {}
    }
    Some(Step::RemoveMember { id: member.id, name: shown(member), of: etcd.members.len() })
}

/// How many members vote, and how many of them are needed.
fn voters(members: &[EtcdMember]) -> (usize, usize) {
    let voters = members.iter().filter(|member| !member.is_learner).count();
    (voters, voters / 2 + 1)
}

fn shown(member: &EtcdMember) -> String {
    if member.name.is_empty() { member.peer_urls.join(", ") } else { member.name.clone() }
}

/// Refuses for every member that stays and is not healthy. Returns how many of them vote and are.
fn unhealthy(facts: &Facts, etcd: &EtcdFacts, rest: &[&EtcdMember], removal: &mut Removal) -> usize {
    let mut healthy = 0;
    for member in rest {
        let status = facts.others.iter().find_map(|(name, other)| match other.member.as_ref()? {
            Ok(status) if status.header.member_id == member.id => Some(Ok(status)),
            Err(reason) if member.name == name.as_str() => Some(Err(reason.clone())),
            _ => None,
        });
        let alarm = etcd.alarms.iter().find(|alarm| alarm.member_id == member.id);
        let reason = match status {
            _ if member.name.is_empty() => Some(String::from("it was added and never started")),
            _ if member.is_learner => Some(String::from("it is still a learner")),
            None => Some(String::from("no control plane that can be reached runs it")),
            Some(Err(reason)) => Some(reason),
            Some(Ok(status)) if status.leader == 0 => Some(String::from("it has no leader")),
            Some(Ok(status)) if !status.errors.is_empty() => Some(status.errors.join(", ")),
            Some(Ok(_)) => alarm.map(|alarm| format!("it raises the alarm {}", alarm.alarm)),
        };
        match reason {
            None => healthy += 1,
            Some(reason) => refuse(
                removal,
                format!("the etcd member {} is not healthy: {reason}", shown(member)),
                "let every member that stays become healthy first",
            ),
        }
    }
    healthy
}

fn warn(facts: &Facts, removal: &mut Removal) {
    if facts.is_control_plane && !removal.steps.is_empty() {
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
