//! The text of a plan: waves, nodes, changes with their diffs, what restarts, and the closing line. It shows what is in
//! the plan and computes nothing about the cluster.

mod closing;
mod gates;
mod item;
mod joins;
mod markdown;
mod reports;

pub use markdown::render as markdown;
pub use reports::{ReportKind, write};

use super::change::References;
use super::{Tone, View, count, line};
use crate::plan::{NodePlan, Plan, StageTitle, Wave};

/// The text of a plan. The last line is stable: `Plan: 3 to add, 9 to change, 0 to remove on 4 of 4 nodes.`, or
/// `No changes. 4 nodes are as declared.`
pub fn render(plan: &Plan, view: View) -> String {
    render_stage(plan, 0, view)
}

/// [`render`] in a run that has applied so many stages before this one.
pub fn render_stage(plan: &Plan, stages_before: usize, view: View) -> String {
    let mut lines = header(plan, stages_before, view);
    let mut references = References::default();
    for (index, wave) in plan.waves.iter().enumerate() {
        lines.push(String::new());
        let title = format!("Wave {} of {}: {}", index + 1, plan.waves.len(), line(&wave.title));
        lines.push(view.paint.tone(Tone::Heading, &title));
        lines.extend(wave_lines(wave, &mut references, view));
    }
    lines.extend(joins::lines(plan, view));
    lines.extend(cluster_lines(plan, view));
    lines.extend(closing::lines(plan, view));
    lines.push(String::new());
    lines.join("\n")
}

fn header(plan: &Plan, stages_before: usize, view: View) -> Vec<String> {
    let of = plan.summary().of;
    let read = of - plan.unreachable.len();
    let cluster = view.paint.tone(Tone::Heading, &format!("Cluster {}", line(&plan.cluster)));
    let mut lines = match stages_before {
        0 => vec![format!("{cluster}: {read} of {} read", count(of, "node"))],
        // A heading between two stages; the cluster was named above the first.
        _ => vec![String::new()],
    };
    if plan.is_empty() {
        return lines;
    }
    let title = |stage: &StageTitle| format!("{} ({})", line(&stage.name), line(&stage.title));
    let number = match (stages_before, plan.remaining.len()) {
        (0, 0) => String::from("Stage"),
        (before, remaining) => format!("Stage {} of {}", before + 1, before + 1 + remaining),
    };
    lines.push(format!("{}: {}", view.paint.tone(Tone::Heading, &number), title(&plan.stage)));
    if !plan.remaining.is_empty() {
        let remaining: Vec<_> = plan.remaining.iter().map(title).collect();
        lines.push(format!("Then, each planned when it is its turn: {}", remaining.join(", ")));
    }
    lines
}

fn wave_lines<'a>(wave: &'a Wave, references: &mut References<'a>, view: View) -> Vec<String> {
    let mut lines = Vec::new();
    for node in &wave.nodes {
        let items: Vec<_> = node.changes.iter().map(item::of_node).collect();
        lines.push(node_heading(node, view));
        lines.extend(references.lines(&node.node, items, "changes", view));
    }
    lines.extend(gates::of_wave(wave, view));
    lines
}

/// The node's line; it carries the restarts that no change carries.
fn node_heading(node: &NodePlan, view: View) -> String {
    let count = count(node.changes.len(), "change");
    let all = node.restart_units.iter().chain(&node.restart_pods);
    let rest: Vec<_> = all
        .filter(|name| !node.changes.iter().any(|change| change.restarts.contains(name)))
        .map(|name| line(short_unit(name)))
        .collect();
    let drained = if node.drain.is_some() { "  [drained first]" } else { "" };
    let restarts = match rest.as_slice() {
        [] => String::new(),
        rest => format!("  [restarts {}]", rest.join(", ")),
    };
    let marks = match format!("{drained}{restarts}") {
        marks if marks.is_empty() => marks,
        marks => view.paint.tone(Tone::Warning, &marks),
    };
    format!("  {}: {count}{marks}", view.paint.tone(Tone::Heading, node.node.as_str()))
}

fn cluster_lines(plan: &Plan, view: View) -> Vec<String> {
    let mut lines = Vec::new();
    if !plan.gates.is_empty() && !plan.is_empty() {
        lines.push(String::new());
        lines.push(gates::of_stage(&plan.gates, view));
    }
    if !plan.cluster_changes.is_empty() {
        lines.push(String::new());
        lines.push(view.paint.tone(Tone::Heading, "Then in the cluster"));
        for change in &plan.cluster_changes {
            lines.extend(item::of_cluster(change).lines(view));
        }
    }
    lines
}

fn short_unit(unit: &str) -> &str {
    unit.strip_suffix(".service").unwrap_or(unit)
}
