//! The line that sums up a drift check; scripts look for it.

use super::tally::Tally;
use crate::drift::Report;
use crate::ui::count;

/// The last line of the text, which is stable: `Drift: 3 resources on 2 of 7 nodes; 2 pending on 1.`, or
/// `No drift on 7 nodes.`
pub fn closing(report: &Report) -> String {
    let summary = report.summary();
    let cluster = Tally::of(&report.cluster_items);
    let read = summary.of - summary.unreachable - summary.busy;
    if read == 0 && summary.unreachable > 0 && summary.busy == 0 {
        return String::from("No node could be read.");
    }
    let mut parts = vec![match (summary.drift - cluster.drift, cluster.drift) {
        (0, 0) if report.partial => format!("No drift within the selection on {}", count(read, "node")),
        (0, 0) => format!("No drift on {}", count(read, "node")),
        (0, cluster) => format!("Drift: {} in the cluster", count(cluster, "resource")),
        (nodes, cluster) => {
            let (resources, of) = (count(nodes, "resource"), count(summary.of, "node"));
            let also = if cluster > 0 { format!(" and {cluster} in the cluster") } else { String::new() };
            format!("Drift: {resources} on {} of {of}{also}", summary.drift_nodes)
        }
    }];
    match (summary.pending - cluster.pending, cluster.pending) {
        (0, 0) => {}
        (0, cluster) => parts.push(format!("{cluster} pending in the cluster")),
        (nodes, 0) => parts.push(format!("{nodes} pending on {}", summary.pending_nodes)),
        (nodes, cluster) => {
            parts.push(format!("{nodes} pending on {} and {cluster} in the cluster", summary.pending_nodes));
        }
    }
    for (number, word) in [(summary.ignored, "ignored"), (summary.known, "reported before")] {
        parts.extend((number > 0).then(|| format!("{number} {word}")));
    }
    for (number, words) in [
        (summary.failed_applies, "with a failed apply"),
        (summary.busy, "busy"),
        (summary.unreachable, "could not be read"),
    ] {
        parts.extend((number > 0).then(|| format!("{} {words}", count(number, "node"))));
    }
    if report.cluster_error.is_some() {
        parts.push(String::from("the cluster's own records could not be read"));
    }
    format!("{}.", parts.join("; "))
}
