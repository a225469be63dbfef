//! The report of a drift check, which is an interface: `format_version` says when a reader must change. It holds no secret.

use crate::inventory::NodeName;
use crate::plan::Action;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The version of the report's JSON form. The part before the dot changes when a reader must change.
pub const FORMAT_VERSION: &str = "2.0";

/// What one drift check found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Report {
    /// [`FORMAT_VERSION`].
    #[schemars(
        description = "The version of this format. The part before the dot changes when a reader must change."
    )]
    pub format_version: String,
    /// The version of harden that made it.
    pub harden_version: String,
    /// The cluster's name.
    pub cluster: String,
    /// When the check began, seconds since 1970.
    pub started: i64,
    /// For how long it went on, in milliseconds.
    pub milliseconds: u64,
    /// The parts of the inventory that it is about; empty where it is about all of it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shards: Vec<Shard>,
    /// Whether only a part of what is declared was looked at.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
    /// When the check began whose report this one was compared with; `None` where it was compared with none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since_last: Option<i64>,
    /// Every node that was asked, in the inventory's order.
    pub nodes: Vec<NodeReport>,
    /// Differences in the cluster's own records and objects, which are of no node.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cluster_items: Vec<Item>,
    /// Why the cluster's own records could not be read, where they should have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cluster_error: Option<String>,
    /// What the inventory says is to be ignored, and how often it was.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub ignores: Vec<Ignore>,
    /// What the user should know.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<String>,
}

/// One part of an inventory that is checked by several jobs: `3/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Shard {
    /// Which, from 1.
    pub index: u32,
    /// Of how many.
    pub of: u32,
}

/// One node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NodeReport {
    /// Which node.
    pub node: NodeName,
    /// What was found.
    #[serde(flatten)]
    pub state: NodeState,
}

/// What was found of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "state", rename_all = "kebab-case")]
pub enum NodeState {
    /// It was read.
    Read {
        /// What differs; empty where nothing does.
        items: Vec<Item>,
        /// The last apply; `None` where there never was one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        applied: Option<LastApply>,
        /// The last transaction, where it could not be put back or left its lock behind.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        failed_apply: Option<FailedApply>,
        /// Every certificate that harden manages there.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        certificates: Vec<CertificateExpiry>,
    },
    /// An apply works on it: what differs now is its doing, and was not judged.
    Busy {
        /// Who, `user@host`.
        by: String,
        /// Since when, seconds since 1970.
        since: i64,
    },
    /// It could not be read.
    Unreachable {
        /// Why.
        error: String,
        /// What to do about it, where that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        hint: Option<String>,
    },
}

/// The last apply of a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LastApply {
    /// Who, `user@host`.
    pub by: String,
    /// When, seconds since 1970 on the node's clock.
    pub at: i64,
    /// Its transaction.
    pub transaction: String,
}

/// A transaction that needs a human: `harden status` tells more, `harden unlock` helps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailedApply {
    /// Its name.
    pub transaction: String,
    /// Who began it, `user@host`.
    pub by: String,
    /// How it stands, in words.
    pub state: String,
}

/// When a certificate ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CertificateExpiry {
    /// Where it is.
    pub path: String,
    /// When it ends, seconds since 1970.
    pub not_after: i64,
}

/// Where a difference comes from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Class {
    /// It is not what was last applied: somebody changed it.
    #[default]
    Drift,
    /// The inventory or a template changed since, or it was never applied.
    Pending,
    /// Both.
    Both,
}

impl Class {
    /// Whether it is what a check fails for.
    pub fn is_drift(self) -> bool {
        matches!(self, Self::Drift | Self::Both)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Drift => "drift",
            Self::Pending => "pending",
            Self::Both => "drift and pending",
        })
    }
}

/// One thing that differs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Item {
    /// Which resource, `static-pod.kube-apiserver`.
    pub resource: String,
    /// Where the difference comes from.
    pub class: Class,
    /// What apply would do.
    pub action: Action,
    /// What a person looks for: the path, the unit, the process.
    pub subject: String,
    /// What differs, in words, one line each, most important first.
    pub what: Vec<String>,
    /// The text as it is, masked; `None` where there is none to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The text as apply would leave it, masked; `None` where there is none to show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<String>,
    /// Whether the content holds secrets, whose masked form is shown.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sensitive: bool,
    /// Since when it has been so, seconds since 1970 on the node's clock, where that can be told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<i64>,
    /// What did it, where that is recognised.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cause: Option<Cause>,
    /// Lines of the node's logs that name it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
    /// The controls that it satisfies when it is as declared, `cis-1.12:1.2.16`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub controls: Vec<String>,
    /// Set where the inventory says that it is to be ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored: Option<Ignored>,
    /// Whether the report that this one was compared with had it already.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub known: bool,
}

