//! What a node's own logs, its package database and kubeadm's leftovers say of paths: who made a difference, and when.

use super::NodePath;
use std::collections::BTreeMap;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Traces {
    /// When each path was written last, and when its owner or mode was changed last; seconds since 1970.
    pub times: BTreeMap<NodePath, Times>,
    /// The package that a path belongs to.
    pub packages: BTreeMap<NodePath, Package>,
    /// The last line of the package log on the upgrade or installation of each of these packages.
    pub package_lines: BTreeMap<String, String>,
    /// The last event of the audit log that names a path.
    pub audit: BTreeMap<NodePath, AuditEvent>,
    /// When kubeadm kept copies of what it was about to replace, seconds since 1970, and where.
    pub kubeadm: Vec<(i64, String)>,
}

/// The package that a path belongs to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Package {
    /// Its name.
    pub name: String,
    /// Whether the file is as the package brought it.
    pub is_as_packaged: bool,
}

/// When something was changed, seconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Times {
    /// Its content.
    pub modified: i64,
    /// Its owner, its mode or its content.
    pub changed: i64,
}

/// Who did something, as the kernel's audit tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AuditEvent {
    /// When, seconds since 1970.
    pub at: i64,
    /// The number of the user who logged in, whoever that became since.
    pub login_user: String,
    /// The program.
    pub program: String,
}
