//! A plan as a comment on a pull request: what a reviewer has to know before it is merged and applied.

use super::{closing, item, joins, short_unit};
use crate::plan::{NodePlan, Plan, Wave};
use crate::ui::reports::markdown::{Section, block, cell, code, comment};
use crate::ui::{Paint, View, count};

/// Names of nodes in a cell.
const NAMES_SHOWN: usize = 8;
const PLAIN: View = View { paint: Paint { color: false }, width: 120, verbose: false };

/// A plan as Markdown.
pub fn render(plan: &Plan) -> String {
    // What stands below the waves; the first line is empty, the last one sums up.
    let below = closing::lines(plan, PLAIN);
    let (summary, rest) = below.split_last().map_or(("", &[][..]), |(last, before)| (last.as_str(), before));
    let mut text = format!("### Plan for {}\n\n**{summary}**\n", code(&plan.cluster));
    text.push_str(&table(&plan.waves));
    for lines in [joins::lines(plan, PLAIN), rest.to_vec()] {
        let lines = lines.join("\n");
        if !lines.trim().is_empty() {
            text.push('\n');
            text.push_str(&block("text", lines.trim_matches('\n')));
        }
    }
    let nodes = plan.waves.iter().flat_map(|wave| &wave.nodes).map(section);
    let cluster = (!plan.cluster_changes.is_empty()).then(|| Section {
        node: "in the cluster",
        title: count(plan.cluster_changes.len(), "change"),
        items: plan.cluster_changes.iter().map(item::of_cluster).collect(),
    });
    comment(text, &nodes.chain(cluster).collect::<Vec<_>>())
}

fn table(waves: &[Wave]) -> String {
    if waves.is_empty() {
        return String::new();
    }
    let rows = waves.iter().enumerate().map(|(index, wave)| {
        let names: Vec<_> = wave.nodes.iter().map(|node| node.node.as_str()).collect();
        let changes: usize = wave.nodes.iter().map(|node| node.changes.len()).sum();
        format!(
            "| {} | {} | {} | {changes} |\n",
            index + 1,
            cell(&wave.title),
            cell(&crate::ui::names::names(&names, NAMES_SHOWN))
        )
    });
    let head = "\n| Wave | | Nodes | Changes |\n|--:|---|---|--:|\n";
    std::iter::once(head.to_owned()).chain(rows).collect::<Vec<_>>().concat()
}

fn section(node: &NodePlan) -> Section<'_> {
    let mut title = count(node.changes.len(), "change");
    if node.drain.is_some() {
        title.push_str(", drained first");
    }
    let restarts: Vec<_> = node
        .restart_units
        .iter()
        .map(|unit| short_unit(unit))
        .chain(node.restart_pods.iter().map(String::as_str))
        .collect();
    if !restarts.is_empty() {
        title.push_str(", restarts ");
        title.push_str(&restarts.join(", "));
    }
    Section { node: node.node.as_str(), title, items: node.changes.iter().map(item::of_node).collect() }
}