impl Item {
    /// Whether a check fails for it: it is drift, nobody wants it ignored, and it was not reported before where only what is new counts.
    pub fn counts(&self) -> bool {
        self.class.is_drift() && self.ignored.is_none() && !self.known
    }
}

/// What made a difference.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cause {
    /// What kind of thing.
    pub kind: CauseKind,
    /// In words: "kubeadm upgrade, 2026-11-24 08:45".
    pub text: String,
}

/// What is recognised as the cause of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CauseKind {
    /// `kubeadm upgrade` wrote manifests and configurations anew.
    KubeadmUpgrade,
    /// kubeadm renewed a certificate.
    KubeadmRenewal,
    /// A package brought its own file.
    Package,
}

/// Why a difference is to be ignored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ignored {
    /// Why, as the inventory says it.
    pub reason: String,
    /// The last day on which it is, `2027-01-31`; `None` for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<String>,
}

/// One `[[drift.ignore]]` of the inventory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ignore {
    /// The paths or resources that it is about, as the inventory names them.
    pub of: String,
    /// Why, and until when.
    #[serde(flatten)]
    pub ignored: Ignored,
    /// Whether its last day is over: what it is about is reported again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub expired: bool,
    /// How many differences it was about.
    pub count: usize,
}

/// The numbers of a report.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Summary {
    /// Differences that somebody made, which count.
    pub drift: usize,
    /// Nodes with such.
    pub drift_nodes: usize,
    /// Differences that are declared and not applied yet; one that is drift as well counts as both.
    pub pending: usize,
    /// Nodes with such.
    pub pending_nodes: usize,
    /// Drift that is to be ignored.
    pub ignored: usize,
    /// Drift that was reported before, where only what is new counts.
    pub known: usize,
    /// All nodes.
    pub of: usize,
    /// Nodes that an apply works on.
    pub busy: usize,
    /// Nodes that could not be read.
    pub unreachable: usize,
    /// Nodes whose last apply needs a human.
    pub failed_applies: usize,
}

impl Report {
    /// Every difference, with its node; `None` for the cluster itself.
    pub fn items(&self) -> impl Iterator<Item = (Option<&NodeName>, &Item)> {
        let of_nodes =
            self.nodes.iter().flat_map(|node| node.items().iter().map(|item| (Some(&node.node), item)));
        of_nodes.chain(self.cluster_items.iter().map(|item| (None, item)))
    }

    /// Whether something could not be read that may have drifted as well.
    pub fn is_incomplete(&self) -> bool {
        let unreachable = |node: &NodeReport| matches!(node.state, NodeState::Unreachable { .. });
        self.cluster_error.is_some() || self.nodes.iter().any(unreachable)
    }

    /// Counts.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary { of: self.nodes.len(), ..Summary::default() };
        for (_, item) in self.items() {
            summary.drift += usize::from(item.counts());
            summary.pending += usize::from(item.class != Class::Drift);
            summary.ignored += usize::from(item.class.is_drift() && item.ignored.is_some());
            summary.known += usize::from(item.class.is_drift() && item.ignored.is_none() && item.known);
        }
        for node in &self.nodes {
            summary.drift_nodes += usize::from(node.items().iter().any(Item::counts));
            summary.pending_nodes += usize::from(node.items().iter().any(|item| item.class != Class::Drift));
            match &node.state {
                NodeState::Busy { .. } => summary.busy += 1,
                NodeState::Unreachable { .. } => summary.unreachable += 1,
                NodeState::Read { failed_apply, .. } => {
                    summary.failed_applies += usize::from(failed_apply.is_some());
                }
            }
        }
        summary
    }
}

impl NodeReport {
    /// What differs, to be marked.
    pub(super) fn items_mut(&mut self) -> &mut [Item] {
        match &mut self.state {
            NodeState::Read { items, .. } => items,
            NodeState::Busy { .. } | NodeState::Unreachable { .. } => &mut [],
        }
    }

    /// What differs; nothing of a node that was not judged.
    pub fn items(&self) -> &[Item] {
        match &self.state {
            NodeState::Read { items, .. } => items,
            NodeState::Busy { .. } | NodeState::Unreachable { .. } => &[],
        }
    }
}
