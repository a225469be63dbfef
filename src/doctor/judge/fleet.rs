//! What shows only where hosts are compared: clocks, names, addresses, versions, and the cluster that they belong to.

use super::super::facts::{Answer, Programs};
use super::super::finding::few;
use super::super::{Check, Host, HostFacts, Severity, Standing, Version};
use super::Findings;
use crate::inventory::{Inventory, Node, NodeName, Role};
use crate::resource::{ClockReading, clock_faults};
use std::collections::BTreeMap;

/// Digits of a fingerprint that tell two apart.
const DIGITS: usize = 12;

/// How a program is found among the others.
type Find = fn(&Programs) -> Option<&Answer>;

const PROGRAMS: &[(&str, Find)] = &[
    ("kubelet", |programs| programs.kubelet.as_ref()),
    ("kubeadm", |programs| programs.kubeadm.as_ref()),
    ("etcd", |programs| programs.etcd.as_ref()),
];

type Answers = BTreeMap<NodeName, HostFacts>;

pub(super) fn judge(
    inventory: &Inventory,
    hosts: &[Host],
    facts: &Answers,
    clocks: &[(&NodeName, ClockReading)],
    found: &mut Findings,
) {
    for fault in clock_faults(clocks.iter().copied()) {
        found.add(fault.of, Check::Clock, Severity::Fatal, fault.fact, fault.remedy);
    }
    same(Check::Hostname, "calls itself", hosts, facts, found, |facts| facts.system.hostname.to_lowercase());
    same(Check::MachineId, "has the machine-id", hosts, facts, found, |facts| {
        facts.system.machine_id.clone()
    });
    addresses(inventory, facts, found);
    virtual_address(inventory, hosts, facts, found);
    versions(facts, found);
    clusters(hosts, found);
}

/// What every host must have for itself.
fn same(
    check: Check,
    words: &str,
    hosts: &[Host],
    facts: &Answers,
    found: &mut Findings,
    of: impl Fn(&HostFacts) -> String,
) {
    let mut by_value: BTreeMap<String, Vec<&Host>> = BTreeMap::new();
    for host in hosts {
        // A tree that is to become many hosts has what they will get for themselves.
        if let Some(facts) = facts.get(&host.node).filter(|facts| facts.live) {
            by_value.entry(of(facts)).or_default().push(host);
        }
    }
    by_value.retain(|value, holders| !value.is_empty() && holders.len() > 1);
    for (value, holders) in by_value {
        // They get along, as long as nobody joins.
        let joined = holders.iter().all(|host| host.standing.is_member());
        let severity = if joined { Severity::Warning } else { Severity::Fatal };
        let Some((first, others)) = holders.split_first() else { continue };
        for host in others {
            let fact = format!("it {words} {value}, as {} does", first.node);
            let remedy = match check {
                Check::Hostname => format!("`hostnamectl set-hostname {}`", host.node),
                _ => {
                    String::from("it is a copy: `rm /etc/machine-id && systemd-machine-id-setup`, and reboot")
                }
            };
            found.add(Some(&host.node), check, severity, fact, remedy);
        }
    }
}

fn addresses(inventory: &Inventory, facts: &Answers, found: &mut Findings) {
    let asked = || facts.iter().filter(|(_, facts)| facts.live);
    for (name, facts) in asked() {
        for (other, _) in asked().filter(|(other, _)| *other != name) {
            let Some(address) = inventory.node(other).and_then(Node::ip) else { continue };
            if facts.system.addresses.contains(&address) {
                let fact = format!("it has {address}, which is the address of {other}");
                let remedy = "give each host an address of its own; where it is a shared one, \
                              it is none to write in the inventory for a host";
                found.add(Some(name), Check::Address, Severity::Fatal, fact, remedy);
            }
        }
    }
}

/// kube-vip puts the endpoint's address where it is to be. A host that something of a cluster is on may have it from there.
fn virtual_address(inventory: &Inventory, hosts: &[Host], facts: &Answers, found: &mut Findings) {
    let Some(address) = inventory.virtual_address().filter(|_| inventory.kube_vip.is_some()) else { return };
    let remedy =
        "kube-vip needs an address that no host has: take it off, or write another one as `endpoint`";
    if let Some(node) = inventory.nodes.iter().find(|node| node.ip() == Some(address)) {
        let fact = format!("{address}, which kube-vip is to hold, is the address of {}", node.name);
        found.add(Some(&node.name), Check::Address, Severity::Fatal, fact, remedy);
        return;
    }
    for host in hosts.iter().filter(|host| host.standing == Standing::Blank) {
        if facts.get(&host.node).is_some_and(|facts| facts.live && facts.system.addresses.contains(&address))
        {
            let fact = format!("it has {address}, which kube-vip is to hold");
            found.add(Some(&host.node), Check::Address, Severity::Fatal, fact, remedy);
            return;
        }
    }
    // As soon as something of the cluster is on one of them, it may be kube-vip itself.
    let is_blank =
        |node: &Node| hosts.iter().any(|host| host.node == node.name && host.standing == Standing::Blank);
    let claims = facts.iter().find_map(|(name, facts)| Some((name, facts.claimed.as_ref()?)));
    if let Some((name, who)) = claims
        && inventory.with_role(Role::ControlPlane).all(is_blank)
    {
        let fact = format!("{address}, which kube-vip is to hold, is in use: as seen from there {who}");
        let remedy =
            "find out whose it is and have it freed, or write an address that nobody has as `endpoint`";
        found.add(Some(name), Check::Address, Severity::Fatal, fact, remedy);
    }
}

fn versions(facts: &Answers, found: &mut Findings) {
    for (program, find) in PROGRAMS {
        let mut by_version: BTreeMap<Version, Vec<&str>> = BTreeMap::new();
        for (name, facts) in facts {
            if let Some(Answer::Version(version)) = find(&facts.programs) {
                by_version.entry(*version).or_default().push(name.as_str());
            }
        }
        if by_version.len() < 2 {
            continue;
        }
        let listed: Vec<String> =
            by_version.iter().map(|(version, names)| format!("{version} on {}", few(names))).collect();
        let fact = format!("{program} is not of one version: {}", listed.join("; "));
        found.add(None, Check::Programs, Severity::Warning, fact, "install the same everywhere");
    }
}

fn clusters(hosts: &[Host], found: &mut Findings) {
    let mut by_ca: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for host in hosts {
        if let Some(ca) = host.standing.ca_sha256() {
            by_ca.entry(ca).or_default().push(host.node.as_str());
        }
    }
    if by_ca.len() < 2 {
        return;
    }
    let listed: Vec<String> = by_ca
        .iter()
        .map(|(ca, names)| format!("CA {} on {}", ca.get(..DIGITS).unwrap_or(ca), few(names)))
        .collect();
    let fact = format!("they are of {} clusters: {}", by_ca.len(), listed.join("; "));
    let remedy = "see which hosts are not of this cluster: reset them, or take them out of the inventory";
    found.add(None, Check::Cluster, Severity::Warning, fact, remedy);
}
