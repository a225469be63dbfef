//! The hosts that become nodes: in which order, and what kubeadm is given.

use crate::plan::{Join, JoinKind, Plan};
use crate::ui::{Tone, View, block, count, line};

pub(super) fn lines(plan: &Plan, view: View) -> Vec<String> {
    if plan.joins.is_empty() {
        return Vec::new();
    }
    let title = match plan.joins.len() {
        1 => String::from("Then 1 host joins"),
        count => format!("Then {count} hosts join, in this order"),
    };
    let mut lines = vec![String::new(), view.paint.tone(Tone::Heading, &title)];
    for (index, join) in plan.joins.iter().enumerate() {
        lines.push(heading(join, view));
        // What is given to the first says what the cluster is; the others are told the same in fewer words.
        if join.kind == JoinKind::Init || (view.verbose && !join.config.is_empty()) {
            lines.extend(text("kubeadm's configuration", &join.config, view));
        }
        if index == 0 || view.verbose {
            for (name, patch) in &join.patches {
                lines.extend(text(&format!("kubeadm's patch {name}"), patch, view));
            }
        }
    }
    if !view.verbose && plan.joins.len() > 1 {
        let note = "    (-v shows what kubeadm is given on each)";
        lines.push(view.paint.tone(Tone::Faint, note));
    }
    lines
}

fn heading(join: &Join, view: View) -> String {
    let name = view.paint.tone(Tone::Heading, join.node.as_str());
    let resumed =
        if join.resumed { "; an earlier attempt was not finished, this one goes on with it" } else { "" };
    let labels = match join.labels.len() {
        0 => String::new(),
        labels => format!(", with {}", count(labels, "label")),
    };
    format!("  {name}: {}{labels}{resumed}", join.kind.title())
}

fn text(title: &str, text: &str, view: View) -> Vec<String> {
    let mut lines = vec![format!("    {} {}", view.paint.tone(Tone::Added, "+"), line(title))];
    lines.extend(block(text).lines().map(|it| view.paint.tone(Tone::Added, &format!("        + {it}"))));
    lines
}
