//! `harden report`: what is done with the reports of drift checks. It contacts no node.

use super::load::load_inventory;
use super::reports::Reports;
use super::{Error, Format, Global, drift as drift_verb};
use crate::drift::{self, Part, ReportTextError};
use crate::error::{ExitCode, Hint};
use crate::ui::drift::ReportKind;
use crate::ui::reports::Request;
use crate::ui::{self, Output};
use clap::{Args, Subcommand};
use std::path::{Path, PathBuf};

/// Work on reports of drift checks
#[derive(Debug, Clone, Args)]
pub struct Report {
    /// What to do.
    #[command(subcommand)]
    pub what: What,
}

/// What to do.
#[derive(Debug, Clone, Subcommand)]
pub enum What {
    /// Join the reports of `harden drift --shard` to one, with the exit code that one check of all nodes would have had
    ///
    /// Exits with 1 where the report of a part is missing, since there may be drift in it.
    Merge(Merge),
}

/// Join the reports of `harden drift --shard` to one
#[derive(Debug, Clone, Args)]
pub struct Merge {
    /// Reports that `harden drift --shard PART/PARTS --report json=FILE` wrote
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Where to.
    #[command(flatten)]
    pub reports: Reports,
}

/// A report could not be read.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("read {}", path.display())]
    File { path: PathBuf, source: std::io::Error },
    #[error("read {}", path.display())]
    Text { path: PathBuf, source: ReportTextError },
}

impl Hint for ReadError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::File { .. } => None,
            Self::Text { source, .. } => source.hint(),
        }
    }
}

/// Does it.
pub fn run(arguments: &Report, global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let What::Merge(arguments) = &arguments.what;
    let parts = arguments.files.iter().map(read).collect::<Result<_, _>>().map_err(Error::hinted)?;
    let merged = drift::merge(parts).map_err(Error::hinted)?;
    // Nothing but SARIF needs the inventory: the reports are often joined where it is not.
    let points_into_it = |it: &Request<_, _>| matches!(it, Request::File { kind: ReportKind::Sarif, .. });
    let inventory = arguments.reports.reports.iter().any(points_into_it);
    let inventory = inventory.then(|| load_inventory(global, output)).transpose()?;
    output.result(&match global.output {
        Format::Text => ui::drift::table(&merged.report, output.view(global.verbose > 0)),
        Format::Json => ui::drift::json(&merged.report)?,
    })?;
    let templates = global.inventory.parent().unwrap_or(Path::new("")).join("templates");
    arguments.reports.deliver(&merged.report, inventory.as_ref(), &templates)?;
    Ok(if merged.missing.is_empty() { drift_verb::exit_code(&merged.report) } else { ExitCode::Error })
}

fn read(path: &PathBuf) -> Result<Part, ReadError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| ReadError::File { path: path.clone(), source })?;
    let report = drift::read(&text).map_err(|source| ReadError::Text { path: path.clone(), source })?;
    Ok(Part { name: path.display().to_string(), report })
}
