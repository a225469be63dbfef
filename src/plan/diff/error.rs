//! Why a resource cannot be planned on a node.

use crate::error::Hint;
use crate::plan::manifest::ManifestError;
use crate::plan::yaml::YamlError;
use crate::resource::NodePath;

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
    /// A unit that should run or start at boot cannot.
    #[error("find the unit {unit}: systemd says it is {load}")]
    NoUnit {
        /// The unit's full name.
        unit: String,
        /// systemd's `LoadState`.
        load: String,
    },
}

impl Hint for DiffError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NoManifest { .. } => Some(String::from(
                "if this node runs no control plane, take the role `control-plane` (or `etcd`) from it in the inventory",
            )),
            Self::NoFile { .. } => {
                Some(String::from("install the kubelet and join the node with kubeadm before hardening it"))
            }
            Self::WrongKind { .. } => {
                Some(String::from("move it away, or override the template with another path"))
            }
            Self::NotRemovable { .. } => Some(String::from("look at what it is, and remove it by hand")),
            Self::Manifest { source, .. } => source.hint(),
            Self::Yaml { source, .. } => source.hint(),
            Self::NotRead { .. } | Self::Unknown { .. } | Self::NotText { .. } | Self::NoUnit { .. } => None,
        }
    }
}
