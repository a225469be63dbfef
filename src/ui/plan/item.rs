//! What of a plan's change is shown, on a node or in the cluster.

use super::short_unit;
use crate::plan::{Change, ClusterChange, Origin};
use crate::resource::{ControlId, Undo};
use crate::ui::change::Item;

/// A change of a node.
pub(super) fn of_node(change: &Change) -> Item<'_> {
    let mut marks = Vec::new();
    if !change.restarts.is_empty() {
        let names: Vec<_> = change.restarts.iter().map(|name| short_unit(name)).collect();
        marks.push(format!("restarts {}", names.join(", ")));
    }
    marks.extend(match change.origin {
        Origin::Drift => Some(String::from("drift")),
        Origin::Both => Some(String::from("drift and pending")),
        Origin::New | Origin::Pending => None,
    });
    marks.extend(other_marks(change.sensitive, change.undo));
    Item {
        resource: change.resource.to_string(),
        action: change.action,
        subject: &change.subject,
        reasons: &change.reasons,
        edits: &change.edits,
        before: change.before.as_deref(),
        after: change.after.as_deref(),
        sensitive: change.sensitive,
        marks,
        is_final: change.undo == Undo::None,
        controls: controls(&change.controls),
        since: None,
        remarks: Vec::new(),
    }
}

/// A change of the cluster's own records.
pub(super) fn of_cluster(change: &ClusterChange) -> Item<'_> {
    // They have no owner and no mode: the two texts show all that there is.
    let shown = change.before.is_some() && change.after.is_some();
    let (reasons, edits): (&[String], &[String]) =
        if shown { (&[], &change.reasons) } else { (&change.reasons, &[]) };
    Item {
        resource: change.resource.to_string(),
        action: change.action,
        subject: &change.subject,
        reasons,
        edits,
        before: change.before.as_deref(),
        after: change.after.as_deref(),
        sensitive: false,
        marks: other_marks(false, change.undo),
        is_final: change.undo == Undo::None,
        controls: controls(&change.controls),
        since: None,
        remarks: Vec::new(),
    }
}

fn other_marks(sensitive: bool, undo: Undo) -> Vec<String> {
    let sensitive = sensitive.then(|| String::from("sensitive"));
    let no_return = (undo == Undo::None).then(|| String::from("cannot be undone"));
    sensitive.into_iter().chain(no_return).collect()
}

fn controls(controls: &[ControlId]) -> Vec<(&str, &str)> {
    controls.iter().map(|control| (control.benchmark.as_str(), control.item.as_str())).collect()
}
