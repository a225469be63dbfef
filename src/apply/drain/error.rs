//! Why a node was not drained.

use crate::error::Hint;
use crate::health::HealthError;
use crate::inventory::NodeName;
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

/// Pods that are named; the others are counted.
const NAMED: usize = 3;

/// Why a node was not drained. Nothing was changed on it.
#[derive(Debug, thiserror::Error)]
pub enum DrainError {
    /// Pods would lose what nobody brings back; none was evicted.
    #[error("evict the pods of {node}: {}", Listed(pods))]
    Refused {
        /// Which node.
        node: NodeName,
        /// Which pods, and why.
        pods: Vec<Unevictable>,
    },
    /// Not all pods were gone in time.
    #[error("evict the pods of {node}: after {} s {}", tried.as_secs(), Listed(pods))]
    Deadline {
        /// Which node.
        node: NodeName,
        /// How long it was tried.
        tried: Duration,
        /// The pods that are left, and why.
        pods: Vec<Remaining>,
    },
    /// The API does not know the node.
    #[error("cordon {node}: the API knows no node of that name")]
    NotJoined {
        /// Which node.
        node: NodeName,
    },
    /// The API did not answer, or answered no.
    #[error("drain {node}")]
    Asked {
        /// Which node.
        node: NodeName,
        /// What was asked, and what came of it.
        source: Box<HealthError>,
    },
    /// The user interrupted it.
    #[error("draining {node} was interrupted")]
    Cancelled {
        /// Which node.
        node: NodeName,
    },
}

/// A pod that may not be evicted as the inventory stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unevictable {
    /// Its namespace and name.
    pub pod: String,
    /// What would be lost.
    pub reason: String,
    /// The key under `[apply.drain]` that allows it.
    pub setting: &'static str,
}

/// A pod that was not gone in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remaining {
    /// Its namespace and name.
    pub pod: String,
    /// The namespace and name of the `PodDisruptionBudget` that does not allow its eviction, where that is why.
    pub budget: Option<String>,
    /// Why, in words.
    pub reason: String,
}

impl fmt::Display for Unevictable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} would be lost ({})", self.pod, self.reason)
    }
}

impl fmt::Display for Remaining {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.budget {
            Some(budget) => {
                write!(f, "{} is kept by the PodDisruptionBudget {budget} ({})", self.pod, self.reason)
            }
            None => write!(f, "{} is still there ({})", self.pod, self.reason),
        }
    }
}

struct Listed<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for Listed<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.iter().take(NAMED).enumerate() {
            let between = if index == 0 { "" } else { "; " };
            write!(f, "{between}{item}")?;
        }
        match self.0.len().saturating_sub(NAMED) {
            0 => Ok(()),
            more => write!(f, "; and {more} more"),
        }
    }
}

impl DrainError {
    pub(super) fn asked(node: &NodeName, source: HealthError) -> Self {
        Self::Asked { node: node.clone(), source: Box::new(source) }
    }
}

impl Hint for DrainError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Refused { pods, .. } => {
                let settings: BTreeSet<&str> = pods.iter().map(|pod| pod.setting).collect();
                let settings: Vec<String> =
                    settings.into_iter().map(|setting| format!("`{setting} = true`")).collect();
                Some(format!(
                    "move them elsewhere yourself, or write {} under [apply.drain] where they may be lost",
                    settings.join(" and ")
                ))
            }
            Self::Deadline { pods, .. } if pods.iter().any(|pod| pod.budget.is_some()) => Some(String::from(
                "see `kubectl get pdb -A`: it takes more replicas elsewhere, or a longer `deadline` under [apply.drain]",
            )),
            Self::Deadline { node, .. } => Some(format!(
                "see `kubectl get pods -A --field-selector spec.nodeName={node}`, or write a longer `deadline` under [apply.drain]"
            )),
            Self::NotJoined { .. } => {
                Some(String::from("give the node the name in the inventory that `kubectl get nodes` shows"))
            }
            Self::Asked { source, .. } => Some(source.hint().unwrap_or_else(|| {
                String::from(
                    "nothing was changed there: see whether the API servers answer, then apply again",
                )
            })),
            Self::Cancelled { .. } => {
                Some(String::from("apply again when it suits you: nothing was changed there"))
            }
        }
    }
}
