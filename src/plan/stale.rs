//! Whether a plan still fits what is on the nodes.

use super::{Operation, Plan, Prior};
use crate::inventory::NodeName;
use crate::resource::{FileState, NodePath, Observed};
use std::collections::BTreeMap;
use std::fmt;

/// A path that is not as the plan saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stale {
    /// On which node.
    pub node: NodeName,
    /// Where.
    pub path: NodePath,
    /// What the plan saw.
    pub expected: Prior,
    /// What is there now; `None` where that cannot be told.
    pub found: Option<Prior>,
}

impl fmt::Display for Stale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} was {}, and is ", self.node, self.path, self.expected)?;
        match &self.found {
            Some(found) => write!(f, "{found}"),
            None => f.write_str("unknown"),
        }
    }
}

impl fmt::Display for Prior {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absent => f.write_str("absent"),
            Self::Present { sha256, mode, owner, group } => {
                let short = sha256.get(..12).unwrap_or(sha256);
                write!(f, "{owner}:{group} {mode}")?;
                if short.is_empty() { Ok(()) } else { write!(f, " {short}…") }
            }
        }
    }
}

impl Operation {
    /// The path that it changes and what the plan saw there; `None` for changes of the running system.
    pub fn prior(&self) -> Option<(&NodePath, &Prior)> {
        match self {
            Self::Write { path, prior, .. }
            | Self::Remove { path, prior }
            | Self::Restore { path, prior, .. }
            | Self::SetAttributes { path, prior, .. } => Some((path, prior)),
            Self::Issue { certificate, prior, .. } => Some((&certificate.path, prior)),
            Self::AddUser { .. }
            | Self::StopPod { .. }
            | Self::SetOwners { .. }
            | Self::RemoveDirectory { .. }
            | Self::Validate { .. }
            | Self::Activate { .. }
            | Self::SetSysctls { .. }
            | Self::SetUnit { .. } => None,
        }
    }
}

impl Plan {
    /// Every path that changed since the plan was made. A node that was not observed again makes all its paths stale.
    pub fn stale(&self, observed: &BTreeMap<NodeName, Observed>) -> Vec<Stale> {
        let mut stale = Vec::new();
        for (node, change) in self.changes() {
            for (path, expected) in change.operations.iter().filter_map(Operation::prior) {
                let found = observed.get(node).and_then(|observed| found(observed, path));
                if found.as_ref() != Some(expected) {
                    stale.push(Stale {
                        node: node.clone(),
                        path: path.clone(),
                        expected: expected.clone(),
                        found,
                    });
                }
            }
        }
        stale
    }
}

fn found(observed: &Observed, path: &NodePath) -> Option<Prior> {
    match observed.files.get(path)? {
        FileState::Absent => Some(Prior::Absent),
        FileState::Present(file) => Some(super::diff::prior(Some(file))),
        FileState::Unknown(_) => None,
    }
}
