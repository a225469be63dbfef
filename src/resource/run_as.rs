//! A static pod that runs as a user of its own instead of root, and everything that this takes.

use super::{MountSpec, MountType, NodePath};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The user that a static pod runs as, the files that are made for that user, and the data that must belong to it. Where it
/// is switched off, whatever harden did of it before is taken back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RunAsSpec {
    /// Whether it is so; otherwise as before harden came.
    pub enabled: bool,
    /// The user's name, and the group's. Their numbers are the node's.
    pub user: String,
    /// The directory with the files that are made for that user; nobody else has anything there.
    pub directory: NodePath,
    /// The name of the volume with which the pod sees it.
    pub volume: String,
    /// The flags that name files in that directory.
    pub flags: BTreeMap<String, OwnFile>,
    /// What it writes.
    pub data: DataSpec,
    /// What it must be able to read beside that: files and directories that belong to somebody else.
    pub reads: Vec<NodePath>,
}

/// A flag that names a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OwnFile {
    /// The user's own file.
    pub own: NodePath,
    /// The file as root has it, for when the user is switched off.
    pub otherwise: NodePath,
}

/// The directory that a program keeps its data in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DataSpec {
    /// The directory: it and everything below it must belong to the user.
    pub path: NodePath,
    /// The flag that names it.
    pub flag: String,
    /// A file in it that the program has open as long as it runs.
    pub held: NodePath,
}

impl RunAsSpec {
    /// The files that are made for the user.
    pub fn files(&self) -> impl Iterator<Item = &NodePath> {
        self.flags.values().map(|file| &file.own)
    }

    /// How the pod sees them.
    pub fn mount(&self) -> MountSpec {
        MountSpec {
            name: self.volume.clone(),
            path: self.directory.clone(),
            mount_type: MountType::Directory,
            read_only: true,
        }
    }
}
