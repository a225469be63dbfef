//! What `harden remove` shows before it asks, and what it tells afterwards. Nothing is decided here.

use super::json::document;
use super::{Tone, View, line};
use crate::inventory::NodeName;
use crate::removal::{Ended, Outcome, Refusal, Removal, Step};
use serde::Serialize;
use std::fmt::Write as _;

/// The version of the JSON form. The part before the dot changes when a reader must change.
const FORMAT_VERSION: &str = "1.0";

/// A removal, for people and programs.
#[derive(Debug, Clone, Serialize)]
pub struct Removed {
    format_version: &'static str,
    harden_version: &'static str,
    /// The cluster's name.
    pub cluster: String,
    /// The node.
    pub node: NodeName,
    /// The steps in order.
    pub steps: Vec<RemovedStep>,
    refusals: Vec<Against>,
    /// What the user should know.
    pub warnings: Vec<String>,
    /// What stays valid or in place.
    pub remains: Vec<String>,
    /// Why it stopped.
    pub error: Option<String>,
    /// The process's exit code.
    pub exit_code: u8,
}

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RemovedStep {
    step: &'static str,
    text: String,
    outcome: &'static str,
}

#[derive(Debug, Clone, Serialize)]
struct Against {
    reason: String,
    remedy: String,
}

impl Removed {
    /// What is about to be done.
    pub fn new(cluster: &str, node: &NodeName, removal: &Removal, remains: Vec<String>) -> Self {
        let against =
            |refusal: &Refusal| Against { reason: refusal.reason.clone(), remedy: refusal.remedy.clone() };
        Self {
            format_version: FORMAT_VERSION,
            harden_version: env!("CARGO_PKG_VERSION"),
            cluster: cluster.to_owned(),
            node: node.clone(),
            steps: removal.steps.iter().map(|step| shown(step, Ended::NotBegun)).collect(),
            refusals: removal.refusals.iter().map(against).collect(),
            warnings: removal.warnings.clone(),
            remains,
            error: None,
            exit_code: 0,
        }
    }

    /// With what became of it.
    pub fn ended(&mut self, outcome: &Outcome, error: Option<String>, exit_code: u8) {
        self.steps = outcome.steps.iter().map(|(step, ended)| shown(step, *ended)).collect();
        (self.error, self.exit_code) = (error, exit_code);
    }
}

fn shown(step: &Step, ended: Ended) -> RemovedStep {
    let outcome = match ended {
        Ended::Done => "done",
        Ended::Failed => "failed",
        Ended::NotBegun => "not-begun",
    };
    RemovedStep { step: step.name(), text: step.words(), outcome }
}

/// The steps, what to be careful about, and what cannot be revoked.
pub fn removal_plan(removed: &Removed, view: View) -> String {
    let heading = |text: &str| view.paint.tone(Tone::Heading, text);
    let title = format!("Remove {} from {}:", removed.node, line(&removed.cluster));
    let mut lines = vec![heading(&title)];
    for (index, step) in removed.steps.iter().enumerate() {
        lines.push(format!("  {}. {}", index + 1, line(&step.text)));
    }
    for warning in &removed.warnings {
        lines.push(view.paint.tone(Tone::Warning, &format!("Careful: {}.", line(warning))));
    }
    lines.push(heading("What this does not take back:"));
    lines.extend(removed.remains.iter().map(|text| format!("  - {}", line(text))));
    lines.push(String::new());
    lines.join("\n")
}

/// What became of each step, and the last line.
pub fn removal_ended(removed: &Removed, view: View) -> String {
    let mut text = String::new();
    for step in &removed.steps {
        let (word, tone) = match step.outcome {
            "done" => ("done     ", Tone::Added),
            "failed" => ("FAILED   ", Tone::Error),
            _ => ("not begun", Tone::Warning),
        };
        let _ = writeln!(text, "  {}  {}", view.paint.tone(tone, word), line(&step.text));
    }
    let done = removed.steps.iter().filter(|step| step.outcome == "done").count();
    let last = if done == removed.steps.len() {
        format!("Removed: {} is out of {}.\n", removed.node, line(&removed.cluster))
    } else {
        format!("Stopped: {done} of {} steps done for {}.\n", removed.steps.len(), removed.node)
    };
    text + &last
}

/// The JSON document.
pub fn removal_json(removed: &Removed) -> Result<String, serde_json::Error> {
    document(removed)
}
