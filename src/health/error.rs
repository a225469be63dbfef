//! Why a gate could not be asked, and why waiting for one ended.

use crate::cluster::ClusterError;
use crate::error::{Hint, Severity};
use crate::inventory::NodeName;
use crate::remote::RemoteError;
use std::fmt;
use std::time::Duration;

/// The unit that is etcd where no kubelet runs it.
const ETCD_UNIT: &str = "etcd.service";

/// Why a node or the cluster could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum HealthError {
    /// The node could not be talked to.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The cluster did not answer, or answered no.
    #[error(transparent)]
    Cluster(#[from] ClusterError),
    /// There is no session to the node.
    #[error("ask node {node}: there is no session to it")]
    NoSession {
        /// Which node.
        node: NodeName,
    },
    /// The node is not a control-plane node.
    #[error("ask the API server of {node}: it is not a control-plane node")]
    NoApiServer {
        /// Which node.
        node: NodeName,
    },
    /// The node has no etcd member.
    #[error("ask the etcd member of {node}: there are no etcd certificates on it")]
    NoEtcd {
        /// Which node.
        node: NodeName,
    },
    /// A question needs some API server, and no control-plane node can be asked.
    #[error("ask the API about node {node}: there is no session to any control-plane node")]
    NoControlPlane {
        /// Which node the question is about.
        node: NodeName,
    },
    /// There is no running cluster among the nodes.
    #[error("ask the cluster: there is no session to a control-plane node of a running cluster")]
    NoCluster,
    /// The kubelet does not speak TLS.
    #[error("ask the kubelet of {node} for its certificate: {source}")]
    Handshake {
        /// Which node.
        node: NodeName,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A component does not answer what the kubelet asks it.
    #[error("ask {probe} on {node}: {source}")]
    Probe {
        /// Which node.
        node: NodeName,
        /// The port and the path.
        probe: String,
        /// What went wrong.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A certificate of the node cannot be read.
    #[error("judge the certificate of the kubelet of {node}")]
    Certificate {
        /// Which node.
        node: NodeName,
        /// Why.
        source: crate::pki::PkiError,
    },
    /// A script on the node did not find what it was sent for.
    #[error("{attempt} on {node}: {reason}")]
    Script {
        /// Which node.
        node: NodeName,
        /// What was attempted.
        attempt: String,
        /// What it found instead.
        reason: String,
    },
}

impl HealthError {
    /// What it means for the rest of the run.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Remote(error) => error.severity(),
            Self::Cluster(error) => error.severity(),
            _ => Severity::Node,
        }
    }
}

impl Hint for HealthError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Remote(error) => error.hint(),
            Self::Cluster(error) => error.hint(),
            Self::NoEtcd { .. } => {
                Some(String::from("give the role etcd only to nodes on which a member runs"))
            }
            _ => None,
        }
    }
}

/// Why waiting for gates ended without them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GateError {
    /// A gate did not hold in time.
    #[error("gate `{gate}` on {node} did not hold within {} s: {last}{}", deadline.as_secs(), LastWords(said))]
    Timeout {
        /// Which node it looks at.
        node: NodeName,
        /// The gate's title.
        gate: String,
        /// Its deadline.
        deadline: Duration,
        /// What the last poll saw.
        last: String,
        /// The last lines of the log of the container that it is about, where one was started meanwhile.
        said: Vec<String>,
    },
    /// All gates held at some time, and never all of them long enough together.
    #[error("gate `{gate}` on {node} does not stay: {last} (after {} s){}", elapsed.as_secs(), LastWords(said))]
    Unstable {
        /// Which node it looks at.
        node: NodeName,
        /// The gate's title.
        gate: String,
        /// How long was waited.
        elapsed: Duration,
        /// What the last poll saw.
        last: String,
        /// The last lines of the log of the container that it is about, where one was started meanwhile.
        said: Vec<String>,
    },
    /// The container of a static pod ends soon after each start.
    #[error(
        "{component} on {node} crashes: it was started {starts} times within {} s and ended each time{}",
        elapsed.as_secs(),
        LastWords(said)
    )]
    Crashes {
        /// Which node.
        node: NodeName,
        /// The component.
        component: String,
        /// How often it was started.
        starts: usize,
        /// How long was waited.
        elapsed: Duration,
        /// The last lines of its log.
        said: Vec<String>,
    },
    /// The user interrupted it.
    #[error("waiting for gates on {node} was interrupted")]
    Cancelled {
        /// The node of a gate that did not hold.
        node: NodeName,
    },
}

impl GateError {
    /// The node that the gate looks at.
    pub fn node(&self) -> &NodeName {
        match self {
            Self::Timeout { node, .. }
            | Self::Unstable { node, .. }
            | Self::Crashes { node, .. }
            | Self::Cancelled { node } => node,
        }
    }

    /// With the last lines of the log of what was waited for.
    pub(super) fn with_words(mut self, words: impl FnOnce() -> Vec<String>) -> Self {
        if let Self::Timeout { said, .. } | Self::Unstable { said, .. } = &mut self {
            *said = words();
        }
        self
    }
}

impl Hint for GateError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Timeout { node, gate, .. } | Self::Unstable { node, gate, .. }
                if gate.contains(ETCD_UNIT) =>
            {
                Some(format!("look at `journalctl -u {ETCD_UNIT}` on {node}"))
            }
            Self::Timeout { node, .. } | Self::Unstable { node, .. } => Some(format!(
                "look at `crictl ps -a`, the logs below /var/log/pods and `journalctl -u kubelet` on {node}"
            )),
            Self::Crashes { node, component, .. } => Some(format!(
                "put right what it says, and plan again; all of it is below /var/log/pods/kube-system_{component}-{node}_* on {node}"
            )),
            Self::Cancelled { .. } => {
                Some(String::from("apply again when it suits you: it goes on where it was stopped"))
            }
        }
    }
}

/// The lines of a log, at the end of a message.
struct LastWords<'a>(&'a [String]);

impl fmt::Display for LastWords<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.0.is_empty() {
            f.write_str("; its log ends with:")?;
        }
        self.0.iter().try_for_each(|line| write!(f, "\n  {line}"))
    }
}
