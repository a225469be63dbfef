//! `harden plan`: read, compare, show. It changes nothing but the files that `--out` and `--report` name.

use super::pipeline::{Keep, Pipeline};
use super::requests::requests;
use super::{Error, Format, Global, Parts};
use crate::error::ExitCode;
use crate::plan::{self, Plan as ThePlan, file};
use crate::ui::plan::ReportKind;
use crate::ui::reports::Request;
use crate::ui::{self, Output, Progress, View};
use clap::Args;
use std::convert::Infallible;
use std::fs::{OpenOptions, Permissions};
use std::io::Write as _;
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Show what would be changed; changes nothing
#[derive(Debug, Clone, Args)]
pub struct Plan {
    /// Save the plan, for `harden apply FILE`; it holds no secrets
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,

    /// Exit with 2 when there are changes
    #[arg(long)]
    pub detailed_exitcode: bool,

    /// Write a report as well, as in `markdown=FILE`; the kinds are json and markdown, a comment for a pull request; may be repeated
    #[arg(long = "report", value_name = "KIND=FILE", value_parser = requests::<ReportKind, Infallible>())]
    pub reports: Vec<Request<ReportKind>>,

    /// Which part.
    #[command(flatten)]
    pub parts: Parts,
}

/// The plan could not be saved.
#[derive(Debug, thiserror::Error)]
#[error("save the plan as {}", path.display())]
struct SaveError {
    path: PathBuf,
    source: std::io::Error,
}

/// Plans and shows.
pub fn run(arguments: &Plan, global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let pipeline = Pipeline::load(global, &arguments.parts, output)?;
    let (mut plan, sickness) = {
        let progress = Progress::start(output.clone(), global.progress, global.quiet);
        let listener = |event| progress.emit(&event);
        let observation = pipeline.observe(Keep::ControlPlanes, &listener)?;
        let mut plan = pipeline.plan(&observation)?;
        pipeline.name_refused_pods(&mut plan, &observation, &listener)?;
        let sickness = pipeline.sickness(&plan, &observation);
        (plan, sickness)
    };
    // A saved plan is applied later, and what is sick then is looked at then.
    let lasting = plan.notices.len();
    plan.notices.extend(sickness);
    show(&plan, global, output)?;
    for request in &arguments.reports {
        match request {
            Request::File { kind, path } => ui::plan::write(*kind, path, &plan),
            Request::Sent { kind, .. } => match *kind {},
        }
        .map_err(Error::hinted)?;
    }
    plan.notices.truncate(lasting);
    if let Some(path) = &arguments.out {
        save(&plan, path)?;
    }
    Ok(match () {
        () if !plan.unreachable.is_empty() => ExitCode::Error,
        () if arguments.detailed_exitcode && !plan.is_empty() => ExitCode::Changes,
        () => ExitCode::Success,
    })
}

/// Shows a plan to whoever is asked about it, where standard output is for a program.
pub(super) fn show_for_question(plan: &plan::Plan, global: &Global, output: &Output) {
    let view = View { paint: output.stderr_paint(), ..output.view(global.verbose > 0) };
    output.message(&ui::plan::render(plan, view));
}

/// Prints a plan in the form that was asked for.
pub(super) fn show(plan: &plan::Plan, global: &Global, output: &Output) -> Result<(), Error> {
    let text = match global.output {
        Format::Text => ui::plan::render(plan, output.view(global.verbose > 0)),
        Format::Json => ui::json::plan(plan)?,
    };
    output.result(&text)?;
    Ok(())
}

fn save(plan: &ThePlan, path: &Path) -> Result<(), Error> {
    let text = file::to_json(plan).map_err(Error::hinted)?;
    let error = |source| Error::new(SaveError { path: path.to_owned(), source });
    // It names paths, flags and addresses of a production cluster: nobody else's business.
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).map_err(error)?;
    if file.metadata().map_err(error)?.is_file() {
        // The mode above is only that of a new file.
        file.set_permissions(Permissions::from_mode(0o600)).map_err(error)?;
    }
    file.write_all(text.as_bytes()).map_err(error)
}
