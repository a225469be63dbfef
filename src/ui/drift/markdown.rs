//! A drift check as a comment on a pull request or an issue.

use super::closing::closing;
use super::item::{shown, sorted};
use super::tally::Tally;
use super::words;
use crate::drift::{LastApply, NodeReport, NodeState, Report};
use crate::ui::moment::moment;
use crate::ui::reports::markdown::{self, Section, cell, code, comment};
use std::fmt::Write as _;

/// Rows of the table above; the sections below are as many as there is room for.
const ROWS: usize = 100;

/// A report as Markdown.
pub fn render(report: &Report) -> String {
    let mut text = format!("### Drift of {}\n\n**{}**\n", code(&report.cluster), closing(report));
    text.push_str(&table(report));
    let ignores = report.ignores.iter().filter(|it| it.expired || it.count > 0);
    let ignores: Vec<_> = ignores.map(|it| format!("- {}\n", code(&words::ignore(it)))).collect();
    let notices: Vec<_> = report.notices.iter().map(|it| format!("- {}\n", code(it))).collect();
    for (title, lines) in [("Ignored", ignores), ("Notices", notices)] {
        if !lines.is_empty() {
            let _ = write!(text, "\n{title}:\n\n{}", lines.concat());
        }
    }
    comment(text, &sections(report))
}

/// The nodes of which there is something to say.
fn table(report: &Report) -> String {
    let rows: Vec<_> = report.nodes.iter().filter_map(row).chain(cluster_row(report)).collect();
    if rows.is_empty() {
        return String::new();
    }
    let more = rows.len().saturating_sub(ROWS);
    let mut text = String::from("\n| Node | Drifted | Pending | Ignored | |\n|---|--:|--:|--:|---|\n");
    rows.iter().take(ROWS).for_each(|row| text.push_str(row));
    if more > 0 {
        let _ = writeln!(text, "| … and {more} more | | | | |");
    }
    text
}

fn row(node: &NodeReport) -> Option<String> {
    let name = node.node.as_str();
    let told = match &node.state {
        NodeState::Read { items, failed_apply: None, .. } if items.is_empty() => return None,
        NodeState::Read { failed_apply: Some(failed), .. } => words::failed_apply(name, failed),
        NodeState::Read { applied: Some(LastApply { by, at, .. }), .. } => {
            format!("last applied {} by {by}", moment(*at))
        }
        NodeState::Read { .. } => String::from("never applied"),
        NodeState::Busy { by, since } => words::busy(by, *since),
        NodeState::Unreachable { error, .. } => format!("not read: {error}"),
    };
    let judged = matches!(node.state, NodeState::Read { .. });
    Some(numbers(name, judged.then(|| Tally::of(node.items())), &told))
}

fn cluster_row(report: &Report) -> Option<String> {
    let tally = Tally::of(&report.cluster_items);
    (!report.cluster_items.is_empty())
        .then(|| numbers(words::CLUSTER, Some(tally), "the cluster's own records"))
}

fn numbers(name: &str, tally: Option<Tally>, told: &str) -> String {
    let number = |of: fn(Tally) -> usize| tally.map(|tally| of(tally).to_string()).unwrap_or_default();
    format!(
        "| {} | {} | {} | {} | {} |\n",
        cell(name),
        number(|tally| tally.drift),
        number(|tally| tally.pending),
        number(|tally| tally.ignored),
        cell(told)
    )
}

fn sections(report: &Report) -> Vec<markdown::Section<'_>> {
    let nodes = report.nodes.iter().map(|node| (node.node.as_str(), node.items()));
    let all = nodes.chain([(words::CLUSTER, &*report.cluster_items)]);
    let sections = all.filter_map(|(node, items)| {
        let title = Tally::of(items).words();
        let items: Vec<_> = sorted(items, false).into_iter().map(|item| shown(item, false)).collect();
        (!items.is_empty()).then_some(Section { node, title, items })
    });
    sections.collect()
}
