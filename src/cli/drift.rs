//! `harden drift`: is every node as it was last applied? Strictly reading. What the inventory asks for and was never
//! applied is told apart: that is pending, not drift.

use super::pipeline::{Keep, Pipeline};
use super::{Error, Format, Global, Parts};
use crate::error::ExitCode;
use crate::ui::plan::DriftSummary;
use crate::ui::{self, Output, Progress};
use clap::Args;

/// Tell what somebody changed on the nodes since the last apply; changes nothing
#[derive(Debug, Clone, Args)]
pub struct Drift {
    /// Which part.
    #[command(flatten)]
    pub parts: Parts,
}

/// Reads and reports.
pub fn run(arguments: &Drift, global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let pipeline = Pipeline::load(global, &arguments.parts, output)?;
    let plan = {
        let progress = Progress::start(output.clone(), global.progress, global.quiet);
        pipeline.plan_whole(&pipeline.observe(Keep::ControlPlanes, &|event| progress.emit(&event))?)?
    };
    output.result(&match global.output {
        Format::Text => ui::plan::drift(&plan, output.view(global.verbose > 0)),
        Format::Json => ui::json::drift(&plan)?,
    })?;
    let summary = DriftSummary::of(&plan);
    Ok(match () {
        // Incomplete information: what could not be read may have drifted as well.
        () if summary.unreachable > 0 => ExitCode::Error,
        () if summary.drift > 0 => ExitCode::Changes,
        () => ExitCode::Success,
    })
}
