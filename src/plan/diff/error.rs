//! Why a resource cannot be planned on a node.

use super::RunAsError;
use crate::error::Hint;
use crate::inventory::NodeName;
use crate::plan::manifest::ManifestError;
use crate::plan::yaml::YamlError;
use crate::resource::{Inclusion, NodePath};

/// A resource cannot be planned on a node.
#[derive(Debug, thiserror::Error)]
pub enum DiffError {
    /// The probe was not asked for it.
    #[error("compare {path}: it was not read")]
    NotRead {
        /// The path, pattern or unit.
        path: String,
    },
    /// The probe could not tell what is there.
    #[error("compare {path}: {reason}")]
    Unknown {
        /// The path.
        path: NodePath,
        /// Why.
        reason: String,
    },
    /// What is there is not a regular file.
    #[error("compare {path}: it is {found}, and a file is wanted there")]
    WrongKind {
        /// The path.
        path: NodePath,
        /// What is there.
        found: &'static str,
    },
    /// What is there must not be replaced, and is not what is wanted.
    #[error("compare {path}: this host has another one than the store: {reason}")]
    Refused {
        /// The path.
        path: NodePath,
        /// What that means.
        reason: String,
    },
    /// What must not be there is not a file.
    #[error("remove {path}: it is {found}, and only a file is removed")]
    NotRemovable {
        /// The path.
        path: NodePath,
        /// What is there.
        found: &'static str,
    },
    /// Its content is needed, and was not text or not read.
    #[error("read {path}: its content is not UTF-8 text of a sensible size, or was not read")]
    NotText {
        /// The path.
        path: NodePath,
    },
    /// A control-plane node has no manifest of a component.
    #[error("find the manifest {path}: there is none")]
    NoManifest {
        /// The manifest's path.
        path: NodePath,
    },
    /// A flag would name a file that is not there.
    #[error("set --{flag} of {component} to {file}: there is no such file on the node")]
    NoNamedFile {
        /// The flag.
        flag: String,
        /// The component.
        component: String,
        /// The file.
        file: NodePath,
    },
    /// A YAML file of which only some keys are ours does not exist.
    #[error("find {path}: there is no such file")]
    NoFile {
        /// The path.
        path: NodePath,
    },
    /// A manifest cannot be edited safely.
    #[error("{path}")]
    Manifest {
        /// The manifest's path.
        path: NodePath,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// A YAML file cannot be edited safely.
    #[error("{path}")]
    Yaml {
        /// The path.
        path: NodePath,
        /// Why.
        #[source]
        source: YamlError,
    },
    /// A file should belong to a user whom there is not, and whom the plan does not make.
    #[error("give {path} to {user}: there is no such user with a group of its own")]
    NoUser {
        /// The file.
        path: NodePath,
        /// The user.
        user: String,
    },
    /// The file would have no effect, since nothing reads it.
    #[error("find the line `{}` in {}: it is not there", .0.line, .0.path)]
    NotIncluded(Inclusion),
    /// The node trusts another CA than the nodes that hold a key.
    #[error("issue with the CA {path}: it is another CA than on {node}, whose key would sign")]
    OtherAuthority {
        /// The CA's certificate.
        path: NodePath,
        /// The node that holds a key of the same name.
        node: NodeName,
    },
    /// Nobody holds the key of the CA.
    #[error("issue {path}: the key of its CA, {key}, is neither on this node nor on a control-plane node")]
    NoAuthority {
        /// The certificate.
        path: NodePath,
        /// The CA's key.
        key: NodePath,
    },
    /// A static pod cannot run as a user of its own.
    #[error(transparent)]
    RunAs(#[from] RunAsError),
    /// A unit that should run or start at boot cannot.
    #[error("find the unit {unit}: systemd says it is {load}")]
    NoUnit {
        /// The unit's full name.
        unit: String,
        /// systemd's `LoadState`.
        load: String,
    },
}

impl DiffError {
    /// What a person looks for, where it is more than the name of the resource: a path, a unit.
    pub fn subject(&self) -> Option<String> {
        match self {
            Self::NotRead { path } => Some(path.clone()),
            Self::Unknown { path, .. }
            | Self::WrongKind { path, .. }
            | Self::Refused { path, .. }
            | Self::NotRemovable { path, .. }
            | Self::NotText { path }
            | Self::NoManifest { path }
            | Self::NoFile { path }
            | Self::Manifest { path, .. }
            | Self::Yaml { path, .. }
            | Self::NoUser { path, .. }
            | Self::OtherAuthority { path, .. }
            | Self::NoAuthority { path, .. }
            | Self::NotIncluded(Inclusion { path, .. }) => Some(path.to_string()),
            Self::NoNamedFile { file, .. } => Some(file.to_string()),
            Self::NoUnit { unit, .. } => Some(unit.clone()),
            Self::RunAs(_) => None,
        }
    }
}

impl Hint for DiffError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoManifest { .. } => Some(String::from(
                "if this node runs no control plane, take the role `control-plane` (or `etcd`) from it in the inventory",
            )),
            Self::NoNamedFile { flag, component, .. } => Some(format!(
                "make it with `kubeadm init phase certs`, or name the file that {component} is to use as {flag} under its flags in the inventory"
            )),
            Self::NoFile { .. } => {
                Some(String::from("install the kubelet and join the node with kubeadm before hardening it"))
            }
            Self::OtherAuthority { path, node } => Some(format!(
                "find out which cluster this node belongs to; if to this one, put {path} of {node} there and join it again"
            )),
            Self::NoAuthority { key, .. } => Some(format!(
                "put {key} on a control-plane node for the time of the apply, or issue the certificate yourself"
            )),
            Self::WrongKind { .. } => {
                Some(String::from("move it away, or override the template with another path"))
            }
            Self::NoUser { user, .. } => Some(format!("let harden make it too: user.{user}")),
            Self::NotIncluded(Inclusion { path, line }) => Some(format!(
                "put the line `{line}` at the top of {path} on the node, since nothing reads what harden would write"
            )),
            Self::Refused { .. } => Some(String::from(
                "take the host out of the inventory, or if nothing on it is needed any more reset it with `kubeadm reset`; where the store is that of another cluster, put the right one beside the inventory",
            )),
            Self::NotRemovable { .. } => Some(String::from("look at what it is, and remove it by hand")),
            Self::Manifest { source, .. } => source.hint(),
            Self::Yaml { source, .. } => source.hint(),
            Self::RunAs(source) => source.hint(),
            Self::NotRead { .. } | Self::Unknown { .. } | Self::NotText { .. } | Self::NoUnit { .. } => None,
        }
    }
}
