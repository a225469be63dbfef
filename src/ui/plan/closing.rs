//! What stands below the waves: the other nodes, notices, restarts, and the closing line.

use super::short_unit;
use crate::inventory::NodeName;
use crate::plan::Plan;
use crate::ui::names::names;
use crate::ui::{Tone, View, count, line, not_read};

/// Names of nodes in sync that are listed.
const NAMES_SHOWN: usize = 12;

pub(super) fn lines(plan: &Plan, view: View) -> Vec<String> {
    let mut lines = vec![String::new()];
    // Nothing to do at all: the closing line says it.
    if !plan.is_empty() {
        lines.extend(in_sync(plan, view));
    }
    lines.extend(others(plan, view));
    lines.extend(restarts(plan));
    lines.extend(drain(plan));
    lines.extend(rollback(plan));
    lines.extend(no_return(plan, view));
    lines.push(view.paint.tone(Tone::Heading, &closing(plan)));
    lines
}

/// The nodes that could not be read, and the notices.
pub(super) fn others(plan: &Plan, view: View) -> Vec<String> {
    let unread = plan.unreachable.iter().map(|it| (&it.node, it.error.as_str(), it.hint.as_deref()));
    let mut lines = not_read::lines(unread, view);
    lines.extend(not_read::notices(&plan.notices, view));
    lines
}

fn in_sync(plan: &Plan, view: View) -> Option<String> {
    let names: Vec<_> = plan.in_sync.iter().map(NodeName::as_str).collect();
    let shown = if view.verbose { usize::MAX } else { NAMES_SHOWN };
    (!names.is_empty())
        .then(|| view.paint.tone(Tone::Faint, &format!("In sync: {}", self::names(&names, shown))))
}

struct Restart<'a> {
    name: &'a str,
    nodes: usize,
    at_once: usize,
}

/// What restarts, on how many nodes, and how many of them at once.
fn restarts(plan: &Plan) -> Option<String> {
    let mut restarts: Vec<Restart<'_>> = Vec::new();
    for wave in &plan.waves {
        let names = wave.nodes.iter().flat_map(|node| {
            node.restart_pods
                .iter()
                .map(String::as_str)
                .chain(node.restart_units.iter().map(|u| short_unit(u)))
        });
        let mut here: Vec<(&str, usize)> = Vec::new();
        for name in names {
            match here.iter_mut().find(|(known, _)| *known == name) {
                Some((_, nodes)) => *nodes += 1,
                None => here.push((name, 1)),
            }
        }
        for (name, nodes) in here {
            match restarts.iter_mut().find(|restart| restart.name == name) {
                Some(restart) => {
                    restart.nodes += nodes;
                    restart.at_once = restart.at_once.max(nodes);
                }
                None => restarts.push(Restart { name, nodes, at_once: nodes }),
            }
        }
    }
    let text: Vec<_> = restarts.iter().map(restart).collect();
    (!text.is_empty()).then(|| format!("Restarts: {}.", text.join(", ")))
}

fn restart(restart: &Restart<'_>) -> String {
    let pace = match (restart.nodes, restart.at_once) {
        (1, _) => String::new(),
        (_, 1) => String::from(" one after the other"),
        (all, at_once) if all == at_once => String::from(" at once"),
        (_, at_once) => format!(" up to {at_once} at once"),
    };
    format!("{} on {}{pace}", line(restart.name), count(restart.nodes, "node"))
}

/// What becomes of the pods of the nodes that are drained.
fn drain(plan: &Plan) -> Option<String> {
    let nodes = plan.waves.iter().flat_map(|wave| &wave.nodes);
    let drained: Vec<u64> = nodes.filter_map(|node| Some(node.drain?.deadline)).collect();
    let seconds = drained.iter().max()?;
    let time = if seconds % 60 == 0 { format!("{} min", seconds / 60) } else { format!("{seconds} s") };
    Some(format!(
        "Drain: the pods of {} are evicted first; a node that takes longer than {time} is left as it is.",
        count(drained.len(), "node")
    ))
}

/// How long whoever is locked out has to wait, at most.
fn rollback(plan: &Plan) -> Option<String> {
    let nodes = plan.waves.iter().flat_map(|wave| &wave.nodes);
    let seconds = nodes.filter_map(|node| node.rollback_after).max()?;
    Some(format!(
        "Rollback: a node that is not confirmed within {} min puts its old state back by itself.",
        seconds.div_ceil(60)
    ))
}

fn no_return(plan: &Plan, view: View) -> Option<String> {
    let found = plan.no_return();
    let options: Vec<String> =
        found.iter().map(|it| format!("--accept {}", line(&it.resource.to_string()))).collect();
    let all: usize = found.iter().map(|it| it.nodes.len().max(1)).sum();
    let text = format!(
        "{} marked ! cannot be undone; apply asks for each, or takes {}.",
        count(all, "change"),
        options.join(" ")
    );
    (all > 0).then(|| view.paint.tone(Tone::Warning, &text))
}

/// The last line; scripts look for it.
fn closing(plan: &Plan) -> String {
    let summary = plan.summary();
    let read = summary.of - plan.unreachable.len();
    if !plan.is_empty() {
        let joins = match summary.join {
            0 => String::new(),
            join => format!("; {} to join", count(join, "host")),
        };
        return format!(
            "Plan: {} to add, {} to change, {} to remove on {} of {}{joins}.",
            summary.add,
            summary.change,
            summary.remove,
            summary.nodes,
            count(summary.of, "node")
        );
    }
    let verb = |count: usize| if count == 1 { "is" } else { "are" };
    match plan.unreachable.len() {
        0 if plan.partial => String::from("No changes within the selection."),
        lost if lost > 0 && read == 0 => String::from("No node could be read."),
        0 => format!("No changes. {} {} as declared.", count(read, "node"), verb(read)),
        lost if plan.partial => {
            format!(
                "No changes within the selection; {lost} of {} could not be read.",
                count(summary.of, "node")
            )
        }
        lost => format!(
            "No changes. {read} of {} {} as declared, {lost} could not be read.",
            count(summary.of, "node"),
            verb(read)
        ),
    }
}
