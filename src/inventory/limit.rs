//! `--limit`: which nodes a run is about.

use super::diagnostic::{nearest, shown};
use super::glob::{brackets_close, glob};
use super::{Inventory, Node, Role};
use crate::error::Hint;
use std::str::FromStr;

/// A choice of nodes: `cp-1,worker,!w-3`. Terms are node names, role names and shell globs on node names; those with
/// `!` are taken away from the others, or from all nodes if there are no others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    terms: Vec<Term>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Term {
    exclude: bool,
    pattern: String,
}

/// A choice of nodes is not sound, or does not fit the inventory.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    /// The expression, or a part between commas, is empty.
    #[error("`--limit {0}` has an empty part")]
    Empty(String),
    /// A bracket of a glob is not closed.
    #[error("`{0}` has a `[` without its `]`")]
    Bracket(String),
    /// A term matches no node.
    #[error("no node matches {} in --limit", shown(term))]
    NoMatch {
        /// The term.
        term: String,
        /// What was probably meant.
        meant: Option<String>,
    },
    /// The terms match, and together leave nothing.
    #[error("--limit leaves no node")]
    Nothing,
}

impl Hint for LimitError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoMatch { meant: Some(meant), .. } => Some(format!("did you mean `{meant}`?")),
            Self::NoMatch { .. } | Self::Empty(_) => Some(String::from(
                "name nodes, roles (control-plane, etcd, worker) or globs, separated by commas",
            )),
            Self::Bracket(_) | Self::Nothing => None,
        }
    }
}

impl Term {
    fn matches(&self, node: &Node) -> bool {
        node.roles.iter().any(|role| role.to_string() == self.pattern)
            || glob(&self.pattern, node.name.as_str())
    }
}

impl FromStr for Limit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut terms = Vec::new();
        for part in text.split(',') {
            let part = part.trim();
            let (exclude, pattern) = part.strip_prefix('!').map_or((false, part), |rest| (true, rest.trim()));
            if pattern.is_empty() {
                return Err(LimitError::Empty(text.to_owned()));
            }
            if !brackets_close(pattern) {
                return Err(LimitError::Bracket(pattern.to_owned()));
            }
            terms.push(Term { exclude, pattern: pattern.to_owned() });
        }
        Ok(Self { terms })
    }
}

impl Limit {
    /// Whether the run is about this node.
    pub fn selects(&self, node: &Node) -> bool {
        let matched = |exclude| {
            self.terms.iter().filter(move |term| term.exclude == exclude).any(|term| term.matches(node))
        };
        let only_excludes = self.terms.iter().all(|term| term.exclude);
        (only_excludes || matched(false)) && !matched(true)
    }

    /// Whether every term matches a node and at least one node is selected. A name with a typo must not turn into
    /// "nothing to do", and one after `!` must not turn into "everything".
    pub fn check(&self, inventory: &Inventory) -> Result<(), LimitError> {
        for term in &self.terms {
            if inventory.nodes.iter().any(|node| term.matches(node)) {
                continue;
            }
            let roles = Role::ALL.map(|role| role.to_string());
            let names = inventory.nodes.iter().map(|node| node.name.as_str());
            let candidates = names.chain(roles.iter().map(String::as_str));
            let meant =
                nearest(&term.pattern, candidates.filter(|name| *name != term.pattern)).map(str::to_owned);
            return Err(LimitError::NoMatch { term: term.pattern.clone(), meant });
        }
        if inventory.nodes.iter().any(|node| self.selects(node)) { Ok(()) } else { Err(LimitError::Nothing) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expressions() {
        assert_eq!("".parse::<Limit>(), Err(LimitError::Empty(String::new())));
        assert_eq!("a,,b".parse::<Limit>(), Err(LimitError::Empty(String::from("a,,b"))));
        assert_eq!("!".parse::<Limit>(), Err(LimitError::Empty(String::from("!"))));
        assert_eq!("a[1".parse::<Limit>(), Err(LimitError::Bracket(String::from("a[1"))));
        assert!("cp-1, !w-[12]".parse::<Limit>().is_ok());
    }
}
