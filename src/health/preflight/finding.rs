//! What preflights say: refusals and notices, and how the ones become the others.

use crate::inventory::NodeName;
use serde::Serialize;
use std::fmt;

/// A kind of fact that is looked at before a cluster is changed. The names are what `--skip-preflight` takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Preflight {
    /// Kubernetes nodes are Ready and under no pressure
    Nodes,
    /// etcd's members are healthy, and one of them can be spared
    Etcd,
    /// The clocks agree within 30 seconds
    Clocks,
    /// There is room for back-ups and new files
    Disk,
    /// Images of what restarts are on their nodes
    Images,
    /// Certificates that the run needs outlast it
    Certificates,
}

impl Preflight {
    /// Its name, as `--skip-preflight` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Nodes => "nodes",
            Self::Etcd => "etcd",
            Self::Clocks => "clocks",
            Self::Disk => "disk",
            Self::Images => "images",
            Self::Certificates => "certificates",
        }
    }
}

impl fmt::Display for Preflight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A fact that speaks against changing the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Its kind.
    pub preflight: Preflight,
    /// The node that it is about; `None` for the cluster, or for this machine.
    pub node: Option<NodeName>,
    /// The fact.
    pub fact: String,
    /// What to do about it.
    pub remedy: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.preflight)?;
        if let Some(node) = &self.node {
            write!(f, ", {node}")?;
        }
        write!(f, ": {}", self.fact)
    }
}

/// What preflights say of a cluster.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Findings {
    /// What speaks against changing it.
    pub refusals: Vec<Refusal>,
    /// What does not, and should be known.
    notices: Vec<(Option<NodeName>, String)>,
}

/// Names of nodes in a notice; of more there is only the number.
const NAMES_SHOWN: usize = 5;

impl Findings {
    pub(super) fn refuse(
        &mut self,
        preflight: Preflight,
        node: Option<&NodeName>,
        fact: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        self.refusals.push(Refusal {
            preflight,
            node: node.cloned(),
            fact: fact.into(),
            remedy: remedy.into(),
        });
    }

    pub(super) fn note(&mut self, node: Option<&NodeName>, text: impl Into<String>) {
        self.notices.push((node.cloned(), text.into()));
    }

    /// Takes out the refusals of these kinds.
    pub fn skip(&mut self, skipped: &[Preflight]) -> Vec<Refusal> {
        let (out, kept) = std::mem::take(&mut self.refusals)
            .into_iter()
            .partition(|refusal: &Refusal| skipped.contains(&refusal.preflight));
        self.refusals = kept;
        out
    }

    /// The notices, a line each; what is the same on several nodes is said once.
    pub fn notices(&self) -> Vec<String> {
        let mut grouped: Vec<(&str, Vec<&NodeName>)> = Vec::new();
        for (node, text) in &self.notices {
            match grouped.iter_mut().find(|(known, _)| known == text) {
                Some((_, nodes)) => nodes.extend(node),
                None => grouped.push((text, node.iter().collect())),
            }
        }
        let said = |(text, nodes): (&str, Vec<&NodeName>)| {
            let names: Vec<&str> = nodes.iter().take(NAMES_SHOWN).map(|node| node.as_str()).collect();
            match nodes.len() {
                0 => text.to_owned(),
                count if count > NAMES_SHOWN => {
                    format!("{} and {} more: {text}", names.join(", "), count - NAMES_SHOWN)
                }
                _ => format!("{}: {text}", names.join(", ")),
            }
        };
        grouped.into_iter().map(said).collect()
    }
}
