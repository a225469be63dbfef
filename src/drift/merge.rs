//! The reports of jobs that checked a part of the inventory each, joined to the one that a single job would have given. What does not
//! belong together is refused rather than joined to something that is true of no cluster.

use super::report::{Ignore, NodeReport, Report, Shard};
use crate::error::Hint;
use crate::inventory::NodeName;
use std::collections::{BTreeMap, BTreeSet};

/// A report, and what it is called in an error.
#[derive(Debug, Clone)]
pub struct Part {
    /// Its file.
    pub name: String,
    /// What it says.
    pub report: Report,
}

/// Reports that were joined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Merged {
    /// The report about all of them.
    pub report: Report,
    /// The parts of the inventory of which there was none.
    pub missing: Vec<Shard>,
}

/// Reports do not belong together.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MergeError {
    /// There is none.
    #[error("there is no report to join")]
    Nothing,
    /// One is about the whole inventory.
    #[error("{0} is about no part of an inventory")]
    Whole(String),
    /// They are of two clusters.
    #[error("{first} is of the cluster `{cluster}`, and {second} of `{other}`")]
    Clusters {
        /// One of them.
        first: String,
        /// Its cluster.
        cluster: String,
        /// The other one.
        second: String,
        /// Its cluster.
        other: String,
    },
    /// They have two formats.
    #[error("{first} has the format {format}, and {second} has {other}")]
    Formats {
        /// One of them.
        first: String,
        /// Its format.
        format: String,
        /// The other one.
        second: String,
        /// Its format.
        other: String,
    },
    /// The inventory was split in two ways.
    #[error("{first} is about one of {of} parts, and {second} about one of {other}")]
    Splits {
        /// One of them.
        first: String,
        /// Into how many parts.
        of: u32,
        /// The other one.
        second: String,
        /// Into how many parts.
        other: u32,
    },
    /// Two are about the same part.
    #[error("{first} and {second} are both about {shard}")]
    Twice {
        /// One of them.
        first: String,
        /// The other one.
        second: String,
        /// The part.
        shard: Shard,
    },
    /// Two are about the same node: they were made from two states of the inventory.
    #[error("{first} and {second} both have the node {node}")]
    Overlap {
        /// One of them.
        first: String,
        /// The other one.
        second: String,
        /// The node.
        node: NodeName,
    },
}

impl Hint for MergeError {
    fn hint(&self) -> Option<String> {
        Some(String::from(match self {
            Self::Nothing | Self::Whole(_) => {
                "name files that `harden drift --shard PART/PARTS --report json=FILE` wrote"
            }
            Self::Clusters { .. } => "join the reports of each cluster by themselves",
            Self::Formats { .. } => "let the same version of harden make all of them",
            Self::Splits { .. } | Self::Twice { .. } | Self::Overlap { .. } => {
                "name one report for each part, all made from the same inventory"
            }
        }))
    }
}

/// Joins reports.
pub fn merge(mut parts: Vec<Part>) -> Result<Merged, MergeError> {
    check(&parts)?;
    parts.sort_by_key(|part| part.report.shards.first().copied());
    let shards: BTreeSet<Shard> = parts.iter().flat_map(|part| part.report.shards.iter().copied()).collect();
    let of = shards.first().map_or(0, |shard| shard.of);
    let missing: Vec<_> =
        (1..=of).map(|index| Shard { index, of }).filter(|shard| !shards.contains(shard)).collect();
    let mut reports = parts.into_iter().map(|part| part.report);
    let mut report = reports.next().ok_or(MergeError::Nothing)?;
    let mut end = end_of(&report);
    for other in reports {
        end = end.max(end_of(&other));
        add(&mut report, other);
    }
    report.milliseconds = u64::try_from(end - report.started * 1_000).unwrap_or_default();
    // The inventory's order is in none of them.
    report.nodes.sort_by(|left, right| left.node.cmp(&right.node));
    report.shards = if missing.is_empty() { Vec::new() } else { shards.into_iter().collect() };
    report.notices.extend(missing.iter().map(|shard| format!("the report of {shard} is missing")));
    Ok(Merged { report, missing })
}

/// When a check ended, milliseconds since 1970.
fn end_of(report: &Report) -> i64 {
    report.started * 1_000 + i64::try_from(report.milliseconds).unwrap_or(i64::MAX / 2)
}

fn check(parts: &[Part]) -> Result<(), MergeError> {
    let first = parts.first().ok_or(MergeError::Nothing)?;
    let of = |part: &Part| match part.report.shards.first() {
        Some(shard) => Ok(shard.of),
        None => Err(MergeError::Whole(part.name.clone())),
    };
    let parts_of = of(first)?;
    let (mut shards, mut nodes) = (BTreeMap::new(), BTreeMap::new());
    for part in parts {
        let names = || (first.name.clone(), part.name.clone());
        let (ours, its) = (&first.report, &part.report);
        if its.format_version != ours.format_version {
            let (first, second) = names();
            let (format, other) = (ours.format_version.clone(), its.format_version.clone());
            return Err(MergeError::Formats { first, format, second, other });
        }
        if its.cluster != ours.cluster {
            let (first, second) = names();
            let (cluster, other) = (ours.cluster.clone(), its.cluster.clone());
            return Err(MergeError::Clusters { first, cluster, second, other });
        }
        let other = of(part)?;
        if other != parts_of {
            let (first, second) = names();
            return Err(MergeError::Splits { first, of: parts_of, second, other });
        }
        for shard in &its.shards {
            if let Some(first) = shards.insert(*shard, &part.name) {
                let (first, second) = (first.clone(), part.name.clone());
                return Err(MergeError::Twice { first, second, shard: *shard });
            }
        }
        for NodeReport { node, .. } in &its.nodes {
            if let Some(first) = nodes.insert(node, &part.name) {
                let (first, second) = (first.clone(), part.name.clone());
                return Err(MergeError::Overlap { first, second, node: node.clone() });
            }
        }
    }
    Ok(())
}

fn add(report: &mut Report, other: Report) {
    report.started = report.started.min(other.started);
    report.partial |= other.partial;
    report.since_last = report.since_last.into_iter().chain(other.since_last).min();
    report.nodes.extend(other.nodes);
    report.cluster_error = report.cluster_error.take().or(other.cluster_error);
    for item in other.cluster_items {
        if !report.cluster_items.contains(&item) {
            report.cluster_items.push(item);
        }
    }
    for ignore in other.ignores {
        add_ignore(&mut report.ignores, ignore);
    }
    for notice in other.notices {
        if !report.notices.contains(&notice) {
            report.notices.push(notice);
        }
    }
}

/// Every job has the same ignores, and counts what they were about in its part.
fn add_ignore(ignores: &mut Vec<Ignore>, other: Ignore) {
    match ignores.iter_mut().find(|known| known.of == other.of && known.ignored == other.ignored) {
        Some(known) => {
            known.count += other.count;
            known.expired |= other.expired;
        }
        None => ignores.push(other),
    }
}
