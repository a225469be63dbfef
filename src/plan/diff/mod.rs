//! One resource against what is observed: is there a change, why, and by which operations. One file per family of kinds.

mod absent;
mod authority;
mod certificate;
mod edited;
mod error;
mod file;
mod process;
mod run_as;
mod sysctl;
mod unit;
mod user;

pub(super) use authority::Holder;
pub(super) use edited::safe_keys;
pub use error::DiffError;
pub use run_as::RunAsError;

use super::digest::{digest, origin};
use super::{Action, Change, Operation, Origin, Prior};
use crate::inventory::NodeName;
use crate::resource::{
    Content, ControlId, FileKind, FileState, Mode, NodePath, Observed, ObservedContent, Ownership,
    PresentFile, Resource, Spec,
};
use std::collections::{BTreeMap, BTreeSet};

/// What the comparison of one resource needs beside the resource.
pub(super) struct Context<'a> {
    /// Which node it is.
    pub node: &'a NodeName,
    /// The nodes on which the keys of CAs are looked for, beside this one.
    pub holders: &'a [Holder<'a>],
    /// What is on the node.
    pub observed: &'a Observed,
    /// Seconds since 1970.
    pub now: i64,
    /// The kernel parameters that the node's resources set.
    pub sysctls: BTreeMap<&'a str, &'a str>,
    /// The users that the node's resources make.
    pub users: BTreeSet<&'a str>,
    /// The files that the node's resources make.
    pub made: BTreeSet<&'a NodePath>,
    /// What the user should know beside the changes.
    pub notices: Vec<String>,
    /// What the templates of changed things say to the user.
    pub announced: Vec<String>,
}

/// A change before it is known where it comes from.
struct Draft {
    action: Action,
    subject: String,
    /// Why, beyond what the two texts show.
    reasons: Vec<String>,
    /// What the two texts show, in words.
    edits: Vec<String>,
    before: Option<String>,
    after: Option<String>,
    sensitive: bool,
    operations: Vec<Operation>,
    /// What restarts because of it, beyond what its template says.
    restarts: Vec<String>,
    controls: Vec<ControlId>,
    /// What the user should know about it.
    notices: Vec<String>,
    /// Only time passed: neither the node nor the inventory changed.
    due: bool,
}

impl Draft {
    fn new(action: Action, subject: impl Into<String>, resource: &Resource) -> Self {
        Self {
            action,
            subject: subject.into(),
            reasons: Vec::new(),
            edits: Vec::new(),
            before: None,
            after: None,
            sensitive: false,
            operations: Vec::new(),
            restarts: Vec::new(),
            controls: resource.controls.clone(),
            notices: resource.notices.iter().map(|notice| notice.text.clone()).collect(),
            due: false,
        }
    }
}

/// The change that a resource needs; `None` where it is as it should be.
pub(super) fn diff(resource: &Resource, context: &mut Context<'_>) -> Result<Option<Change>, DiffError> {
    included(resource, context.observed)?;
    let draft = match &resource.spec {
        Spec::User(spec) => user::user(resource, spec, context)?,
        Spec::File(spec) => file::file(resource, spec, context)?,
        Spec::Attributes(spec) => file::attributes(resource, spec, context)?,
        Spec::StaticPod(spec) => edited::static_pod(resource, spec, context)?,
        Spec::YamlKeys(spec) => edited::yaml_keys(resource, spec, context)?,
        Spec::Certificate(spec) => certificate::certificate(resource, spec, context)?,
        Spec::Unit(spec) => unit::unit(resource, spec, context)?,
        Spec::Sysctl(spec) => sysctl::sysctl(resource, spec, context)?,
        Spec::Absent(spec) => absent::absent(resource, spec, context)?,
    };
    Ok(draft.map(|draft| {
        context.announced.extend(draft.notices.iter().cloned());
        finish(resource, context.observed, draft)
    }))
}

