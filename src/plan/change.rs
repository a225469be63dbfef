//! One change of one resource: what a person reads about it, and the operations that carry it out.

use crate::inventory::NodeName;
use crate::resource::{
    CertificateSpec, Content, ControlId, Mode, NodePath, Ownership, ResourceId, StoredPair, Undo,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One change of one resource on one node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Which resource.
    pub resource: ResourceId,
    /// What happens to it.
    pub action: Action,
    /// What a person looks for: the path, the unit, the certificate's path.
    pub subject: String,
    /// Why, beyond what the difference of the two texts shows, one line each, most important first: "mode 0644 → 0600",
    /// "SAN 10.77.0.12 is missing".
    pub reasons: Vec<String>,
    /// What the difference of the two texts shows, in words, one line each: "--profiling is missing, wanted false".
    #[serde(default)]
    pub edits: Vec<String>,
    /// What restarts because of it: systemd units by their full name, a static pod by its component.
    #[serde(default)]
    pub restarts: Vec<String>,
    /// The text as it is, masked; `None` where there is none to show.
    pub before: Option<String>,
    /// The text as it will be, masked; `None` where there is none to show.
    pub after: Option<String>,
    /// Whether the content holds secrets, whose masked form is shown.
    pub sensitive: bool,
    /// Whether somebody changed the node, the inventory changed, or it was never applied.
    pub origin: Origin,
    /// The controls that it satisfies.
    pub controls: Vec<ControlId>,
    /// Whether it can be taken back.
    pub undo: Undo,
    /// What apply does, in this order.
    pub operations: Vec<Operation>,
    /// Digest of the desired state, kept on the node to tell drift from pending.
    pub desired: String,
}

/// What happens to a resource.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Action {
    /// It does not exist yet.
    Add,
    /// It is not as it should be.
    #[default]
    Change,
    /// It should not be there.
    Remove,
}

impl Action {
    /// The sign in front of a change: `+`, `~` or `-`.
    pub fn sign(self) -> char {
        match self {
            Self::Add => '+',
            Self::Change => '~',
            Self::Remove => '-',
        }
    }
}

/// Where a difference comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// harden has never applied this resource here.
    New,
    /// The node is not as it was last applied: somebody changed it.
    Drift,
    /// The inventory or a template changed since it was last applied.
    Pending,
    /// Both.
    Both,
}

/// One thing that apply does on a node. Paths are staged beside their targets and renamed together; live changes come after.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "operation")]
pub enum Operation {
    /// Replace a whole file, or make it.
    Write {
        /// Where.
        path: NodePath,
        /// What; secrets stand in it by name.
        content: Content,
        /// Owner, group and mode.
        ownership: Ownership,
        /// Mode of directories that have to be made for it.
        directory_mode: Mode,
        /// What must still be there when apply begins.
        prior: Prior,
    },
    /// Remove a file.
    Remove {
        /// Where.
        path: NodePath,
        /// What must still be there when apply begins.
        prior: Prior,
    },
    /// Put back a file from the copy that an earlier transaction keeps of it on the node, with the owner, group and mode that
    /// it had. Its content does not leave the node.
    Restore {
        /// Where.
        path: NodePath,
        /// The transaction.
        transaction: String,
        /// The number of its copy.
        copy: u32,
        /// SHA-256 of the copy, hexadecimal.
        sha256: String,
        /// What must still be there when apply begins.
        prior: Prior,
    },
    /// Remove a directory that an earlier transaction made, when this one is confirmed and if nothing is in it any more.
    RemoveDirectory {
        /// Where.
        path: NodePath,
    },
    /// Change owner, group and mode; each `None` is left alone.
    SetAttributes {
        /// Where.
        path: NodePath,
        /// Owner.
        owner: Option<String>,
        /// Group.
        group: Option<String>,
        /// Mode.
        mode: Option<Mode>,
        /// What must still be there when apply begins.
        prior: Prior,
    },
    /// Issue a certificate with a new key.
    Issue {
        /// Which.
        certificate: Box<CertificateSpec>,
        /// Who holds the key of the CA.
        authority: Authority,
        /// What must still be there when apply begins, at the certificate's path.
        prior: Prior,
    },
    /// Make a system user, or its group, or both. They stay when the change is rolled back.
    AddUser {
        /// The user's name, and the group's.
        name: String,
        /// Whether the user is to be made.
        user: bool,
        /// Whether the group is to be made.
        group: bool,
        /// The number of what is made; `None` leaves the choice to the node's own tools.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        number: Option<u32>,
    },
    /// Take a static pod's manifest away and wait until its process has ended, before the new manifest goes in.
    StopPod {
        /// The manifest.
        manifest: NodePath,
        /// A file that the process has open as long as it runs.
        held: NodePath,
    },
    /// Give a directory and everything below it to a user, on its own file system and without following a link. It stays so
    /// when the change is rolled back: an old program that runs as root may use every file.
    SetOwners {
        /// The directory.
        path: NodePath,
        /// Owner.
        owner: String,
        /// Group.
        group: String,
    },
    /// Ask a command of the node whether a new file is sound, before anything is changed.
    Validate {
        /// The file.
        path: NodePath,
        /// The command; `{staged}` stands for the new file.
        command: Vec<String>,
    },
    /// Run a command that makes a new file effective; again when the old one is put back.
    Activate {
        /// The command.
        command: Vec<String>,
    },
    /// Set kernel parameters on the running system.
    SetSysctls {
        /// Dotted name to value.
        values: BTreeMap<String, String>,
    },
    /// Enable or disable, start or stop a unit.
    SetUnit {
        /// The unit's full name.
        unit: String,
        /// Whether it starts at boot; `None` leaves that alone.
        enabled: Option<bool>,
        /// Whether it runs now; `None` leaves that alone.
        active: Option<bool>,
    },
}

