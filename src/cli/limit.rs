//! `--limit`: which nodes are changed. The others are read all the same where quorum depends on them.

use crate::error::Hint;
use crate::inventory::{Node, NodeName, Role};
use std::collections::BTreeSet;
use std::str::FromStr;

/// Names and roles, some of them left out: `cp-1,worker,!w-3`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    name: String,
    leaves_out: bool,
}

/// A limit means no node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// A part of it is empty.
    #[error("`{0}` has an empty part; a limit looks like `cp-1,worker,!w-3`")]
    Empty(String),
    /// A part of it names neither a node nor a role.
    #[error("limit to `{name}`: there is no such node or role")]
    Unknown {
        /// The part.
        name: String,
        /// The name that is nearest to it.
        near: Option<String>,
    },
    /// What it names is left out again.
    #[error("the limit leaves out every node")]
    NoNode,
}

impl Hint for LimitError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { near: Some(near), .. } => Some(format!("did you mean `{near}`?")),
            Self::Unknown { near: None, .. } | Self::Empty(_) | Self::NoNode => None,
        }
    }
}

impl FromStr for Limit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let term = |part: &str| {
            let part = part.trim();
            let (name, leaves_out) = match part.strip_prefix('!') {
                Some(name) => (name, true),
                None => (part, false),
            };
            if name.is_empty() {
                return Err(LimitError::Empty(text.to_owned()));
            }
            Ok(Term { name: name.to_owned(), leaves_out })
        };
        Ok(Self { terms: text.split(',').map(term).collect::<Result<_, _>>()? })
    }
}

/// A role by its name, in the singular or the plural.
fn role(name: &str) -> Option<Role> {
    match name {
        "control-plane" | "control-planes" => Some(Role::ControlPlane),
        "etcd" => Some(Role::Etcd),
        "worker" | "workers" => Some(Role::Worker),
        _ => None,
    }
}

impl Limit {
    /// The nodes it selects; at least one. Where every part leaves out, the rest is selected.
    pub fn select(&self, nodes: &[Node]) -> Result<BTreeSet<NodeName>, LimitError> {
        let mut selected = BTreeSet::new();
        if self.terms.iter().all(|term| term.leaves_out) {
            selected.extend(nodes.iter().map(|node| node.name.clone()));
        }
        for term in self.terms.iter().filter(|term| !term.leaves_out) {
            selected.extend(named(&term.name, nodes)?);
        }
        for term in self.terms.iter().filter(|term| term.leaves_out) {
            for name in named(&term.name, nodes)? {
                selected.remove(&name);
            }
        }
        if selected.is_empty() { Err(LimitError::NoNode) } else { Ok(selected) }
    }
}

/// The nodes of a name or role. A node's name goes first: it is unique, a role is a habit.
fn named(name: &str, nodes: &[Node]) -> Result<Vec<NodeName>, LimitError> {
    let is_named = |node: &&Node| node.name.as_str() == name;
    let role = role(name).filter(|_| !nodes.iter().any(|node| is_named(&node)));
    let found: Vec<_> = nodes
        .iter()
        .filter(|node| is_named(node) || role.is_some_and(|role| node.roles.contains(&role)))
        .map(|node| node.name.clone())
        .collect();
    if !found.is_empty() || role.is_some() {
        return Ok(found);
    }
    let near = nodes
        .iter()
        .map(|node| node.name.as_str())
        .chain(["control-plane", "etcd", "worker"])
        .map(|known| (strsim::damerau_levenshtein(name, known), known))
        .filter(|(distance, _)| *distance <= 2)
        .min()
        .map(|(_, known)| known.to_owned());
    Err(LimitError::Unknown { name: name.to_owned(), near })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::Connection;
    use std::collections::BTreeMap;

    fn node(name: &str, role: Role) -> Node {
        Node {
            name: NodeName(name.to_owned()),
            address: String::from("192.0.2.1"),
            roles: BTreeSet::from([role]),
            labels: BTreeMap::new(),
            connection: Connection::Local { root: "/".into() },
        }
    }

    fn select(limit: &str) -> Result<String, LimitError> {
        let nodes =
            [node("cp-1", Role::ControlPlane), node("cp-2", Role::ControlPlane), node("w-1", Role::Worker)];
        let selected = limit.parse::<Limit>()?.select(&nodes)?;
        Ok(selected.iter().map(NodeName::as_str).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn names_and_roles_are_added_and_left_out() {
        assert_eq!(select("cp-2").unwrap(), "cp-2");
        assert_eq!(select("workers,cp-1").unwrap(), "cp-1 w-1");
        assert_eq!(select("!cp-1").unwrap(), "cp-2 w-1");
        assert_eq!(select("!cp-1, control-plane").unwrap(), "cp-2");
    }

    #[test]
    fn what_means_nothing_is_an_error() {
        assert_eq!(select("cp-1,!cp-1"), Err(LimitError::NoNode));
        assert_eq!(select("cp-1,,w-1"), Err(LimitError::Empty(String::from("cp-1,,w-1"))));
        let error = select("wroker").unwrap_err();
        assert_eq!(error.hint().unwrap(), "did you mean `worker`?");
        assert_eq!(select("elsewhere").unwrap_err().hint(), None);
    }
}
