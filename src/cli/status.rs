//! `harden status`: what became of the last transaction on each node. Strictly reading.

use super::nodes::Nodes;
use super::{Error, Format, Global};
use crate::error::ExitCode;
use crate::status::{Depth, Summary};
use crate::ui::{self, Output, Progress};
use clap::Args;

/// Tell what became of the last transaction on each node; changes nothing
///
/// For each node: whether its last transaction was committed or put back and by whom, or is not at its end, when it was, who
/// began it and how many paths it changed; with -v these paths and the transactions before it. Exits with 0 when every node
/// is at rest, with 2 where a transaction is not at its end, could not be put back or left its lock behind, and with 1 where
/// a node could not be read.
#[derive(Debug, Clone, Copy, Args)]
pub struct Status {}

/// Reads and reports.
pub fn run(global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let nodes = Nodes::load(global, output)?;
    let depth = match (global.output, global.verbose) {
        (Format::Text, 0) => Depth::Last,
        _ => Depth::History,
    };
    let report = {
        let progress = Progress::start(output.clone(), global.progress, global.quiet);
        nodes.status(depth, &|event| progress.emit(&event))
    };
    output.result(&match global.output {
        Format::Text => ui::status::table(&report, output.view(global.verbose > 0)),
        Format::Json => ui::status::json(&report)?,
    })?;
    Ok(exit_code(report.summary, report.unreachable.len()))
}

/// What could not be read may be the worst of all, so it wins over what was found.
fn exit_code(summary: Summary, unreachable: usize) -> ExitCode {
    match () {
        () if unreachable > 0 => ExitCode::Error,
        () if summary.at_rest < summary.of => ExitCode::Changes,
        () => ExitCode::Success,
    }
}
