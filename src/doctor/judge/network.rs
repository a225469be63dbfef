//! Addresses, ports and names.

use super::super::facts::Lookup;
use super::super::needs::{PORTS, Port, Who};
use super::super::question::endpoint_name;
use super::super::{Check, Standing};
use super::{Findings, Subject};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn judge(subject: &Subject<'_>, found: &mut Findings) {
    address(subject, found);
    ports(subject, found);
    if Who::Kubernetes.is(subject.node, subject.inventory) {
        endpoint(subject, found);
    }
}

fn address(subject: &Subject<'_>, found: &mut Findings) {
    let Some(address) = subject.node.ip() else { return };
    let own = &subject.facts.system.addresses;
    if own.is_empty() {
        subject.note(found, Check::Address, "which addresses it has is not known");
    } else if !own.contains(&address) {
        let fact = format!("{address}, its address in the inventory, is on none of its interfaces");
        let remedy = "write the address that the other hosts reach it by and that it has itself; \
                      where harden reaches it by another one, that is `host` under its `ssh`";
        found.add(Some(&subject.node.name), Check::Address, subject.before_joining(), fact, remedy);
    }
}

fn ports(subject: &Subject<'_>, found: &mut Findings) {
    let Some(listeners) = &subject.facts.listeners else {
        subject.note(found, Check::Ports, "which of its ports are in use is not known");
        return;
    };
    // By the program that holds them: its ports, and whether they are to be its own.
    let mut held: BTreeMap<(&str, bool), BTreeSet<u16>> = BTreeMap::new();
    for listener in listeners {
        let wanted =
            |port: &&Port| port.number == listener.port && port.who.is(subject.node, subject.inventory);
        if let Some(port) = PORTS.iter().find(wanted) {
            let is_own = port.owner == listener.program;
            held.entry((&listener.program, is_own)).or_default().insert(listener.port);
        }
    }
    for ((program, is_own), ports) in held {
        let listed = ports.iter().map(u16::to_string).collect::<Vec<_>>().join(", ");
        let ports =
            if ports.len() == 1 { format!("port {listed} is") } else { format!("ports {listed} are") };
        match (is_own, subject.standing) {
            // It is a part of a cluster, and these are its own.
            (true, Standing::Member { .. }) => {}
            (true, Standing::Leftovers { .. }) => {
                let fact = format!("{ports} in use by {program}, which was left there and runs");
                subject.warn(found, Check::Ports, fact, "`kubeadm reset` there ends it");
            }
            (true, _) => {
                let fact = format!("{ports} in use by {program}, and nothing of kubeadm is there");
                subject.fatal(
                    found,
                    Check::Ports,
                    fact,
                    format!("see what starts {program} there, and end it"),
                );
            }
            (false, _) if program.is_empty() => {
                let fact = format!("{ports} in use, and it is not known by what");
                let remedy = "see `ss -ltnp` there as root, and free it";
                found.add(Some(&subject.node.name), Check::Ports, subject.before_joining(), fact, remedy);
            }
            (false, _) => {
                let remedy = format!("have {program} listen elsewhere, or stop it");
                subject.fatal(found, Check::Ports, format!("{ports} in use by {program}"), remedy);
            }
        }
    }
}

fn endpoint(subject: &Subject<'_>, found: &mut Findings) {
    let Some(name) = endpoint_name(subject.inventory) else { return };
    let remedy = format!("give {name} an address in DNS, or in /etc/hosts on every host");
    match subject.facts.names.get(&name) {
        Some(Lookup::Found(_)) => {}
        Some(Lookup::Unknown) => {
            let fact = format!("{name}, by which the API is reached, has no address there");
            subject.fatal(found, Check::Dns, fact, remedy);
        }
        Some(Lookup::Late) => {
            let fact = format!("looking up {name}, by which the API is reached, took more than 5 seconds");
            subject.fatal(found, Check::Dns, fact, "see /etc/resolv.conf there: does that server answer?");
        }
        None => subject.note(found, Check::Dns, format!("whether {name} can be looked up is not known")),
    }
}
