//! `harden drift`: is every node as it was last applied? Strictly reading, and made for jobs that run every few minutes. What the
//! inventory asks for and was never applied is told apart: that is pending, not drift.

mod cluster;
mod error;
mod gather;
mod judge;
mod lock;
mod probe;

pub use probe::PrintProbe;

use super::load::{now, overrides};
use super::pipeline::Pipeline;
use super::reports::Reports;
use super::{Error, Format, Global, Parts};
use crate::drift::{self, Report, Shard};
use crate::error::ExitCode;
use crate::event::{Event, Listener};
use crate::inventory::Node;
use crate::inventory::{Deadline, Jitter};
use crate::remote::{Reader, RemoteError};
use crate::ui::drift::FailedRun;
use crate::ui::{self, Output, Progress};
use clap::Args;
use error::DriftError;
use gather::Check;
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

    /// Where to.
    #[command(flatten)]
    pub reports: Reports,

    /// What of a locked key is to be printed.
    #[command(flatten)]
    pub probe: PrintProbe,

    /// Which part.
    #[command(flatten)]
    pub parts: Parts,
}

/// How nodes are connected to.
pub type Connect<'a> = dyn Fn(&Node) -> Result<Box<dyn Reader>, RemoteError> + Sync + 'a;

/// Reads and reports.
pub fn run(arguments: &Drift, global: &Global, output: &Output) -> Result<ExitCode, Error> {
    run_through(arguments, global, output, None)
}

/// As [`run`], by other connections than those to the inventory's nodes where there are some: what a check of thousands of nodes
/// costs is measured without having them.
pub fn run_through(
    arguments: &Drift,
    global: &Global,
    output: &Output,
    connect: Option<&Connect<'_>>,
) -> Result<ExitCode, Error> {
    let (started, begun) = (now(), Instant::now());
    // Whoever has it tells the dashboards what is found.
    let _lock = arguments.lock_file.as_deref().map(lock::take).transpose().map_err(Error::hinted)?;
    let pipeline = Pipeline::load(global, &arguments.parts, output);
    if arguments.probe.print_probe {
        let pipeline = pipeline?;
        return probe::print(&arguments.probe, &Check::prepare(&pipeline, None, None)?, global, output);
    }
    let cluster = pipeline.as_ref().ok().map(|pipeline| pipeline.inventory.cluster.name.clone());
    let report = pipeline.and_then(|pipeline| {
        let report = checked(&pipeline, arguments, global, output, connect)?;
        Ok((pipeline, report))
    });
    match report {
        Ok((pipeline, report)) => show(&report, &pipeline, arguments, global, output),
        Err(error) => {
            // A dashboard must not take the figures of the run before for those of this one.
            let milliseconds = milliseconds(begun);
            let run =
                FailedRun { cluster: cluster.as_deref(), shard: arguments.shard, started, milliseconds };
            if let Err(other) = arguments.reports.deliver_failure(&run) {
                ui::report(output, &other, other.hints());
            }
            Err(error)
        }
    }
}

/// The report, with everything marked in it that does not count.
fn checked(
    pipeline: &Pipeline,
    arguments: &Drift,
    global: &Global,
    output: &Output,
    connect: Option<&Connect<'_>>,
) -> Result<Report, Error> {
    let last = arguments.since_last.as_deref().map(last_report).transpose().map_err(Error::hinted)?;
    let progress = Progress::start(output.clone(), global.progress, global.quiet);
    let listener = |event| progress.emit(&event);
    if let Some(jitter) = &arguments.jitter {
        let most = u64::try_from(jitter.0.as_millis()).unwrap_or(u64::MAX);
        wait(Duration::from_millis(gather::random_between((0, most))), &listener);
    }
    let begun = Instant::now();
    let until = arguments.deadline.map(|deadline| begun + deadline.0);
    let mut report = Check::prepare(pipeline, arguments.shard, until)?.through(connect).run(&listener)?;
    report.shards.extend(arguments.shard);
    report.milliseconds = milliseconds(begun);
    drift::apply_ignores(&mut report, &pipeline.inventory.drift.ignores, pipeline.now);
    match last {
        Some(Some(last)) => drift::compare(&mut report, &last).map_err(Error::hinted)?,
        Some(None) => {
            report.notices.push(String::from("there is no earlier report yet: everything counts as new"));
        }
        None => {}
    }
    Ok(report)
}

/// Prints the report, and delivers those that were asked for.
fn show(
    report: &Report,
    pipeline: &Pipeline,
    arguments: &Drift,
    global: &Global,
    output: &Output,
) -> Result<ExitCode, Error> {
    output.result(&match global.output {
        Format::Text => ui::drift::table(report, output.view(global.verbose > 0)),
        Format::Json => ui::drift::json(report)?,
    })?;
    arguments.reports.deliver(report, Some(&pipeline.inventory), &overrides(&pipeline.inventory))?;
    Ok(exit_code(report))
}

/// What a report means for the exit code.
pub(super) fn exit_code(report: &Report) -> ExitCode {
    match () {
        // What could not be read may have drifted as well.
        () if report.is_incomplete() => ExitCode::Error,
        () if report.summary().drift > 0 => ExitCode::Changes,
        () => ExitCode::Success,
    }
}

fn milliseconds(begun: Instant) -> u64 {
    u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)
}

/// Lets a random time go by: many jobs that are started at once then do not come at once.
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
