//! The parts of a static-pod manifest that harden owns.

use super::{ControlId, NodePath, Ownership, RunAsSpec};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The flags, mounts and annotations that we own in one manifest; the union of all templates that speak of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StaticPodSpec {
    /// The program, which is also the container's name: `kube-apiserver`.
    pub component: String,
    /// The manifest, `/etc/kubernetes/manifests/kube-apiserver.yaml`.
    pub path: NodePath,
    /// Owner, group and mode of the manifest.
    pub ownership: Ownership,
    /// The flags, at most one entry per flag name, sorted by name.
    pub flags: Vec<FlagSpec>,
    /// The host directories and files that the pod must see, sorted by name.
    pub mounts: Vec<MountSpec>,
    /// Annotations of the pod: for each file that it reads when it starts a digest of that, so that a changed file restarts
    /// the pod.
    pub annotations: BTreeMap<String, String>,
    /// The user that it runs as; `None` leaves that alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run_as: Option<RunAsSpec>,
}

/// One owned flag of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FlagSpec {
    /// Its name without dashes, `audit-log-path`.
    pub name: String,
    /// What it must be.
    pub value: FlagValue,
    /// The controls that this flag satisfies.
    pub controls: Vec<ControlId>,
    /// The templates that ask for it, of a list each for some of its items; or the inventory.
    pub templates: Vec<String>,
}

/// What a flag must be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FlagValue {
    /// Exactly once, with this value.
    Is(String),
    /// A file that somebody else makes, kubeadm as a rule: any value that is there stays, since the program runs with it; where
    /// there is none, this file, which must exist.
    Existing(NodePath),
    /// A comma-separated list, in any order; what else is in it stays. Where it is wanted for nothing but what it must
    /// not hold, it need not be there.
    List {
        /// What is in it.
        includes: Vec<String>,
        /// What is not.
        excludes: Vec<String>,
    },
    /// Not there.
    Absent,
}

/// A host path that the pod must see at the same path.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountSpec {
    /// The volume's name, unique in the pod.
    pub name: String,
    /// The path on the host, and in the container.
    pub path: NodePath,
    /// The volume's `hostPath.type`.
    #[serde(rename = "type")]
    pub mount_type: MountType,
    /// Whether the container may only read it.
    pub read_only: bool,
}

/// Kubernetes' `hostPath.type`, as far as harden uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum MountType {
    /// An existing file. An atomic replacement of it is not seen in the container: mount its directory where that matters.
    File,
    /// An existing directory.
    Directory,
    /// A directory, made with mode 0755 if need be.
    DirectoryOrCreate,
}
