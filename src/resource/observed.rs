//! What is really on a node.

use super::{CertificateFacts, Mode, NodePath, Ownership, ResourceId};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What one probe of a node found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Observed {
    /// Of the node itself.
    pub facts: Facts,
    /// Every path that was asked for, patterns expanded.
    pub files: BTreeMap<NodePath, FileState>,
    /// For every pattern that was asked for, the paths that it matched.
    pub patterns: BTreeMap<String, Vec<NodePath>>,
    /// Every unit that was asked for.
    pub units: BTreeMap<String, UnitState>,
    /// The processes of those that are to run.
    pub running: BTreeMap<String, UnitProcess>,
    /// Every kernel parameter that was asked for; `None` where the kernel has none of that name or cannot be asked.
    pub sysctls: BTreeMap<String, Option<String>>,
    /// Those of them that cannot be set here, as in a container.
    pub fixed_sysctls: BTreeSet<String>,
    /// Every user that was asked for; `None` where there is no list of users, as in a directory tree that is no whole
    /// system.
    pub users: BTreeMap<String, Option<UserState>>,
    /// Of every directory that was asked for, everything below which should belong to one user: something that does not. What
    /// is as it should be, and what cannot be told, is not in it.
    pub strays: BTreeMap<NodePath, NodePath>,
    /// Every certificate that was asked for, by its path.
    pub certificates: BTreeMap<NodePath, CertificateState>,
    /// Of every kubeconfig among them, what else it says.
    pub kubeconfigs: BTreeMap<NodePath, KubeconfigFacts>,
    /// Of every CA that signs a certificate which was asked for, by the path of its own certificate: which certificates
    /// the file holds, as a digest each, whatever stands around them. Two files with one in common are of the same CA.
    pub authorities: BTreeMap<NodePath, BTreeSet<String>>,
    /// What harden applied here last; `None` where it never did.
    pub applied: Option<Applied>,
}

/// Of the node itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// Its own hostname.
    pub hostname: String,
    /// Seconds since 1970 on its clock.
    pub clock: i64,
    /// Whether it is a running system: false for a directory tree, where no unit runs and no kernel parameter is live.
    pub live: bool,
    /// Whether owners can be told and set: false for a directory tree that is worked on without root.
    pub owners: bool,
    /// The kubelet's version, `v1.35.4`; `None` where there is none or it cannot be asked.
    pub kubelet_version: Option<String>,
    /// Whether systemd runs it.
    pub systemd: bool,
    /// What a cluster has left there.
    pub made: Made,
}

/// What there is on a host of a cluster's making.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// kubeadm has configured its kubelet, or written a manifest of the control plane.
    pub kubernetes: bool,
    /// An etcd member has data.
    pub etcd: bool,
    /// harden was about to make a node of it, and did not get to the end.
    pub joining: bool,
}

/// The state of a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileState {
    /// Nothing is there.
    Absent,
    /// Something is there.
    Present(PresentFile),
    /// It could not be told; the text says why.
    Unknown(String),
}

/// Something at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PresentFile {
    /// What it is.
    pub kind: FileKind,
    /// Permission bits.
    pub mode: Mode,
    /// The owner's name, or number where it has none.
    pub owner: String,
    /// The group's name, or number where it has none.
    pub group: String,
    /// SHA-256 of the bytes, hexadecimal; empty for what is not a regular file.
    pub sha256: String,
    /// When it was last written, seconds since 1970.
    pub modified: i64,
    /// As much of the content as was asked for.
    pub content: ObservedContent,
}

/// What is at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link; mode, owner and content are the link's own, not its target's.
    Symlink,
    /// A socket, device or pipe.
    Other,
}

/// As much of a file's content as was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ObservedContent {
    /// It was not asked for (keys, mode checks), or it is not a regular file.
    NotRead,
    /// Its digest is the one that was expected, so it was not sent.
    AsExpected,
    /// The text. Where the probe was told of sensitive keys, their values are `sha256:…` of themselves.
    Text(String),
    /// It is not UTF-8 or too large to be a configuration file.
    Opaque,
}

/// The state of a systemd unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitState {
    /// systemd's `LoadState`: `loaded`, `not-found`, `masked`.
    pub load: String,
    /// systemd's `ActiveState`: `active`, `inactive`, `failed`.
    pub active: String,
    /// systemd's `UnitFileState`: `enabled`, `disabled`, `static`.
    pub enabled: String,
}

/// The process of a systemd unit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitProcess {
    /// When it was started, seconds since 1970 on the node's clock.
    pub started: i64,
    /// The words of its command line.
    pub command: Vec<String>,
    /// The words that its unit and its environment files say; `None` where that cannot be told.
    pub declared: Option<Vec<String>>,
}

/// A user and the group of the same name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct UserState {
    /// The user's number; `None` where there is no such user.
    pub user: Option<u32>,
    /// The group's number; `None` where there is no such group.
    pub group: Option<u32>,
    /// Where one of them is missing: a number that neither a user nor a group has, for it. It is chosen before the user is made,
    /// so that a plan can say exactly what it writes where a file holds the number.
    pub free: Option<u32>,
}

