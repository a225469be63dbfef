//! `--limit`: which nodes a run is about.

use super::diagnostic::{nearest, shown};
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
            || glob(self.pattern.as_bytes(), node.name.as_str().as_bytes())
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
            if !brackets_close(pattern.as_bytes()) {
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

/// Where the bracket expression that begins the pattern ends: the index of its `]`. A `]` that comes first is literal.
fn closing(pattern: &[u8]) -> Option<usize> {
    let first = if pattern.get(1).is_some_and(|byte| matches!(byte, b'!' | b'^')) { 2 } else { 1 };
    (first + 1..pattern.len()).find(|at| pattern[*at] == b']')
}

fn brackets_close(mut pattern: &[u8]) -> bool {
    while let Some(open) = pattern.iter().position(|byte| *byte == b'[') {
        let Some(close) = closing(&pattern[open..]) else { return false };
        pattern = &pattern[open + close + 1..];
    }
    true
}

/// A shell glob with `*`, `?` and `[…]`. Node names are ASCII, so bytes are characters.
fn glob(pattern: &[u8], name: &[u8]) -> bool {
    // Where to go on after a mismatch: behind the last star, with one byte more given to it.
    let mut retry: Option<(&[u8], &[u8])> = None;
    let (mut pattern, mut name) = (pattern, name);
    loop {
        let rest = match (pattern.first(), name.split_first()) {
            (None, None) => return true,
            (Some(b'*'), _) => {
                retry = Some((&pattern[1..], name));
                pattern = &pattern[1..];
                continue;
            }
            (Some(b'['), Some((byte, _))) => closing(pattern)
                .filter(|close| in_class(&pattern[1..*close], *byte))
                .map(|close| &pattern[close + 1..]),
            (Some(expected), Some((byte, _))) if expected == byte || *expected == b'?' => Some(&pattern[1..]),
            _ => None,
        };
        if let Some(rest) = rest {
            (pattern, name) = (rest, &name[1..]);
        } else {
            match retry {
                Some((after, from)) if !from.is_empty() => {
                    retry = Some((after, &from[1..]));
                    (pattern, name) = (after, &from[1..]);
                }
                _ => return false,
            }
        }
    }
}

fn in_class(class: &[u8], byte: u8) -> bool {
    let (negated, mut class) = match class.split_first() {
        Some((b'!' | b'^', rest)) => (true, rest),
        _ => (false, class),
    };
    let mut found = false;
    while let Some((first, rest)) = class.split_first() {
        class = rest;
        if let [b'-', last, after @ ..] = rest {
            found |= (*first..=*last).contains(&byte);
            class = after;
        } else {
            found |= *first == byte;
        }
    }
    found != negated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs() {
        for (pattern, name, expected) in [
            ("cp-*", "cp-1", true),
            ("cp-*", "w-1", false),
            ("*", "", true),
            ("*-1", "cp-1-1", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("cp-?", "cp-12", false),
            ("w-[1-3]", "w-2", true),
            ("w-[!1-3]", "w-2", false),
            ("w-[^13]", "w-2", true),
            ("w-[]-]", "w--", true),
            ("[a-]", "-", true),
            ("", "a", false),
        ] {
            assert_eq!(glob(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn expressions() {
        assert_eq!("".parse::<Limit>(), Err(LimitError::Empty(String::new())));
        assert_eq!("a,,b".parse::<Limit>(), Err(LimitError::Empty(String::from("a,,b"))));
        assert_eq!("!".parse::<Limit>(), Err(LimitError::Empty(String::from("!"))));
        assert_eq!("a[1".parse::<Limit>(), Err(LimitError::Bracket(String::from("a[1"))));
        assert!("cp-1, !w-[12]".parse::<Limit>().is_ok());
    }
}