/// Whether the node is one that has the resource at all.
pub(super) fn applies(resource: &Resource, observed: &Observed) -> Result<bool, DiffError> {
    for path in &resource.on_node.only_where {
        if present(observed, path)?.is_none() {
            return Ok(false);
        }
    }
    for path in &resource.on_node.only_without {
        if present(observed, path)?.is_some() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// A file that nothing reads would make a false promise.
fn included(resource: &Resource, observed: &Observed) -> Result<(), DiffError> {
    let Some(inclusion) = &resource.on_node.included_by else { return Ok(()) };
    let text = match regular(observed, &inclusion.path)?.map(|file| &file.content) {
        None => "",
        Some(ObservedContent::Text(text)) => text,
        Some(_) => return Err(DiffError::NotText { path: inclusion.path.clone() }),
    };
    if inclusion.is_in(text) { Ok(()) } else { Err(DiffError::NotIncluded(inclusion.clone())) }
}

/// The operations, and what the node has to say and to do about new files among them.
fn with_commands(resource: &Resource, mut operations: Vec<Operation>) -> Vec<Operation> {
    let written = operations.iter().rev().find_map(|operation| match operation {
        Operation::Write { path, .. } => Some(path.clone()),
        Operation::Issue { certificate, .. } => Some(certificate.path.clone()),
        _ => None,
    });
    let Some(path) = written else { return operations };
    let (validate, activate) = (&resource.on_node.validate, &resource.on_node.activate);
    if !validate.is_empty() {
        operations.push(Operation::Validate { path, command: validate.clone() });
    }
    if !activate.is_empty() {
        operations.push(Operation::Activate { command: activate.clone() });
    }
    operations
}

fn finish(resource: &Resource, observed: &Observed, draft: Draft) -> Change {
    let desired = digest(resource);
    let origin = match origin(resource, observed, &desired) {
        Origin::Drift if draft.due => Origin::Pending,
        origin => origin,
    };
    Change {
        resource: resource.id.clone(),
        action: draft.action,
        subject: draft.subject,
        reasons: draft.reasons,
        edits: draft.edits,
        restarts: draft.restarts,
        before: draft.before,
        after: draft.after,
        sensitive: draft.sensitive,
        origin,
        controls: draft.controls,
        undo: resource.undo,
        operations: with_commands(resource, draft.operations),
        desired,
    }
}

/// What is at a path; `None` where nothing is.
fn present<'a>(observed: &'a Observed, path: &NodePath) -> Result<Option<&'a PresentFile>, DiffError> {
    match observed.files.get(path) {
        None => Err(DiffError::NotRead { path: path.to_string() }),
        Some(FileState::Unknown(reason)) => {
            Err(DiffError::Unknown { path: path.clone(), reason: reason.clone() })
        }
        Some(FileState::Absent) => Ok(None),
        Some(FileState::Present(file)) => Ok(Some(file)),
    }
}

/// The regular file at a path; `None` where nothing is. Anything else there is an error: replacing a symbolic link or a
/// directory by a file would break what somebody built on purpose.
fn regular<'a>(observed: &'a Observed, path: &NodePath) -> Result<Option<&'a PresentFile>, DiffError> {
    let file = present(observed, path)?;
    match file.map(|file| file.kind) {
        None | Some(FileKind::File) => Ok(file),
        Some(FileKind::Directory) => Err(DiffError::WrongKind { path: path.clone(), found: "a directory" }),
        Some(FileKind::Symlink) => Err(DiffError::WrongKind { path: path.clone(), found: "a symbolic link" }),
        Some(FileKind::Other) => {
            Err(DiffError::WrongKind { path: path.clone(), found: "not a regular file" })
        }
    }
}

/// What must still be there when apply begins.
pub(super) fn prior(file: Option<&PresentFile>) -> Prior {
    match file {
        None => Prior::Absent,
        Some(file) => Prior::Present {
            sha256: file.sha256.clone(),
            mode: file.mode,
            owner: file.owner.clone(),
            group: file.group.clone(),
        },
    }
}

/// Why owner, group and mode of a file are not as they should be. Owners are judged only where they can be told.
fn ownership_reasons(file: &PresentFile, wanted: &Ownership, observed: &Observed) -> Vec<String> {
    let mut reasons = Vec::new();
    if file.mode != wanted.mode {
        reasons.push(format!("mode {} → {}", file.mode, wanted.mode));
    }
    if observed.facts.owners && (file.owner != wanted.owner || file.group != wanted.group) {
        reasons.push(format!("owner {}:{} → {}:{}", file.owner, file.group, wanted.owner, wanted.group));
    }
    reasons
}

/// Sets owner, group and mode of a file as far as they differ.
fn set_ownership(path: &NodePath, file: &PresentFile, wanted: &Ownership, observed: &Observed) -> Operation {
    let judged = |is: &str, wanted: &str| (observed.facts.owners && is != wanted).then(|| wanted.to_owned());
    Operation::SetAttributes {
        path: path.clone(),
        owner: judged(&file.owner, &wanted.owner),
        group: judged(&file.group, &wanted.group),
        mode: (file.mode != wanted.mode).then_some(wanted.mode),
        prior: prior(Some(file)),
    }
}

/// Writes a whole file.
fn write(
    path: &NodePath,
    content: Content,
    ownership: &Ownership,
    directory_mode: Mode,
    file: Option<&PresentFile>,
) -> Operation {
    Operation::Write {
        path: path.clone(),
        content,
        ownership: ownership.clone(),
        directory_mode,
        prior: prior(file),
    }
}
