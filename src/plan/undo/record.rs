//! What a transaction notes on its node so that it can be taken back later, and what the node tells of it by then. Plain data.

use crate::plan::{Change, NodePlan, Operation};
use crate::resource::{Applied, AppliedResource, Content, NodePath, ResourceId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The version of [`Record`]'s form.
const VERSION: u32 = 1;

/// What a transaction did, as its plan said it. It holds no secrets: texts are masked, and contents are left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// The version of this form.
    pub format_version: u32,
    /// Its changes, in their order.
    pub changes: Vec<Change>,
    /// The systemd units that it restarted, in their order.
    pub restart_units: Vec<String>,
}

/// A record cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// It is in another form.
    #[error("it is in the form {found}, which this harden does not know")]
    Form {
        /// Which.
        found: u64,
    },
    /// It is damaged.
    #[error("it is damaged")]
    Damaged(#[source] serde_json::Error),
}

impl Record {
    /// What is noted of a node's plan.
    pub fn of(plan: &NodePlan) -> Self {
        let mut changes = plan.changes.clone();
        for operation in changes.iter_mut().flat_map(|change| &mut change.operations) {
            if let Operation::Write { content, .. } = operation {
                *content = Content::default();
            }
        }
        Self { format_version: VERSION, changes, restart_units: plan.restart_units.clone() }
    }

    /// The record as JSON.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The record that a JSON text holds.
    pub fn from_json(text: &[u8]) -> Result<Self, RecordError> {
        let value: serde_json::Value = serde_json::from_slice(text).map_err(RecordError::Damaged)?;
        match value["format_version"].as_u64() {
            Some(found) if found != u64::from(VERSION) => Err(RecordError::Form { found }),
            _ => serde_json::from_value(value).map_err(RecordError::Damaged),
        }
    }
}

/// What a node tells of a transaction that is to be taken back.
#[derive(Debug, Clone)]
pub struct Past {
    /// The transaction's name.
    pub transaction: String,
    /// What it did.
    pub record: Record,
    /// The record of what was applied, as it was before it.
    pub applied: Applied,
    /// What it keeps of each path that it changed.
    pub kept: BTreeMap<NodePath, Kept>,
    /// The directories that it made.
    pub made: Vec<NodePath>,
    /// SHA-256 of every copy that is still there, by its number.
    pub copies: BTreeMap<u32, String>,
    /// What it left at these paths; one that it left empty is not in it.
    pub left: BTreeMap<NodePath, Place>,
    /// What is there now.
    pub now: BTreeMap<NodePath, Place>,
    /// Kernel parameters that it set.
    pub sysctls: BTreeMap<String, Setting>,
    /// Whether units that it switched start at boot, in systemd's words.
    pub enabled: BTreeMap<String, Setting>,
    /// Whether they run, in systemd's words.
    pub active: BTreeMap<String, Setting>,
    /// The latest transaction after it that changed a path.
    pub later: BTreeMap<NodePath, String>,
    /// Whether the node is a running system.
    pub live: bool,
}

/// What a transaction keeps of a path as it was before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kept {
    /// Its owner, group and mode; the content was not touched.
    Attributes,
    /// Nothing was there.
    Absent,
    /// A copy, which is gone since it was private.
    Private,
    /// A copy, by its number.
    Copy(u32),
}

/// What is at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// What it is, and its permission bits, as the kernel tells them.
    pub mode: u32,
    /// The number of its owner.
    pub user: String,
    /// The number of its group.
    pub group: String,
    /// The name of its owner, or the number where there is none.
    pub user_name: String,
    /// The name of its group, or the number where there is none.
    pub group_name: String,
    /// SHA-256, hexadecimal; empty for what is no regular file or cannot be read.
    pub sha256: String,
}

/// A value of the running system.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Before the transaction.
    pub before: String,
    /// Now; empty where it cannot be told.
    pub now: String,
}

/// The transaction that a node's plan takes back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Undoes {
    /// Its name.
    pub transaction: String,
    /// What the record of what was applied said of its resources before it; `None` of those that were not in it.
    pub applied: BTreeMap<ResourceId, Option<AppliedResource>>,
}
