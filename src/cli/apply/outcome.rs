//! What an apply's report says to the user: messages at once, and what stays of it for the summary.

use crate::apply::{NodeOutcome, Report, Stop};
use crate::error::{Chain, Hint as _};
use crate::plan::Plan;
use crate::ui::{self, AppliedNode, AppliedStage, NodeEnd, Output, count};

/// Says on standard error what did not go well.
pub(super) fn tell(report: &Report, output: &Output) {
    for (node, outcome) in &report.nodes {
        let (verdict, errors) = match outcome {
            NodeOutcome::Applied | NodeOutcome::NotBegun => continue,
            NodeOutcome::Untouched(error) => ("was not changed", vec![error]),
            NodeOutcome::RolledBack(error) => ("was rolled back and is healthy", vec![error]),
            NodeOutcome::Broken { error, rollback } => (
                "NEEDS A HUMAN: the old state is not proven to be back",
                std::iter::once(error).chain(rollback).collect(),
            ),
        };
        output.message(&format!("{node} {verdict}\n"));
        for error in errors {
            ui::report(output, error, &error.hint().into_iter().collect::<Vec<_>>());
        }
    }
    let Some(stop) = &report.stopped else { return };
    if let Some(reason) = reason(stop) {
        output.message(&format!("{reason}\n"));
    }
    let not_begun = report.nodes.values().filter(|outcome| matches!(outcome, NodeOutcome::NotBegun)).count();
    if not_begun > 0 {
        let verb = if not_begun == 1 { "was" } else { "were" };
        output.message(&format!("{} {verb} not begun\n", count(not_begun, "node")));
    }
}

/// Why the stage as a whole was not finished; `None` where that is a node's own fault.
fn reason(stop: &Stop) -> Option<String> {
    match stop {
        Stop::Node => None,
        Stop::Gate(error) => Some(format!("the stage is not done: {}", Chain(error))),
        Stop::Cluster { subject, source } => {
            Some(format!("the stage is not done: {subject}: {}", Chain(source.as_ref())))
        }
        Stop::Interrupted => {
            Some(String::from("interrupted: what had begun was finished or put back, nothing else was begun"))
        }
    }
}

/// The stage as it goes into the summary.
pub(super) fn stage(plan: &Plan, report: &Report) -> AppliedStage {
    let of_node = |node: &crate::plan::NodePlan| {
        let outcome = report.nodes.get(&node.node).unwrap_or(&NodeOutcome::NotBegun);
        let (end, error) = match outcome {
            NodeOutcome::Applied => (NodeEnd::Applied, None),
            NodeOutcome::Untouched(error) => (NodeEnd::Unchanged, Some(error)),
            NodeOutcome::RolledBack(error) => (NodeEnd::RolledBack, Some(error)),
            NodeOutcome::Broken { error, .. } => (NodeEnd::NeedsHuman, Some(error)),
            NodeOutcome::NotBegun => (NodeEnd::NotBegun, None),
        };
        let error = error.map(|error| Chain(error).to_string());
        (node.node.clone(), AppliedNode { outcome: end, changes: node.changes.len(), error })
    };
    let cluster_changes = match &report.stopped {
        None => plan.cluster_changes.len(),
        Some(Stop::Cluster { subject, .. }) => {
            plan.cluster_changes.iter().take_while(|change| change.subject != *subject).count()
        }
        Some(Stop::Node | Stop::Gate(_) | Stop::Interrupted) => 0,
    };
    AppliedStage {
        stage: plan.stage.clone(),
        summary: plan.summary(),
        nodes: plan.waves.iter().flat_map(|wave| &wave.nodes).map(of_node).collect(),
        cluster_changes,
        stopped: report.stopped.as_ref().and_then(reason),
    }
}
