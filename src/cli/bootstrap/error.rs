//! Why no node was made of a host, or not of all of them.

use crate::bootstrap::BootstrapError;
use crate::error::{Chain, Hint};
use crate::inventory::NodeName;
use crate::ui::{count, line};

/// Why no node was made of a host, or not of all of them.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapVerbError {
    /// Hosts could not be read.
    #[error("{} cannot be read, and nothing was changed", count(*hosts, "host"))]
    Unreachable {
        /// How many.
        hosts: usize,
    },
    /// There is a cluster already, and the store does not have its CAs.
    #[error(
        "{} {} part of a cluster already, and the store beside the inventory does not have its CAs; nothing was changed",
        nodes.join(", "),
        if nodes.len() == 1 { "is" } else { "are" }
    )]
    NotTakenOver {
        /// The nodes.
        nodes: Vec<String>,
    },
    /// A host is held by a transaction that may not be at its end.
    #[error("{host} is locked by {}, and nothing was changed", line(owner))]
    Locked {
        /// Which.
        host: NodeName,
        /// Who, from where, since when.
        owner: String,
    },
    /// Hosts are not fit for Kubernetes.
    #[error("the hosts are not fit for Kubernetes ({}, above), and nothing was changed", count(*findings, "fatal finding"))]
    Unfit {
        /// How many findings are fatal.
        findings: usize,
    },
    /// A host that is to be reset is a node, or none of the inventory.
    #[error("--reset {name}: it is not among the hosts that are no nodes yet{}", listed(known))]
    NoHost {
        /// The name.
        name: String,
        /// Those that are.
        known: Vec<String>,
    },
    /// A host was not reset.
    #[error("{host} is not blank: something of a cluster is left on it")]
    NotReset {
        /// Which.
        host: NodeName,
    },
    /// The user did not say yes.
    #[error("nothing was changed: the answer was not `yes`")]
    Declined,
    /// Hosts did not join.
    #[error("{}", failed.iter().map(|(_, error)| line(&Chain(error).to_string())).collect::<Vec<_>>().join("\n"))]
    Hosts {
        /// Which, and why.
        failed: Vec<(NodeName, BootstrapError)>,
    },
    /// The nodes have no network, and the inventory names no plugin.
    #[error(
        "the control plane is up, and its nodes are not Ready: {reason}; the inventory names no network plugin, and harden brings none"
    )]
    NoNetwork {
        /// In the kubelet's words.
        reason: String,
    },
}

fn listed(known: &[String]) -> String {
    if known.is_empty() { String::new() } else { format!(": {}", known.join(", ")) }
}

impl Hint for BootstrapVerbError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreachable { .. } => Some(String::from(
                "`harden doctor` tells what is wrong with each; leave them out with --limit '!HOST' if you must",
            )),
            Self::NotTakenOver { .. } => {
                Some(String::from("`harden pki import` takes them over; then `harden bootstrap` adds hosts"))
            }
            Self::Locked { host, .. } => Some(format!(
                "wait for that run to end; if it was killed, `harden unlock --limit {host}` puts back what it left half-done"
            )),
            Self::Unfit { .. } => {
                Some(String::from("put them right, or accept one with --skip NAME if you must"))
            }
            Self::NoHost { name, .. } => {
                Some(format!("`harden remove {name}` takes a node out of its cluster and resets its host"))
            }
            Self::NotReset { .. } | Self::Declined => None,
            Self::Hosts { failed } => failed.iter().find_map(|(_, error)| error.hint()),
            Self::NoNetwork { .. } => Some(String::from(
                "name its manifests as `cni` under [bootstrap], a file or a folder, and run `harden bootstrap` again: it goes on from here",
            )),
        }
    }
}
