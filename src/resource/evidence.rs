//! What benchmarks ask of a node beyond what harden manages there: any file's mode and owner, the running programs and
//! their flags, a few documents. Read in one round trip, judged by `check`.

use super::{ClusterObjects, ConfigMapKey, Facts, Mode, NodePath};
use std::collections::{BTreeMap, BTreeSet};

/// What is to be read on a node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Questions {
    /// Paths and patterns (the shell's `*` and `?`) whose kind, mode and owner are asked for.
    pub patterns: BTreeSet<String>,
    /// Directories whose every entry, at any depth, is asked for.
    pub trees: BTreeSet<NodePath>,
    /// Files whose text is asked for, with the YAML keys whose values are secret: each is replaced by its SHA-256 before
    /// it leaves the node.
    pub documents: BTreeMap<NodePath, BTreeSet<String>>,
    /// Programs whose command line is asked for, by the name of their executable: `kube-apiserver`.
    pub programs: BTreeSet<String>,
    /// Flags of running programs that name a path: what is there is asked for as well, and its text where it is a
    /// document.
    pub flags: Vec<FlagPath>,
}

/// A path that only a running program's flag knows.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlagPath {
    /// The program, `etcd`.
    pub program: String,
    /// The flag without dashes, `data-dir`.
    pub flag: String,
    /// The secret YAML keys of a document; `None` where only mode and owner are asked for.
    pub document: Option<BTreeSet<String>>,
}

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Evidence {
    /// Of the node itself.
    pub facts: Facts,
    /// Everything that exists of what was asked for.
    pub files: BTreeMap<NodePath, EvidenceFile>,
    /// The text of the documents that exist.
    pub documents: BTreeMap<NodePath, String>,
    /// The running programs that were asked for; several of one name are possible.
    pub processes: Vec<Process>,
    /// What could not be read, and why, one line each.
    pub unread: Vec<String>,
}

/// Something at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EvidenceFile {
    /// Whether it is a directory.
    pub is_directory: bool,
    /// Permission bits; of its target where it is a symbolic link.
    pub mode: Mode,
    /// The owner's name, or number where it has none.
    pub owner: String,
    /// The group's name, or number where it has none.
    pub group: String,
}

/// A running program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Process {
    /// The name of its executable.
    pub program: String,
    /// Its number.
    pub pid: u32,
    /// Its command line.
    pub command: Vec<String>,
    /// Those variables of its environment that set flags (`ETCD_…`).
    pub environment: BTreeMap<String, String>,
}

/// What benchmarks ask of the cluster as a whole, read through its API.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClusterEvidence {
    /// kubeadm's own records; what does not exist is not in it.
    pub config_maps: BTreeMap<ConfigMapKey, String>,
    /// The objects that benchmarks ask for; `None` where they were not read.
    pub objects: Option<ClusterObjects>,
    /// The level that PodSecurity enforces in namespaces without a label, from the API servers' AdmissionConfiguration: the
    /// API does not show it, only the control-plane nodes know. `None` where they do not say or were not asked.
    pub pod_security_default: Option<String>,
    /// The namespaces that some API server exempts from PodSecurity, labels or not.
    pub pod_security_exempt: BTreeSet<String>,
}
