//! Why a host did not become a node.

use crate::error::Hint;
use crate::health::{GateError, HealthError};
use crate::inventory::NodeName;

/// Why a host did not become a node.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// kubeadm failed there.
    #[error("{attempt} on {node}: {message}")]
    Kubeadm {
        /// Which host.
        node: NodeName,
        /// What was attempted.
        attempt: &'static str,
        /// The last that kubeadm said.
        message: String,
    },
    /// It could not be talked to.
    #[error("{attempt} on {node}")]
    Remote {
        /// Which host.
        node: NodeName,
        /// What was attempted.
        attempt: &'static str,
        /// Why.
        source: Box<HealthError>,
    },
    /// It joined, and is not healthy.
    #[error("prove {node} healthy after it has joined")]
    Gate {
        /// Which host.
        node: NodeName,
        /// Which gate, and what it saw last.
        source: Box<GateError>,
    },
    /// Its etcd member did not become one of those that run.
    #[error("{attempt} on {node}: {reason}")]
    Member {
        /// Which host.
        node: NodeName,
        /// What was attempted.
        attempt: &'static str,
        /// What was seen last.
        reason: String,
    },
    /// The API could not be told something of it.
    #[error("label and taint {node}")]
    Node {
        /// Which.
        node: NodeName,
        /// Why.
        source: Box<HealthError>,
    },
    /// The user asked to stop.
    #[error("interrupted before {node}")]
    Interrupted {
        /// Which host was next.
        node: NodeName,
    },
}

impl Hint for BootstrapError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Kubeadm { node, .. } => Some(format!(
                "put that right and run `harden bootstrap` again: it goes on with {node}; `--reset {node}` makes a blank host of it first"
            )),
            Self::Remote { .. } | Self::Interrupted { .. } => Some(String::from(
                "run `harden bootstrap` again: it looks at what is there and goes on from that",
            )),
            Self::Member { node, .. } => Some(format!(
                "see `etcdctl member list` and `etcdctl endpoint health --cluster` (`harden remove NODE` takes out a member that is lost, that \
                 of {node} too), then run `harden bootstrap` again: it goes on with {node}"
            )),
            Self::Gate { source, .. } => source.hint(),
            Self::Node { source, .. } => source.hint(),
        }
    }
}
