//! `harden show`: a saved plan as text or JSON. It contacts no node, and shows stale and applied plans too.

use super::{Error, Global};
use crate::error::ExitCode;
use crate::plan::{Plan, file};
use crate::ui::Output;
use clap::Args;
use std::path::{Path, PathBuf};

/// Show a saved plan; contacts no node
#[derive(Debug, Clone, Args)]
pub struct Show {
    /// A plan saved by `harden plan --out`
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// The plan's file could not be read.
#[derive(Debug, thiserror::Error)]
#[error("read the plan {}", path.display())]
struct ReadError {
    path: PathBuf,
    source: std::io::Error,
}

/// Reads a saved plan.
pub(super) fn load(path: &Path) -> Result<Plan, Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| Error::new(ReadError { path: path.to_owned(), source }))?;
    file::from_json(&text).map_err(Error::hinted)
}

/// Shows a saved plan.
pub fn run(arguments: &Show, global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let plan = load(&arguments.file)?;
    super::plan::show(&plan, global, output)?;
    Ok(ExitCode::Success)
}
