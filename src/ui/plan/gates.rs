//! The gates of a wave or a stage, in one line.

use crate::plan::{Gate, Wave};
use crate::ui::{Tone, View, line};
use std::collections::BTreeMap;

/// The titles, each once; the static pods, which all must do the same, are named together.
fn titles<'a>(gates: impl Iterator<Item = &'a Gate>) -> String {
    let mut titles: Vec<String> = Vec::new();
    let mut pods: Vec<&str> = Vec::new();
    for gate in gates {
        match gate {
            Gate::StaticPodRuns { component, .. } if !pods.contains(&component.as_str()) => {
                pods.push(component);
            }
            Gate::StaticPodRuns { .. } => {}
            _ => {
                let title = line(&gate.title());
                if !titles.contains(&title) {
                    titles.push(title);
                }
            }
        }
    }
    match pods.as_slice() {
        [] => {}
        [pod] => titles.insert(0, format!("{} runs with its new manifest", line(pod))),
        [rest @ .., last] => {
            let names = format!("{} and {}", line(&rest.join(", ")), line(last));
            titles.insert(0, format!("{names} run with their new manifests"));
        }
    }
    titles.join(", ")
}

/// What must hold before and after the nodes of a wave are touched.
pub(super) fn of_wave(wave: &Wave, view: View) -> Option<String> {
    let before = titles(wave.nodes.iter().flat_map(|node| &node.before));
    let after = titles(wave.nodes.iter().flat_map(|node| &node.after));
    let text = match (before.as_str(), after.as_str()) {
        ("", "") => return None,
        (before, "") => format!("before: {before}"),
        ("", after) => format!("after: {after}"),
        (before, after) if before == after => format!("before and after: {before}"),
        (before, after) => format!("before: {before}; after: {after}"),
    };
    Some(view.paint.tone(Tone::Faint, &format!("  gates {text}")))
}

/// What must hold before the stage counts as done, with the nodes it is asked of.
pub(super) fn of_stage(gates: &[Gate], view: View) -> String {
    let mut asked: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for gate in gates {
        asked.entry(line(&gate.title())).or_default().push(gate.node().as_str());
    }
    let texts: Vec<_> =
        asked.iter().map(|(title, nodes)| format!("{title} on {}", nodes.join(", "))).collect();
    view.paint.tone(Tone::Faint, &format!("Gates of the stage: {}", texts.join("; ")))
}
