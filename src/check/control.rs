//! One control of a benchmark as data: what it demands, why, and how it is tested. It judges nothing.

use super::demand::Demand;
use super::places::PLACES;
use crate::inventory::Role;
use crate::resource::Mode;
use serde::Deserialize;
use std::collections::BTreeSet;

/// One item of a benchmark.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Its number within the benchmark, `1.2.16`.
    pub item: String,
    /// What it demands, in one line.
    pub title: String,
    /// The section that it stands in, `1.2 API Server`.
    pub section: String,
    /// Whether the benchmark scores it: only a scored control fails, another one warns.
    pub scored: bool,
    /// Why it is demanded.
    pub why: String,
    /// How it is tested, in words.
    pub tested: String,
    /// What to do where it does not pass.
    pub remedy: String,
    /// What could break when that is done.
    pub could_break: String,
    /// It is judged on nodes with one of these roles; on all nodes where there is none.
    pub roles: BTreeSet<Role>,
    /// Whether it is judged once for the cluster instead of on each node.
    pub cluster: bool,
    /// How it is tested.
    pub test: Test,
}

/// How a control is tested.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Test {
    /// No machine can tell.
    Manual,
    /// No machine can tell; the value of a flag is shown to the person who decides.
    Shown(FlagOf),
    /// Through the Kubernetes API, by `check::policies`.
    Policy,
    /// What the audit policy covers is shown to the person who decides.
    AuditPolicy,
    /// The mode of files.
    Mode(ModeTest),
    /// The owner and group of files.
    Owner(OwnerTest),
    /// Flags of a running program, and keys of its configuration.
    Flags(FlagsTest),
    /// The provider in the file that a flag names.
    Encryption(EncryptionTest),
    /// The worst verdict of these items of the CIS benchmark.
    Items(BTreeSet<String>),
}

/// A flag of a program.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FlagOf {
    /// The component, `kube-apiserver`.
    pub of: String,
    /// The flag with its dashes.
    pub flag: String,
}

/// Every file of a place has a mode, or a stricter one; a place where nothing is does not pass.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ModeTest {
    /// The place's name in `places.toml`.
    pub of: String,
    /// The mode that may not be exceeded in any bit.
    pub at_most: Mode,
}

/// Every file of a place belongs to somebody.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OwnerTest {
    /// The place's name in `places.toml`.
    pub of: String,
    /// Owner and group, `root:root`.
    pub is: String,
    /// Whether a place where nothing is passes.
    #[serde(default)]
    pub or_absent: bool,
}

/// All of these hold for a running program; a program that does not run does not pass.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FlagsTest {
    /// The component, `kube-apiserver`.
    pub of: String,
    /// What must hold.
    pub checks: Vec<FlagCheck>,
    /// What else is looked at that the benchmark's test overlooks.
    pub own_authority: Option<OwnAuthority>,
}

/// The certificate authorities that a flag names are others than those that another program's flag names, told apart by their
/// keys.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnAuthority {
    /// The flag of the tested program, with its dashes.
    pub flag: String,
    /// The other program and its flag.
    pub other: FlagOf,
}

/// What a flag must be. It is looked for on the command line, then in the configuration file, then in the environment;
/// the first place that has it decides.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FlagCheck {
    /// The flag with its dashes.
    pub flag: String,
    /// The same in the configuration file, `authentication.anonymous.enabled`.
    pub key: Option<String>,
    /// The same in the environment, `ETCD_CERT_FILE`.
    pub variable: Option<String>,
    /// What it must be.
    #[serde(default)]
    pub demand: Demand,
    /// Whether it passes where it is not set at all.
    #[serde(default)]
    pub or_absent: bool,
}

/// The first provider in an encryption configuration is one of these.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncryptionTest {
    /// The component, `kube-apiserver`.
    pub of: String,
    /// The flag that names the file.
    pub flag: String,
    /// The strong providers.
    pub among: Vec<String>,
}

impl Control {
    /// Whether it is judged on a node with these roles.
    pub fn concerns(&self, roles: &BTreeSet<Role>) -> bool {
        !self.cluster && (self.roles.is_empty() || !self.roles.is_disjoint(roles))
    }
}

impl Test {
    /// Whether a machine decides by facts of nodes.
    pub fn is_mechanical(&self) -> bool {
        matches!(self, Self::Mode(_) | Self::Owner(_) | Self::Flags(_) | Self::Encryption(_))
    }

    /// How it is tested, in words.
    pub(super) fn in_words(&self) -> String {
        let place = |name: &str| {
            let place = PLACES.place(name);
            place.map_or_else(String::new, |place| format!("{} ({})", place.what, place.where_in_words()))
        };
        match self {
            Self::Manual | Self::Shown(_) => String::from("No machine can tell: a person decides."),
            Self::Policy => String::from("The objects of the cluster are read through its API."),
            Self::AuditPolicy => String::from("The audit policy is read, and a person decides."),
            Self::Mode(test) => format!(
                "The mode of {} is {:o} or stricter. What is missing does not pass.",
                place(&test.of),
                test.at_most.0
            ),
            Self::Owner(test) => format!(
                "The owner and group of {} are {}. What is missing {}.",
                place(&test.of),
                test.is,
                if test.or_absent { "passes" } else { "does not pass" }
            ),
            Self::Flags(test) => {
                let checks: Vec<_> = test.checks.iter().map(|check| check.in_words(&test.of)).collect();
                format!("{}. A {} that does not run does not pass.", checks.join(", and "), test.of)
            }
            Self::Encryption(test) => format!(
                "In the file that {} of the running {} names, the line after the last `providers:` names {}.",
                test.flag,
                test.of,
                test.among.join(" or ")
            ),
            Self::Items(items) => {
                let items: Vec<_> = items.iter().map(String::as_str).collect();
                match items.as_slice() {
                    [] => String::from("No machine can tell: a person decides."),
                    items => format!("The worst of {} in the CIS benchmark.", items.join(", ")),
                }
            }
        }
    }
}

impl FlagCheck {
    fn in_words(&self, component: &str) -> String {
        let mut text = format!("{} of the running {component}", self.flag);
        if let Some(key) = &self.key {
            text.extend([", or ", key, " in its configuration,"]);
        }
        if let Some(variable) = &self.variable {
            text.extend([", or ", variable, " in its environment,"]);
        }
        let absent = if self.or_absent { ", or it is not set" } else { "" };
        format!("{text} {}{absent}", self.demand)
    }
}