/// The state of a certificate and its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CertificateState {
    /// There is no certificate.
    Absent,
    /// There is one, but its key is missing.
    WithoutKey(CertificateFacts),
    /// There is one, with a key beside it.
    Present(CertificateFacts),
    /// There is a file that is no certificate; the text says why.
    Unreadable(String),
}

/// What a kubeconfig says beside the certificate in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KubeconfigFacts {
    /// The API servers that it leads to, in its order; one that is no plain URL is a question mark.
    pub servers: Vec<String>,
    /// The CAs that it trusts, as a digest each.
    pub authorities: BTreeSet<String>,
}

/// `/var/lib/harden/state.json`: what harden applied on this node last. It tells drift from pending; nothing is
/// decided by it alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Applied {
    /// Version of this file's format.
    pub format_version: u32,
    /// The transaction that wrote it.
    pub transaction: String,
    /// Who ran it, `user@host`.
    pub by: String,
    /// When, seconds since 1970 on the node's clock.
    pub at: i64,
    /// What the resources were rendered with.
    #[serde(default, skip_serializing_if = "RenderedWith::is_default")]
    pub rendered_with: RenderedWith,
    /// Every resource that harden has applied here, with what it left behind.
    pub resources: BTreeMap<ResourceId, AppliedResource>,
}

/// What the resources of a node were rendered with beside the inventory and the templates: how far procedures were, and what
/// the API said of the node. Who wants to know whether it is as it was applied renders with the same.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RenderedWith {
    /// Whether values are written with the encryption key, and not only read with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub writes_encrypted: bool,
    /// Whether its kubelet has a certificate of harden's to serve with.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub serving_certificate: bool,
    /// Whether its API server trusts no kubelet without one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trusts_serving_certificates: bool,
    /// The names and addresses that the API knows it by.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub names: BTreeSet<String>,
}

impl RenderedWith {
    /// Whether it says nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What harden left behind of one resource.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppliedResource {
    /// Digest of what was desired (see `plan::digest`): differs when the inventory or a template changed since.
    pub desired: String,
    /// Path to SHA-256 of the file as it was left.
    pub files: BTreeMap<NodePath, String>,
    /// Path to owner, group and mode of the same files as they were left.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<NodePath, Ownership>,
}

/// What was read of the cluster as a whole, through its API and etcd.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterObserved {
    /// kubeadm's own records, by the ConfigMap key that holds them; what does not exist is not in it.
    pub config_maps: BTreeMap<ConfigMapKey, ObservedKey>,
    /// For each control-plane node, SHA-256 of the encryption config that its API server has loaded, by its metric; `None`
    /// where it has loaded none or does not say.
    pub loaded_encryption: BTreeMap<String, Option<String>>,
    /// For each encrypted resource (`secrets`), how many values etcd holds by the provider prefix that they begin with
    /// (`k8s:enc:secretbox:v1:key-1:`); the empty prefix counts those in plain text.
    pub stored: BTreeMap<String, BTreeMap<String, usize>>,
    /// Every Kubernetes node by its name, with its addresses: IP addresses and DNS names. A node that is not in the
    /// inventory is among them too.
    pub nodes: BTreeMap<String, BTreeSet<String>>,
    /// The nodes that are cordoned with harden's mark, by name, and the mark: which transaction, and whose.
    pub cordoned: BTreeMap<String, String>,
    /// kube-proxy's DaemonSet; `None` where there is none, since another program does its work.
    pub kube_proxy: Option<DaemonSetState>,
}

/// A DaemonSet, as far as it is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DaemonSetState {
    /// The annotations of its pods.
    pub annotations: BTreeMap<String, String>,
}

/// One data key of a ConfigMap in which kubeadm keeps a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ConfigMapKey {
    /// `ClusterConfiguration` of kube-system/kubeadm-config: flags of the control plane, used by `kubeadm upgrade`.
    ClusterConfiguration,
    /// `kubelet` of kube-system/kubelet-config: the kubelets' configuration, used by `kubeadm join` and `kubeadm upgrade`.
    KubeletConfiguration,
    /// `config.conf` of kube-system/kube-proxy: the configuration of kube-proxy on all nodes.
    KubeProxyConfiguration,
}

impl ConfigMapKey {
    /// All of them.
    pub const ALL: [Self; 3] =
        [Self::ClusterConfiguration, Self::KubeletConfiguration, Self::KubeProxyConfiguration];

    /// Namespace, name and data key.
    pub fn place(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::ClusterConfiguration => ("kube-system", "kubeadm-config", "ClusterConfiguration"),
            Self::KubeletConfiguration => ("kube-system", "kubelet-config", "kubelet"),
            Self::KubeProxyConfiguration => ("kube-system", "kube-proxy", "config.conf"),
        }
    }
}

/// The value of a data key of a ConfigMap.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObservedKey {
    /// The value.
    pub value: String,
    /// The ConfigMap's version when it was read.
    pub resource_version: String,
}
