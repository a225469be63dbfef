//! Taints of a node, as kubectl writes them: `dedicated=gpu:NoSchedule`.

use serde::Serialize;
use std::fmt;

/// A taint: what does not tolerate it is not scheduled on the node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Taint {
    /// Its key.
    pub key: String,
    /// Its value; often empty.
    pub value: String,
    /// What it does.
    pub effect: TaintEffect,
}

/// What a taint does to pods that do not tolerate it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum TaintEffect {
    /// New ones are not scheduled on the node.
    NoSchedule,
    /// New ones are scheduled elsewhere where that is possible.
    PreferNoSchedule,
    /// Those that run are evicted as well.
    NoExecute,
}

impl TaintEffect {
    /// All effects.
    pub(super) const ALL: [Self; 3] = [Self::NoSchedule, Self::PreferNoSchedule, Self::NoExecute];
}

impl fmt::Display for TaintEffect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // As Kubernetes writes them.
        fmt::Debug::fmt(self, f)
    }
}

impl fmt::Display for Taint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, value, effect } = self;
        if value.is_empty() { write!(f, "{key}:{effect}") } else { write!(f, "{key}={value}:{effect}") }
    }
}
