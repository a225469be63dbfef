//! What the inventory says is to be ignored. It changes what counts, never what is found: each is counted and named, and one whose
//! last day is over counts again.

use super::report::{Ignore, Ignored, Report};
use crate::inventory::{DriftIgnore, NodeName};

/// Marks what is to be ignored, and counts it.
pub fn apply_ignores(report: &mut Report, ignores: &[DriftIgnore], now: i64) {
    let mut counted: Vec<Ignore> = ignores.iter().map(|ignore| declared(ignore, now)).collect();
    let of_nodes = report.nodes.iter_mut().flat_map(|node| {
        let name = node.node.clone();
        node.items_mut().iter_mut().map(move |item| (Some(name.clone()), item))
    });
    for (node, item) in of_nodes.chain(report.cluster_items.iter_mut().map(|item| (None, item))) {
        // For drift alone: what is pending is the inventory's own wish.
        if !item.class.is_drift() {
            continue;
        }
        for (ignore, counted) in ignores.iter().zip(&mut counted) {
            if !is_on(ignore, node.as_ref()) || !ignore.of.is_about(&item.resource, &item.subject) {
                continue;
            }
            counted.count += 1;
            if !counted.expired && item.ignored.is_none() {
                item.ignored = Some(counted.ignored.clone());
            }
        }
    }
    report.ignores = counted;
}

fn declared(ignore: &DriftIgnore, now: i64) -> Ignore {
    Ignore {
        of: ignore.of.pattern().to_owned(),
        ignored: Ignored {
            reason: ignore.reason.clone(),
            expires: ignore.expires.map(|day| day.to_string()),
        },
        expired: ignore.expires.is_some_and(|day| day.is_over(now)),
        count: 0,
    }
}

fn is_on(ignore: &DriftIgnore, node: Option<&NodeName>) -> bool {
    match (&ignore.nodes, node) {
        (None, _) => true,
        (Some(nodes), Some(node)) => nodes.contains(node),
        (Some(_), None) => false,
    }
}
