//! A drift check as metrics in the text format of Prometheus, for the textfile collector of node_exporter.
//!
//! A dashboard must neither forget nor invent. What was not seen in this run (the drift of a node that is down, when the last
//! success was) is taken from the text of the run before, where that has it, and is otherwise left out.

use super::exposition::{Exposition, Labels};
use super::tally::Tally;
use crate::drift::{Item, NodeReport, NodeState, Report, Shard};
use std::collections::BTreeMap;

/// The value of `host` for the cluster's own records.
const CLUSTER: &str = "cluster";

const BUILD: &str = "harden_build_info";
const ITEMS: &str = "harden_drift_items";
const SUCCESS: &str = "harden_run_success";
const LAST_RUN: &str = "harden_last_run_timestamp_seconds";
const LAST_SUCCESS: &str = "harden_last_success_timestamp_seconds";
const DURATION: &str = "harden_run_duration_seconds";
const HOSTS: &str = "harden_hosts";
const UNREACHABLE: &str = "harden_hosts_unreachable";
const BUSY: &str = "harden_hosts_busy";
const UP: &str = "harden_host_up";
const APPLY_FAILED: &str = "harden_apply_failed";
const EXPIRY: &str = "harden_cert_not_after_timestamp_seconds";

/// Every metric and its help, in the order in which they are written. All of them are gauges.
const FAMILIES: [(&str, &str); 12] = [
    (BUILD, "The version of harden that made these metrics; always 1."),
    (SUCCESS, "Whether the last check read everything that it should, whatever it found."),
    (LAST_RUN, "When the last check began."),
    (LAST_SUCCESS, "When the last check began that read everything that it should."),
    (DURATION, "For how long the last check went on."),
    (HOSTS, "Hosts that the last check asked."),
    (UNREACHABLE, "Hosts that the last check could not read."),
    (BUSY, "Hosts that the last check did not judge, since an apply works on them."),
    (UP, "Whether the last check could read the host."),
    (
        ITEMS,
        "Differences by kind, those reported before included; of a host that was not judged, those seen last.",
    ),
    (APPLY_FAILED, "Whether an apply on the host failed so that a human is needed."),
    (EXPIRY, "When a certificate on the host ends."),
];

/// What of a host is kept from the run before where it was not judged.
const KEPT: [&str; 3] = [ITEMS, APPLY_FAILED, EXPIRY];

/// A run that ended before it had a report: the inventory could not be read.
#[derive(Debug, Clone, Copy)]
pub struct FailedRun<'a> {
    /// The cluster's name, where it is known.
    pub cluster: Option<&'a str>,
    /// The part of the inventory that it was about.
    pub shard: Option<Shard>,
    /// When it began, seconds since 1970.
    pub started: i64,
    /// For how long it went on, in milliseconds.
    pub milliseconds: u64,
}

/// A report as metrics; `before` is the text of the run before, or empty.
pub fn render(report: &Report, before: &str) -> String {
    let before = Exposition::read(before, &FAMILIES);
    let mut metrics = Exposition::default();
    per_run(&mut metrics, report, &before);
    per_host(&mut metrics, report, &before);
    metrics.write(&FAMILIES)
}

/// The metrics after a run that ended before it had a report: those of the run before, and that this one failed.
pub fn failed(run: &FailedRun<'_>, before: &str) -> String {
    let mut metrics = Exposition::read(before, &FAMILIES);
    let mut runs: Vec<Labels> = match run.cluster {
        Some(cluster) => vec![run_labels(cluster, run.shard.as_slice())],
        // Whose run it was is what the text of the run before says.
        None => metrics.labels(SUCCESS),
    };
    if runs.is_empty() {
        runs.push(run_labels("", run.shard.as_slice()));
    }
    for labels in runs {
        metrics.set(SUCCESS, labels.clone(), 0);
        metrics.set(LAST_RUN, labels.clone(), run.started);
        metrics.set(DURATION, labels.clone(), seconds(run.milliseconds));
        metrics.remove(BUILD, &labels);
        metrics.set(BUILD, labels.and("version", env!("CARGO_PKG_VERSION")), 1);
    }
    metrics.write(&FAMILIES)
}

/// Several jobs, each with its part of the inventory, must not say the same metric of each other.
fn run_labels(cluster: &str, shards: &[Shard]) -> Labels {
    let labels = Labels::of("cluster", cluster);
    if shards.is_empty() {
        return labels;
    }
    labels.and("shard", &shards.iter().map(Shard::to_string).collect::<Vec<_>>().join(","))
}

fn per_run(metrics: &mut Exposition, report: &Report, before: &Exposition) {
    let summary = report.summary();
    let labels = run_labels(&report.cluster, &report.shards);
    let success = !report.is_incomplete();
    metrics.set(BUILD, labels.clone().and("version", &report.harden_version), 1);
    metrics.set(SUCCESS, labels.clone(), u8::from(success));
    metrics.set(LAST_RUN, labels.clone(), report.started);
    if success {
        metrics.set(LAST_SUCCESS, labels.clone(), report.started);
    } else {
        metrics.copy(before, LAST_SUCCESS, |other| *other == labels);
    }
    metrics.set(DURATION, labels.clone(), seconds(report.milliseconds));
    metrics.set(HOSTS, labels.clone(), summary.of);
    metrics.set(UNREACHABLE, labels.clone(), summary.unreachable);
    metrics.set(BUSY, labels, summary.busy);
}

fn per_host(metrics: &mut Exposition, report: &Report, before: &Exposition) {
    let mut items: BTreeMap<&str, Vec<&Item>> = BTreeMap::new();
    for node in &report.nodes {
        let host = Labels::of("cluster", &report.cluster).and("host", node.node.as_str());
        metrics.set(UP, host.clone(), u8::from(!matches!(node.state, NodeState::Unreachable { .. })));
        if !judged(metrics, node, &host) {
            for name in KEPT {
                metrics.copy(before, name, |other| other.begin_with(&host));
            }
            continue;
        }
        items.entry(node.node.as_str()).or_default().extend(node.items());
    }
    // Of several jobs with a part of the inventory each, the first one tells of the cluster.
    let tells_of_it = report.shards.is_empty() || report.shards.iter().any(|shard| shard.is_first());
    if tells_of_it && report.cluster_error.is_none() {
        // A node may have that very name: together they are one series still.
        items.entry(CLUSTER).or_default().extend(&report.cluster_items);
    } else if tells_of_it {
        let cluster = Labels::of("cluster", &report.cluster).and("host", CLUSTER);
        metrics.copy(before, ITEMS, |other| other.begin_with(&cluster));
    }
    for (host, items) in items {
        let tally = Tally::of(items);
        let host = Labels::of("cluster", &report.cluster).and("host", host);
        for (kind, number) in [
            // What was reported before is there still.
            ("drift", tally.drift + tally.known),
            ("pending", tally.pending),
            ("ignored", tally.ignored),
        ] {
            metrics.set(ITEMS, host.clone().and("kind", kind), number);
        }
    }
}

/// Whether a node was judged; then what it says of itself is taken in.
fn judged(metrics: &mut Exposition, node: &NodeReport, host: &Labels) -> bool {
    let NodeState::Read { failed_apply, certificates, .. } = &node.state else { return false };
    metrics.set(APPLY_FAILED, host.clone(), u8::from(failed_apply.is_some()));
    for certificate in certificates {
        metrics.set(EXPIRY, host.clone().and("path", &certificate.path), certificate.not_after);
    }
    true
}

fn seconds(milliseconds: u64) -> String {
    format!("{}.{:03}", milliseconds / 1_000, milliseconds % 1_000)
}
