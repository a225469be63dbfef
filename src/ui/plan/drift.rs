//! The text of `harden drift`: the same differences as in a plan, asked another question: who made them? What is only
//! pending is named without its diff, since nobody changed anything there.

use super::closing;
use super::item;
use crate::plan::{Change, ClusterChange, Origin, Plan};
use crate::ui::change::Item;
use crate::ui::{Tone, View, count, line};
use serde::Serialize;

/// How many resources differ, and why.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct DriftSummary {
    /// Resources that somebody changed since they were applied.
    pub drift: usize,
    /// Nodes with such resources.
    pub drift_nodes: usize,
    /// Resources that are declared and not applied yet; one that was changed as well counts as both.
    pub pending: usize,
    /// Nodes with such resources.
    pub pending_nodes: usize,
    /// Records of the cluster itself that are not as declared.
    pub pending_cluster: usize,
    /// All nodes, those that could not be read included.
    pub of: usize,
    /// Nodes that could not be read.
    pub unreachable: usize,
    /// Whether only a part of what is declared was looked at.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub partial: bool,
}

impl DriftSummary {
    /// Counts.
    pub fn of(plan: &Plan) -> Self {
        let mut summary = Self {
            pending_cluster: plan.cluster_changes.len(),
            of: plan.summary().of,
            unreachable: plan.unreachable.len(),
            partial: plan.partial,
            ..Self::default()
        };
        for node in plan.waves.iter().flat_map(|wave| &wave.nodes) {
            let those =
                |wanted: &[Origin]| node.changes.iter().filter(|it| wanted.contains(&it.origin)).count();
            let drift = those(&[Origin::Drift, Origin::Both]);
            let pending = those(&[Origin::New, Origin::Pending, Origin::Both]);
            summary.drift += drift;
            summary.drift_nodes += usize::from(drift > 0);
            summary.pending += pending;
            summary.pending_nodes += usize::from(pending > 0);
        }
        summary
    }

    /// The last line; scripts look for it.
    fn closing(&self) -> String {
        let read = self.of - self.unreachable;
        if read == 0 && self.unreachable > 0 {
            return String::from("No node could be read.");
        }
        let (drift_nodes, pending_nodes) = (self.drift_nodes, self.pending_nodes);
        let drift = match self.drift {
            0 if self.partial => format!("No drift within the selection on {}", count(read, "node")),
            0 => format!("No drift on {}", count(read, "node")),
            drift => {
                format!("Drift: {} on {drift_nodes} of {}", count(drift, "resource"), count(self.of, "node"))
            }
        };
        let pending = match (self.pending, self.pending_cluster) {
            (0, 0) => String::new(),
            (0, cluster) => format!("; {cluster} pending in the cluster"),
            (pending, 0) => format!("; {pending} pending on {pending_nodes}"),
            (pending, cluster) => {
                format!("; {pending} pending on {pending_nodes} and {cluster} in the cluster")
            }
        };
        let lost = match self.unreachable {
            0 => String::new(),
            lost => format!("; {} could not be read", count(lost, "node")),
        };
        format!("{drift}{pending}{lost}.")
    }
}

/// The text of what drifted and what is pending. The last line is stable:
/// `Drift: 1 resource on 1 of 4 nodes; 3 pending on 2.`, or `No drift on 4 nodes.`
pub fn drift(plan: &Plan, view: View) -> String {
    let summary = DriftSummary::of(plan);
    let read = summary.of - summary.unreachable;
    let cluster = view.paint.tone(Tone::Heading, &format!("Cluster {}", line(&plan.cluster)));
    let mut lines = vec![format!("{cluster}: {read} of {} read", count(summary.of, "node"))];
    for node in plan.waves.iter().flat_map(|wave| &wave.nodes) {
        let name = view.paint.tone(Tone::Heading, node.node.as_str());
        lines.extend([String::new(), format!("  {name}: {}", count(node.changes.len(), "difference"))]);
        for change in &node.changes {
            let item = of_drift(change);
            match change.origin {
                Origin::New | Origin::Pending if !view.verbose => lines.push(item.heading(view, "")),
                _ => lines.extend(item.lines(view)),
            }
        }
    }
    if !plan.cluster_changes.is_empty() {
        lines.extend([String::new(), view.paint.tone(Tone::Heading, "In the cluster")]);
    }
    for change in &plan.cluster_changes {
        let item = of_cluster_drift(change);
        if view.verbose {
            lines.extend(item.lines(view));
        } else {
            lines.push(item.heading(view, ""));
        }
    }
    lines.push(String::new());
    lines.extend(closing::others(plan, view));
    lines.push(view.paint.tone(Tone::Heading, &summary.closing()));
    lines.push(String::new());
    lines.join("\n")
}

/// A difference that nobody is about to change: nothing restarts, nothing needs to be undone.
fn of_drift(change: &Change) -> Item<'_> {
    let origin = match change.origin {
        Origin::Drift => "drift",
        Origin::Both => "drift and pending",
        Origin::New | Origin::Pending => "pending",
    };
    let sensitive = change.sensitive.then(|| String::from("sensitive"));
    let marks = [String::from(origin)].into_iter().chain(sensitive).collect();
    Item { marks, is_final: false, ..item::of_node(change) }
}

/// A difference of a record of the cluster; who made it is not known.
fn of_cluster_drift(change: &ClusterChange) -> Item<'_> {
    Item { marks: vec![String::from("pending")], is_final: false, ..item::of_cluster(change) }
}
