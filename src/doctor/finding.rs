//! What was found of hosts, with remedies, and how many findings there are of which kind.

use super::HostFacts;
use crate::inventory::NodeName;
use clap::ValueEnum;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// The version of the JSON form. The part before the dot changes when a reader must change.
pub const FORMAT_VERSION: &str = "1.0";

/// What is looked at. The names are what `--skip` takes, but for those without which nothing can be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Check {
    /// The host answers
    #[value(skip)]
    Reach,
    /// Its key is known
    #[value(skip)]
    HostKey,
    /// The login works
    #[value(skip)]
    Login,
    /// It can be looked at as root
    #[value(skip)]
    Sudo,
    /// The clocks agree within 30 seconds
    Clock,
    /// Each host has a name of its own, that of the inventory
    Hostname,
    /// Each host has a machine-id of its own
    MachineId,
    /// Each host has its address of the inventory, and no other host's
    Address,
    /// Distribution, kernel, architecture, systemd
    System,
    /// Processors and memory of control planes
    Resources,
    /// The control groups are those that the kubelet wants
    Cgroup,
    /// Nothing is swapped
    Swap,
    /// Kernel modules
    Modules,
    /// Kernel parameters
    Sysctls,
    /// Ports are free, or held by who is to have them
    Ports,
    /// The container runtime answers and is new enough
    Runtime,
    /// kubelet, kubeadm and etcd are there, in the right version
    Programs,
    /// Images are there, or their registry can be looked up
    Images,
    /// There is room for data and images
    Disk,
    /// The name of the endpoint can be looked up
    Dns,
    /// All hosts belong to one cluster, or to none
    Cluster,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = self.to_possible_value().map(|value| value.get_name().to_owned());
        f.pad(named.as_deref().unwrap_or(match self {
            Self::HostKey => "host-key",
            Self::Login => "login",
            Self::Sudo => "sudo",
            _ => "reach",
        }))
    }
}

/// Names of hosts in running text; of more there is only the number.
const NAMES_SHOWN: usize = 5;

/// The first of some names, and how many more there are.
pub(super) fn few(names: &[&str]) -> String {
    let shown = if names.len() <= NAMES_SHOWN + 1 { names.len() } else { NAMES_SHOWN };
    let listed = names.iter().take(shown).copied().collect::<Vec<_>>().join(", ");
    if shown < names.len() { format!("{listed} and {} more", names.len() - shown) } else { listed }
}

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Kubernetes would not run there.
    Fatal,
    /// It would, and not for long or not well.
    Warning,
    /// It should be known.
    Note,
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// The host that it is about; `None` for the cluster, or for this machine.
    pub node: Option<NodeName>,
    /// What was looked at.
    pub check: Check,
    /// How bad it is.
    pub severity: Severity,
    /// Whether it is fatal and the user accepts that.
    pub accepted: bool,
    /// What was found.
    pub fact: String,
    /// What to do about it; `None` where there is nothing to do.
    pub remedy: Option<String>,
}

/// What of a cluster a host is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Standing {
    /// Nothing of a cluster is there.
    Blank,
    /// Something of a cluster is there, and does not run.
    Leftovers {
        /// Where.
        paths: BTreeSet<String>,
        /// SHA-256 of the certificate of the cluster's CA.
        ca_sha256: Option<String>,
    },
    /// It runs as a part of a cluster.
    Member {
        /// SHA-256 of the certificate of the cluster's CA.
        ca_sha256: Option<String>,
    },
    /// It could not be looked at.
    Unknown,
}

impl Standing {
    /// Whether it runs as a part of a cluster.
    pub fn is_member(&self) -> bool {
        matches!(self, Self::Member { .. })
    }

    /// The fingerprint of the cluster's CA.
    pub fn ca_sha256(&self) -> Option<&str> {
        match self {
            Self::Leftovers { ca_sha256, .. } | Self::Member { ca_sha256 } => ca_sha256.as_deref(),
            Self::Blank | Self::Unknown => None,
        }
    }
}

/// A host of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Host {
    /// Which.
    pub node: NodeName,
    /// Its roles, in words.
    #[serde(serialize_with = "words")]
    pub roles: String,
    /// What of a cluster it is.
    pub standing: Standing,
}

fn words<S: Serializer>(roles: &str, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(roles.split(", "))
}

/// What was found of all hosts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// [`FORMAT_VERSION`].
    pub format_version: &'static str,
    /// The version of harden that looked.
    pub harden_version: &'static str,
    /// The cluster's name.
    pub cluster: String,
    /// When, seconds since 1970.
    pub created: i64,
    /// Every host that was asked for, in the inventory's order.
    pub hosts: Vec<Host>,
    /// What was found: of the cluster first, then host by host in the inventory's order, the worst first.
    pub findings: Vec<Finding>,
    /// What each host answered.
    #[serde(skip)]
    pub facts: BTreeMap<NodeName, HostFacts>,
}

/// How many findings there are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Hosts.
    pub hosts: usize,
    /// Fatal findings that are not accepted.
    pub fatal: usize,
    /// Fatal findings that are.
    pub accepted: usize,
    /// Warnings.
    pub warnings: usize,
    /// Notes.
    pub notes: usize,
}

impl Report {
    /// Accepts the fatal findings of these kinds. Those without which nothing can be looked at are never accepted.
    pub fn accept(&mut self, skipped: &[Check]) {
        for finding in &mut self.findings {
            finding.accepted = finding.severity == Severity::Fatal
                && finding.check.to_possible_value().is_some()
                && skipped.contains(&finding.check);
        }
    }

    /// The fatal findings that are not accepted.
    pub fn fatal(&self) -> impl Iterator<Item = &Finding> {
        self.findings.iter().filter(|finding| finding.severity == Severity::Fatal && !finding.accepted)
    }

    /// How many findings there are.
    pub fn summary(&self) -> Summary {
        let of = |severity| self.findings.iter().filter(|finding| finding.severity == severity).count();
        let fatal = self.fatal().count();
        Summary {
            hosts: self.hosts.len(),
            fatal,
            accepted: of(Severity::Fatal) - fatal,
            warnings: of(Severity::Warning),
            notes: of(Severity::Note),
        }
    }
}
