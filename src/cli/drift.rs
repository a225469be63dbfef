//! `harden drift`: is every node as it was last applied? Strictly reading. What the inventory asks for and was never
//! applied is told apart: that is pending, not drift.

use super::pipeline::{Keep, Pipeline};
use super::{Error, Global};
use crate::error::ExitCode;
use crate::plan::{Origin, Plan};
use crate::ui::{Output, Progress};
use clap::Args;

/// Tell what somebody changed on the nodes since the last apply; changes nothing
#[derive(Debug, Clone, Args)]
pub struct Drift {}

/// Reads and reports.
pub fn run(global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let pipeline = Pipeline::load(global, output)?;
    let plan = {
        let progress = Progress::start(output.clone(), global.progress, global.quiet);
        pipeline.plan(&pipeline.observe(Keep::ControlPlanes, &|event| progress.emit(&event))?)?
    };
    let (drift, pending) = divide(plan);
    super::plan::show(&drift, global, output)?;
    output.message(&format!(
        "{} drifted, {pending} pending (declared and not applied yet).\n",
        drift.changes().count()
    ));
    Ok(match () {
        () if !drift.unreachable.is_empty() => ExitCode::Error,
        () if drift.changes().next().is_some() => ExitCode::Changes,
        () => ExitCode::Success,
    })
}

/// The plan with only what drifted left in it, and the number of changes that are only pending.
fn divide(mut plan: Plan) -> (Plan, usize) {
    let drifted = |origin| matches!(origin, Origin::Drift | Origin::Both);
    let mut pending = plan.cluster_changes.len();
    plan.cluster_changes.clear();
    plan.remaining.clear();
    plan.gates.clear();
    for wave in &mut plan.waves {
        for node in &mut wave.nodes {
            pending += node.changes.iter().filter(|change| !drifted(change.origin)).count();
            node.changes.retain(|change| drifted(change.origin));
        }
        let in_sync = wave.nodes.iter().filter(|node| node.changes.is_empty());
        plan.in_sync.extend(in_sync.map(|node| node.node.clone()));
        wave.nodes.retain(|node| !node.changes.is_empty());
    }
    plan.waves.retain(|wave| !wave.nodes.is_empty());
    (plan, pending)
}
