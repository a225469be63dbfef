//! From the differences of a node to the items of its report: where each comes from, and since when.

use super::cause::Found;
use super::report::{Class, Item};
use crate::error::Chain;
use crate::plan::{Change, ClusterChange, DiffError, Differences, Operation, Origin};
use crate::resource::{FileState, Kind, NodePath, Observed, ResourceId};

/// What differs on a node, in the order of its resources.
pub fn found(differences: &Differences, observed: &Observed) -> Vec<Found> {
    let changes = differences.changes.iter().map(|change| Found {
        item: of_change(change, observed),
        paths: subjects(change),
        attributes_only: change
            .operations
            .iter()
            .all(|operation| matches!(operation, Operation::SetAttributes { .. })),
    });
    let failed = differences.failed.iter().map(|(resource, is_known, error)| {
        let item = of_error(resource, *is_known, error);
        Found { paths: item.subject.parse().into_iter().collect(), item, attributes_only: false }
    });
    changes.chain(failed).collect()
}

/// The paths that tell when a change was made: its own, and of a unit that by which somebody masks it. When a process was started is
/// known already.
fn subjects(change: &Change) -> Vec<NodePath> {
    let own: Vec<NodePath> = paths(change).cloned().collect();
    if !own.is_empty() || change.resource.kind != Kind::Unit || is_of_process(change) {
        return own;
    }
    format!("/etc/systemd/system/{}", change.subject).parse().into_iter().collect()
}

/// Whether nothing is to be done but a restart: it is the process that differs.
fn is_of_process(change: &Change) -> bool {
    change.resource.kind == Kind::Unit && change.operations.is_empty()
}

fn of_change(change: &Change, observed: &Observed) -> Item {
    let class = match change.origin {
        Origin::Drift => Class::Drift,
        Origin::Both => Class::Both,
        Origin::New | Origin::Pending => Class::Pending,
    };
    let written = paths(change).filter_map(|path| match observed.files.get(path) {
        Some(FileState::Present(file)) => Some(file.modified),
        _ => None,
    });
    let started = observed.running.get(&change.subject).filter(|_| is_of_process(change));
    let started = started.map(|process| process.started);
    Item {
        resource: change.resource.to_string(),
        class,
        action: change.action,
        subject: change.subject.clone(),
        what: change.reasons.iter().chain(&change.edits).cloned().collect(),
        before: change.before.clone(),
        after: change.after.clone(),
        sensitive: change.sensitive,
        // Of what nobody changed the time says nothing.
        since: written.max().or(started).filter(|_| class.is_drift()),
        controls: change.controls.iter().map(ToString::to_string).collect(),
        ..Item::default()
    }
}

/// The paths that a change is about.
fn paths(change: &Change) -> impl Iterator<Item = &NodePath> {
    change.operations.iter().filter_map(Operation::prior).map(|(path, _)| path)
}

/// What cannot be compared is no less a difference: a file where a link is, a unit that is gone.
fn of_error(resource: &ResourceId, is_known: bool, error: &DiffError) -> Item {
    Item {
        resource: resource.to_string(),
        class: if is_known { Class::Drift } else { Class::Pending },
        subject: error.subject().unwrap_or_else(|| resource.name.clone()),
        what: vec![Chain(error).to_string()],
        ..Item::default()
    }
}

/// A record of the cluster. `by_others` says that harden has written it, and somebody else has since; when, and who.
pub fn of_cluster(change: &ClusterChange, by_others: Option<(&str, Option<i64>)>) -> Item {
    let mut what = change.reasons.clone();
    if let Some((manager, _)) = by_others {
        what.push(format!("last written by {manager}"));
    }
    Item {
        resource: change.resource.to_string(),
        class: if by_others.is_some() { Class::Drift } else { Class::Pending },
        action: change.action,
        subject: change.subject.clone(),
        what,
        before: change.before.clone(),
        after: change.after.clone(),
        since: by_others.and_then(|(_, at)| at),
        controls: change.controls.iter().map(ToString::to_string).collect(),
        ..Item::default()
    }
}
