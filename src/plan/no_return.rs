//! The changes that nothing takes back: what a person must have accepted by name before they are made.

use super::{Action, Change, Plan};
use crate::inventory::NodeName;
use crate::resource::{ResourceId, Undo};
use serde::Serialize;

/// A change that nothing takes back, once for all nodes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct NoReturn {
    /// Which resource: what is accepted.
    pub resource: ResourceId,
    /// What a person looks for: the path, the object.
    pub subject: String,
    /// Why it cannot be undone.
    pub reason: String,
    /// On which nodes; none where it is a change of the cluster itself.
    pub nodes: Vec<NodeName>,
}

impl Plan {
    /// The changes that nothing takes back, in the plan's order, each resource once.
    pub fn no_return(&self) -> Vec<NoReturn> {
        let mut found: Vec<NoReturn> = Vec::new();
        for (node, change) in self.changes().filter(|(_, change)| change.undo == Undo::None) {
            match found.iter_mut().find(|other| other.resource == change.resource) {
                Some(other) => other.nodes.push(node.clone()),
                None => found.push(NoReturn {
                    resource: change.resource.clone(),
                    subject: change.subject.clone(),
                    reason: reason(change).to_owned(),
                    nodes: vec![node.clone()],
                }),
            }
        }
        let of_cluster = self.cluster_changes.iter().filter(|change| change.undo == Undo::None);
        found.extend(of_cluster.map(|change| NoReturn {
            resource: change.resource.clone(),
            subject: change.subject.clone(),
            reason: DEPENDS.to_owned(),
            nodes: Vec::new(),
        }));
        found
    }
}

const DEPENDS: &str = "what is done with it from then on depends on it";

/// Copies of what is replaced are kept on the node; of what is removed on purpose none is.
fn reason(change: &Change) -> &'static str {
    match change.action {
        Action::Remove => "it is removed, and no copy of it is kept",
        Action::Add | Action::Change => DEPENDS,
    }
}
