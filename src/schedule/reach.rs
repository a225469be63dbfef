//! Which addresses a run connects to itself: those of the nodes, or of the bastion in front of them. What lies behind a bastion
//! is reached from there.

use crate::inventory::{Connection, Inventory, NodeName, SshSettings};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What a run connects to itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct FirstHops {
    /// By port, in ascending order.
    pub ports: Vec<PortHops>,
    /// Nodes that are file trees of the machine that runs it.
    pub local: Vec<NodeName>,
}

/// What is reached on one port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PortHops {
    /// The port.
    pub port: u16,
    /// Addresses, each as a network of its own: `192.0.2.1/32`.
    pub networks: Vec<String>,
    /// Hosts that the inventory names by their DNS name: a NetworkPolicy knows no names.
    pub names: Vec<String>,
}

/// The first hosts on the way to every node.
pub fn first_hops(inventory: &Inventory) -> FirstHops {
    let mut by_port: BTreeMap<u16, BTreeSet<&str>> = BTreeMap::new();
    let mut local = Vec::new();
    for node in &inventory.nodes {
        match &node.connection {
            Connection::Ssh(settings) => {
                let first: &SshSettings = settings.bastions.first().unwrap_or(settings);
                by_port.entry(first.port).or_default().insert(&first.host);
            }
            Connection::Local { .. } => local.push(node.name.clone()),
        }
    }
    FirstHops { ports: by_port.into_iter().map(|(port, hosts)| sorted(port, &hosts)).collect(), local }
}

fn sorted(port: u16, hosts: &BTreeSet<&str>) -> PortHops {
    let mut addresses = Vec::new();
    let mut names = Vec::new();
    for host in hosts {
        match host.parse::<IpAddr>() {
            Ok(address) => addresses.push(address),
            Err(_) => names.push((*host).to_owned()),
        }
    }
    addresses.sort_unstable();
    let network = |address: &IpAddr| format!("{address}/{}", if address.is_ipv4() { 32 } else { 128 });
    PortHops { port, networks: addresses.iter().map(network).collect(), names }
}
