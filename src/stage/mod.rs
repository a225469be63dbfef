//! Procedures that need several steps: a pure function of what is observed to the next stage. Nothing is remembered that
//! cannot be observed, so a run that was interrupted resumes by being run again, from any machine.
//!
//! The first procedure is that of the certificates that kubelets serve with: every kubelet has one of the cluster's CA, and
//! only then the API servers trust no other kubelets. Until then logs and exec would break for the rest. It has one stage of
//! its own, in which no static pod is touched; the flag comes with whatever the API servers are restarted for next.
//!
//! The second is the first enabling of encryption at rest with several API servers. Each of them must be able
//! to read the key before any of them writes with it, otherwise it answers 500 for what another one wrote
//! (<https://kubernetes.io/docs/tasks/administer-cluster/encrypt-data/>). So there are three stages: every API server
//! reads (`identity` first), every API server writes (the key first), every stored value is written again.

mod config;
mod encryption;
mod hosts;
mod observed;
mod scope;
mod serving;

pub use config::{EncryptionConfig, EncryptionConfigError, Provider};
pub use encryption::next;
pub use hosts::hosts_title;
pub use observed::{ControlPlane, EncryptionFile, EncryptionState, flag};
pub use scope::Scope;
pub use serving::{
    Served, ServingInput, ServingNode, ServingState, ServingStep, ServingWish, judge, serving, shortcoming,
};

use crate::desired::EncryptionPhase;
use crate::error::Hint;
use crate::inventory::{EncryptionProvider, NodeName};
use crate::plan::{ClusterOperation, Gate, StageTitle};
use crate::resource::{ClusterObserved, NodePath};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that the next stage depends on.
#[derive(Debug, Clone)]
pub struct StageInput<'a> {
    /// The encryption that is wanted; `None` where harden does not touch it.
    pub goal: Option<EncryptionGoal>,
    /// Every control-plane node of the inventory.
    pub control_planes: Vec<ControlPlane>,
    /// The running cluster; `None` where there is none (directory trees) or it cannot be read.
    pub cluster: Option<&'a ClusterObserved>,
}

/// The encryption that is wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptionGoal {
    /// The provider.
    pub provider: EncryptionProvider,
    /// The name of the key, which is stored with each value.
    pub key: String,
    /// SHA-256 of the key as it stands in the file (base64), hexadecimal; `None` while it is yet to be made.
    pub key_sha256: Option<String>,
    /// The resources, `secrets`.
    pub resources: BTreeSet<String>,
    /// Where the encryption config is.
    pub path: NodePath,
}

impl EncryptionGoal {
    /// The provider as the encryption config names it.
    pub fn provider_name(&self) -> &'static str {
        match self.provider {
            EncryptionProvider::Secretbox => "secretbox",
            EncryptionProvider::Aescbc => "aescbc",
            EncryptionProvider::None => "identity",
        }
    }

    /// What every value in etcd that is written with the key begins with.
    pub fn prefix(&self) -> String {
        format!("k8s:enc:{}:v1:{}:", self.provider_name(), self.key)
    }
}

/// The next stage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    /// Its name and title.
    pub title: StageTitle,
    /// The stages after it.
    pub remaining: Vec<StageTitle>,
    /// Which resources it is about.
    pub scope: Scope,
    /// The encryption config of each control-plane node in this stage; empty where harden does not touch encryption.
    pub encryption: BTreeMap<NodeName, EncryptionPhase>,
    /// What must hold before the stage counts as done.
    pub gates: Vec<Gate>,
    /// What is done through the API, after the gates.
    pub operations: Vec<ClusterOperation>,
}

/// Why there is no next stage: going on could make stored values unreadable.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The encryption config on a node is not harden's.
    #[error("{node}: {path} is not an encryption config of harden's: {reason}")]
    ForeignConfig {
        /// The node.
        node: NodeName,
        /// The file.
        path: NodePath,
        /// What is foreign in it.
        reason: String,
    },
    /// The encryption config on a node cannot be understood.
    #[error("{node}: {path} cannot be judged: {reason}")]
    UnreadableConfig {
        /// The node.
        node: NodeName,
        /// The file.
        path: NodePath,
        /// Why.
        reason: String,
    },
    /// The API server of a node uses another file.
    #[error("{node}: its API server has the encryption config {found}, not {path}")]
    OtherPath {
        /// The node.
        node: NodeName,
        /// The file that it uses.
        found: String,
        /// The file that harden manages.
        path: NodePath,
    },
    /// The key of that name has another value on a node than in the store.
    #[error("{node}: the key `{key}` is not the one in the store")]
    KeyDiffers {
        /// The node.
        node: NodeName,
        /// The key's name.
        key: String,
    },
    /// etcd holds values that were written with a key nobody here knows.
    #[error("etcd holds {count} {resource} written with `{prefix}`, which is not the key of this inventory")]
    StoredWithOtherKey {
        /// The resource.
        resource: String,
        /// What the values begin with.
        prefix: String,
        /// How many there are.
        count: usize,
    },
}

impl Hint for Refusal {
    fn hint(&self) -> Option<String> {
        Some(String::from(match self {
            Self::ForeignConfig { .. } | Self::OtherPath { .. } | Self::StoredWithOtherKey { .. } => {
                "set `provider = \"none\"` under [encryption] to leave encryption to whoever set it up, or decrypt everything first"
            }
            Self::UnreadableConfig { .. } => "write the file in block style, one `name: value` a line",
            Self::KeyDiffers { .. } => {
                "restore the store that holds this cluster's key; another key of the same name makes its Secrets unreadable"
            }
        }))
    }
}
