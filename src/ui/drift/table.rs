//! The text of `harden drift`: node by node what differs, in the look of a plan, and below it what was not judged and why.

use super::closing::closing;
use super::item::{shown, sorted};
use super::tally::Tally;
use super::words;
use crate::drift::{FailedApply, LastApply, NodeReport, NodeState, Report};
use crate::ui::change::References;
use crate::ui::moment::moment;
use crate::ui::names::names;
use crate::ui::{Tone, View, count, line, not_read};

/// Names of nodes without a difference that are listed.
const NAMES_SHOWN: usize = 12;

/// The text of a report. Its last line is [`closing`].
pub fn render(report: &Report, view: View) -> String {
    let mut lines = header(report, view);
    let mut references = References::default();
    for node in &report.nodes {
        lines.extend(node_lines(node, &mut references, view));
    }
    lines.extend(cluster(report, view));
    lines.push(String::new());
    lines.extend(in_sync(report, view));
    lines.extend(busy(report, view));
    lines.extend(not_read::lines(unread(report), view));
    lines.extend(ignored(report, view));
    lines.extend(known(report, view));
    lines.extend(not_read::notices(&report.notices, view));
    lines.push(view.paint.tone(Tone::Heading, &closing(report)));
    lines.push(String::new());
    lines.join("\n")
}

fn header(report: &Report, view: View) -> Vec<String> {
    let summary = report.summary();
    let cluster = view.paint.tone(Tone::Heading, &format!("Cluster {}", line(&report.cluster)));
    let read = summary.of - summary.unreachable - summary.busy;
    let busy = if summary.busy > 0 { format!(", {} busy", summary.busy) } else { String::new() };
    let shards: Vec<_> = report.shards.iter().map(|shard| format!(", shard {shard}")).collect();
    let first = format!("{cluster}: {read} of {} read{busy}{}", count(summary.of, "node"), shards.concat());
    let compared =
        report.since_last.map(|at| format!("Only what is new since the check of {} counts", moment(at)));
    [first].into_iter().chain(compared).collect()
}

/// The lines of a node of which there is something to say.
fn node_lines<'a>(node: &'a NodeReport, references: &mut References<'a>, view: View) -> Vec<String> {
    let NodeState::Read { items, applied, failed_apply, .. } = &node.state else { return Vec::new() };
    let items: Vec<_> =
        sorted(items, view.verbose).into_iter().map(|item| shown(item, view.verbose)).collect();
    if items.is_empty() && failed_apply.is_none() {
        return Vec::new();
    }
    let name = view.paint.tone(Tone::Heading, node.node.as_str());
    let tally = match Tally::of(node.items()).words() {
        words if words.is_empty() => String::from("no difference"),
        words => words,
    };
    let mut lines = vec![String::new(), format!("  {name}: {tally}; {}", last_apply(applied.as_ref(), view))];
    lines.extend(failed_apply.iter().map(|failed| failed_line(node, failed, view)));
    lines.extend(references.lines(&node.node, items, "differences", view));
    lines
}

fn last_apply(applied: Option<&LastApply>, view: View) -> String {
    let Some(LastApply { by, at, transaction }) = applied else { return String::from("never applied") };
    let transaction =
        if view.verbose { format!(", transaction {}", line(transaction)) } else { String::new() };
    format!("last applied {} by {}{transaction}", moment(*at), line(by))
}

fn failed_line(node: &NodeReport, failed: &FailedApply, view: View) -> String {
    let text = line(&words::failed_apply(node.node.as_str(), failed));
    view.paint.tone(Tone::Error, &format!("    ! {text}"))
}

fn cluster(report: &Report, view: View) -> Vec<String> {
    let items = sorted(&report.cluster_items, view.verbose);
    if items.is_empty() {
        return Vec::new();
    }
    let words = Tally::of(&report.cluster_items).words();
    let title = format!("  {}: {words}", view.paint.tone(Tone::Heading, "in the cluster"));
    let items = items.into_iter().flat_map(|item| shown(item, view.verbose).lines(view));
    [String::new(), title].into_iter().chain(items).collect()
}

/// The nodes that were read and are as they were last applied.
fn in_sync(report: &Report, view: View) -> Option<String> {
    let nodes = report.nodes.iter().filter(|node| match &node.state {
        NodeState::Read { items, failed_apply, .. } => items.is_empty() && failed_apply.is_none(),
        NodeState::Busy { .. } | NodeState::Unreachable { .. } => false,
    });
    let all: Vec<_> = nodes.map(|node| node.node.as_str()).collect();
    let shown = if view.verbose { usize::MAX } else { NAMES_SHOWN };
    // Nothing to tell of any node: the closing line says it.
    let told = !all.is_empty() && (view.verbose || all.len() < report.nodes.len());
    told.then(|| view.paint.tone(Tone::Faint, &format!("No difference: {}", names(&all, shown))))
}

fn busy(report: &Report, view: View) -> Vec<String> {
    let nodes = report.nodes.iter().filter_map(|node| match &node.state {
        NodeState::Busy { by, since } => Some(format!("  {}: {}", node.node, line(&words::busy(by, *since)))),
        NodeState::Read { .. } | NodeState::Unreachable { .. } => None,
    });
    let nodes: Vec<_> = nodes.collect();
    let title = (!nodes.is_empty()).then(|| view.paint.tone(Tone::Warning, "Busy, and not judged:"));
    title.into_iter().chain(nodes).collect()
}

fn unread(report: &Report) -> impl Iterator<Item = not_read::Unread<'_>> {
    report.nodes.iter().filter_map(|node| match &node.state {
        NodeState::Unreachable { error, hint } => Some((&node.node, error.as_str(), hint.as_deref())),
        NodeState::Read { .. } | NodeState::Busy { .. } => None,
    })
}

/// What is ignored, why and until when, and what is ignored no more.
fn ignored(report: &Report, view: View) -> Vec<String> {
    let (expired, live): (Vec<_>, Vec<_>) = report.ignores.iter().partition(|it| it.expired);
    let live: Vec<_> = live.into_iter().filter(|it| it.count > 0).collect();
    let all: usize = live.iter().map(|it| it.count).sum();
    let next = live.iter().filter_map(|it| it.ignored.expires.as_deref()).min();
    let next = next.map(|day| format!(", next expiry {}", line(day))).unwrap_or_default();
    let mut lines = Vec::new();
    lines.extend((all > 0).then(|| format!("{all} ignored{next}{}", unless_shown(view))));
    lines.extend(live.into_iter().map(|it| format!("  {}", line(&words::ignore(it)))));
    let expired = expired.into_iter().map(|it| format!("  {}", line(&words::ignore(it))));
    lines.extend(expired.map(|text| view.paint.tone(Tone::Warning, &text)));
    lines
}

fn known(report: &Report, view: View) -> Option<String> {
    let known = report.summary().known;
    (known > 0).then(|| format!("{known} reported before{}", unless_shown(view)))
}

fn unless_shown(view: View) -> &'static str {
    if view.verbose { "" } else { " (-v shows them)" }
}
