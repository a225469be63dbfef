//! `harden drift`: is every node as it was last applied? Strictly reading, and made for jobs that run every few minutes. What the
//! inventory asks for and was never applied is told apart: that is pending, not drift.

mod cluster;
mod error;
mod gather;
mod judge;
mod lock;
mod probe;

use super::pipeline::Pipeline;
use super::{Error, Format, Global, Parts};
use crate::drift::{self, Report, Shard, Summary};
use crate::error::ExitCode;
use crate::event::{Event, Listener};
use crate::inventory::{Deadline, Jitter};
use crate::ui::{self, Output, Progress};
use clap::Args;
use error::DriftError;
use gather::Check;
pub use probe::PrintProbe;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Tell what somebody changed on the nodes since the last apply; changes nothing
///
/// Each difference is drift (the node is not what was last applied), pending (the inventory or a template changed since), or both.
/// Exits with 2 where there is drift that no [[drift.ignore]] of the inventory leaves aside, with 1 where a node could not be read or
/// a report not be written, and with 0 otherwise. Nodes that an apply works on are busy, and not judged.
#[derive(Debug, Clone, Args)]
pub struct Drift {
    /// Count only what an earlier report does not have, as `--report json=FILE` wrote it; it may be the file that this run writes
    #[arg(long, value_name = "FILE")]
    pub since_last: Option<PathBuf>,

    /// End after this time, from `30s` to `24h`; nodes that were not read by then count as unreachable
    #[arg(long, value_name = "TIME")]
    pub deadline: Option<Deadline>,

    /// Wait a random time before the first connection, this long at most: many jobs then do not come at once
    #[arg(long, value_name = "TIME")]
    pub jitter: Option<Jitter>,

    /// End with 1 where another run holds this file: runs that take longer than they should do not pile up
    #[arg(long, value_name = "FILE")]
    pub lock_file: Option<PathBuf>,

    /// Check a part of the nodes, as `3/8`: the third of eight jobs; `harden report merge` joins their reports
    #[arg(long, value_name = "PART/PARTS", env = "HARDEN_SHARD", hide_env_values = true)]
    pub shard: Option<Shard>,

    /// What of a locked key is to be printed.
    #[command(flatten)]
    pub probe: PrintProbe,

    /// Which part.
    #[command(flatten)]
    pub parts: Parts,
}

/// Reads and reports.
pub fn run(arguments: &Drift, global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let pipeline = Pipeline::load(global, &arguments.parts, output)?;
    if arguments.probe.print_probe {
        return probe::print(&arguments.probe, &Check::prepare(&pipeline, None, None)?, global, output);
    }
    let last = arguments.since_last.as_deref().map(last_report).transpose().map_err(Error::hinted)?;
    let _lock = arguments.lock_file.as_deref().map(lock::take).transpose().map_err(Error::hinted)?;
    let progress = Progress::start(output.clone(), global.progress, global.quiet);
    let listener = |event| progress.emit(&event);
    if let Some(jitter) = &arguments.jitter {
        let most = u64::try_from(jitter.0.as_millis()).unwrap_or(u64::MAX);
        wait(Duration::from_millis(gather::random_between((0, most))), &listener);
    }
    let mut report = check(&pipeline, arguments, &listener)?;
    drop(progress);
    drift::apply_ignores(&mut report, &pipeline.inventory.drift.ignores, pipeline.now);
    match last {
        Some(Some(last)) => drift::compare(&mut report, &last).map_err(Error::hinted)?,
        Some(None) => {
            report.notices.push(String::from("there is no earlier report yet: everything counts as new"));
        }
        None => {}
    }
    output.result(&match global.output {
        Format::Text => ui::drift::table(&report, output.view(global.verbose > 0)),
        Format::Json => ui::drift::json(&report)?,
    })?;
    Ok(exit_code(report.summary()))
}

/// What a report means for the exit code.
fn exit_code(summary: Summary) -> ExitCode {
    match () {
        // Incomplete information: what could not be read may have drifted as well.
        () if summary.unreachable > 0 => ExitCode::Error,
        () if summary.drift > 0 => ExitCode::Changes,
        () => ExitCode::Success,
    }
}

fn check(pipeline: &Pipeline, arguments: &Drift, listener: &Listener<'_>) -> Result<Report, Error> {
    let begun = Instant::now();
    let until = arguments.deadline.map(|deadline| begun + deadline.0);
    let mut report = Check::prepare(pipeline, arguments.shard, until)?.run(listener)?;
    report.shards.extend(arguments.shard);
    report.milliseconds = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
    Ok(report)
}

fn wait(time: Duration, listener: &Listener<'_>) {
    listener(Event::Cluster { step: format!("wait {} s before it begins", time.as_secs()) });
    std::thread::sleep(time);
}

/// The report to compare with; `None` where there is none yet, since a job runs for the first time at some time.
fn last_report(path: &Path) -> Result<Option<Report>, DriftError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(DriftError::ReadLast { path: path.to_owned(), source }),
    };
    let failed = |source| DriftError::Last { path: path.to_owned(), source };
    drift::read(&text).map(Some).map_err(failed)
}