/// Who holds the key of a CA.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Authority {
    /// A node, often another one: kubeadm leaves the key on control-plane nodes only.
    Node(NodeName),
    /// The store beside the inventory.
    Store(StoredPair),
}

/// What a plan saw at a path, and apply must find there still.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Prior {
    /// Nothing.
    Absent,
    /// A file of this digest, or a directory, whose digest is empty.
    Present {
        /// SHA-256, hexadecimal.
        sha256: String,
        /// Permission bits.
        mode: Mode,
        /// Owner's name.
        owner: String,
        /// Group's name.
        group: String,
    },
}

/// One change of the cluster itself, made through the API of any control-plane node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterChange {
    /// Which resource, `object.kubeadm-config`.
    pub resource: ResourceId,
    /// What happens to it.
    pub action: Action,
    /// What a person looks for: "ConfigMap kube-system/kubeadm-config".
    pub subject: String,
    /// Why, one line each.
    pub reasons: Vec<String>,
    /// The text as it is; `None` where there is none to show.
    pub before: Option<String>,
    /// The text as it will be; `None` where there is none to show.
    pub after: Option<String>,
    /// The controls that it satisfies.
    pub controls: Vec<ControlId>,
    /// Whether it can be taken back.
    pub undo: Undo,
    /// What apply does.
    pub operation: ClusterOperation,
}

/// One thing that apply does through the API.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "operation")]
pub enum ClusterOperation {
    /// Replace one data key of a ConfigMap.
    ReplaceConfigMapKey {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The data key.
        key: String,
        /// The new value.
        value: String,
        /// The version that the plan saw; the API refuses the write when it moved.
        resource_version: String,
    },
    /// Annotate the pods of a DaemonSet, which restarts them, and wait until all of them run.
    RestartDaemonSet {
        /// Its namespace.
        namespace: String,
        /// Its name.
        name: String,
        /// The annotation.
        annotation: String,
        /// Its new value.
        value: String,
    },
    /// Write every object of the resources again, so that it is stored with the present encryption key, and prove it in
    /// etcd by prefix.
    RewriteEncrypted {
        /// The resources, `secrets`.
        resources: Vec<String>,
        /// What every value in etcd must begin with, `k8s:enc:secretbox:v1:key-20261124:`.
        prefix: String,
    },
    /// Take away the cordon of a node, if it is still the one of an apply that did not come to its end.
    Uncordon {
        /// Which node.
        node: NodeName,
        /// That apply's mark.
        mark: String,
    },
}
