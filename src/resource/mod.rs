//! The vocabulary: what can be managed on a node ([`Resource`] and its [`Spec`]), what harden wants there
//! ([`Desired`]) and what is there ([`Observed`]). Plain data: nothing here renders, compares, reads or writes.

mod certificate;
mod clock;
mod content;
mod evidence;
mod file;
mod host;
mod id;
mod image;
mod objects;
mod observed;
mod pattern;
mod run_as;
mod static_pod;
mod traces;

pub use certificate::{CertificateFacts, CertificateForm, CertificateSpec, KeyAlgorithm, SameFile, Usage};
pub use clock::{ClockFault, ClockReading, clock_faults};
pub use content::{Content, SecretRef, StoredPair};
pub use evidence::{ClusterEvidence, Evidence, EvidenceFile, FlagPath, Process, Questions};
pub use file::{AbsentSpec, AttributesSpec, Existing, FileSpec, Mode, NodePath, Ownership};
pub use host::{Inclusion, OnNode, UserSpec};
pub use id::{ControlId, Kind, ResourceId};
pub use image::{images_of_crictl, normal_image};
pub use objects::{
    AdmissionPolicy, AdmissionPolicyBinding, Binding, Capabilities, ClusterObjects, Container, Handler,
    Metadata, Namespace, NetworkPolicy, OperationRule, Owner, Pod, PodSpec, Role, RoleRef, Rule,
    SeLinuxOptions, SecurityContext, ServiceAccount, Subject, Volume, Webhook, WebhookConfiguration,
};
pub use observed::{
    Applied, AppliedResource, CertificateState, ClusterObserved, ConfigMapKey, DaemonSetState, Facts,
    FileKind, FileState, KubeconfigFacts, Made, Observed, ObservedContent, ObservedKey, PresentFile,
    RenderedWith, UnitProcess, UnitState, UserState,
};
pub use pattern::{ControlPattern, ControlPatternError};
pub use run_as::{DataSpec, OwnFile, RunAsSpec};
pub use static_pod::{FlagSpec, FlagValue, MountSpec, MountType, StaticPodSpec};
pub use traces::{AuditEvent, Package, Times, Traces};

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that one node should have.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// The resources, at most one per id, in the order in which they are applied and printed.
    pub resources: Vec<Resource>,
}

/// One managed thing on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Resource {
    /// Its name on the command line and in reports, `file.audit-policy`.
    pub id: ResourceId,
    /// What is wanted.
    pub spec: Spec,
    /// systemd units to restart when it changes, `kubelet.service`. Never the units of static pods.
    pub restarts: Vec<String>,
    /// The controls it satisfies.
    pub controls: Vec<ControlId>,
    /// Whether a change of it can be taken back.
    pub undo: Undo,
    /// What the node itself has to say to it.
    #[serde(default, skip_serializing_if = "OnNode::is_empty")]
    pub on_node: OnNode,
    /// The templates it was made from, as paths below `templates/`.
    pub templates: Vec<String>,
    /// What the user should know when it changes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notices: Vec<Notice>,
}

/// What the user should know about a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// One sentence.
    pub text: String,
    /// The flags of a static pod that it is about: it counts only where one of them is not as it should be. None for
    /// every change.
    pub flags: Vec<FlagSpec>,
}

/// What is wanted, by kind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Spec {
    /// A system user and its group.
    User(UserSpec),
    /// A whole file that is ours.
    File(FileSpec),
    /// Owner and mode only, of files that somebody else writes.
    Attributes(AttributesSpec),
    /// The flags, mounts and annotations that we own in a static-pod manifest.
    StaticPod(StaticPodSpec),
    /// The keys that we own in a YAML file.
    YamlKeys(YamlKeysSpec),
    /// A certificate and its private key, in files of their own or in a kubeconfig.
    Certificate(CertificateSpec),
    /// The state of a systemd unit.
    Unit(UnitSpec),
    /// Kernel parameters, live and across reboots.
    Sysctl(SysctlSpec),
    /// A file that must not be there.
    Absent(AbsentSpec),
}

/// Keys that we own in a YAML mapping; everything else in the file is kept byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct YamlKeysSpec {
    /// The file.
    pub path: NodePath,
    /// Owner, group and mode of the file.
    pub ownership: Ownership,
    /// What must be in it: mappings are merged, everything else (lists too) is replaced, and `null` means that the
    /// key must be absent.
    pub keys: serde_json::Map<String, serde_json::Value>,
    /// Keys that are dangerous without certain kernel parameters, with these parameters and their values. Such a key is
    /// left as it is on a node that does not have them and where they cannot be set.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub needs: BTreeMap<String, BTreeMap<String, String>>,
}

/// The state of a systemd unit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnitSpec {
    /// The unit's full name, `kubelet.service`.
    pub unit: String,
    /// Whether it starts at boot; `None` leaves that alone.
    pub enabled: Option<bool>,
    /// Whether it runs now; `None` leaves that alone.
    pub active: Option<bool>,
}

/// Kernel parameters of one file below `/etc/sysctl.d`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SysctlSpec {
    /// The file that keeps them across reboots.
    pub path: NodePath,
    /// Owner, group and mode of that file.
    pub ownership: Ownership,
    /// Dotted name to value, `net.ipv4.conf.all.accept_redirects` to `0`.
    pub values: BTreeMap<String, String>,
}

impl SysctlSpec {
    /// The file's content: one `name = value` a line, sorted.
    pub fn content(&self) -> String {
        let mut text = String::from("# Written by harden.\n");
        for (name, value) in &self.values {
            text.extend([name, " = ", value, "\n"]);
        }
        text
    }
}

/// Whether a change can be taken back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undo {
    /// Always: putting the old files back restores the old state.
    #[default]
    Full,
    /// Only until it is confirmed: from then on data is written that depends on it, and the old files alone do not bring the old
    /// state back. A procedure of its own does (encryption at rest: everything is written again without the key).
    UntilCommit,
    /// Never: what it destroys is not kept (the last copy of a key or kubeconfig). It must be accepted by name.
    None,
}
