//! `harden show`: a saved plan as text or JSON. It contacts no node, and shows stale and applied plans too.

use super::{Error, Global};
use crate::error::{ExitCode, Hint};
use crate::plan::file::PlanFileError;
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

/// A saved plan could not be loaded.
#[derive(Debug, thiserror::Error)]
enum LoadError {
    /// Its file could not be read.
    #[error("read the plan {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is no plan.
    #[error("{}", path.display())]
    NoPlan {
        /// The file.
        path: PathBuf,
        /// Why.
        source: PlanFileError,
    },
}

impl Hint for LoadError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Read { .. } => None,
            Self::NoPlan { source, .. } => source.hint(),
        }
    }
}

/// Reads a saved plan.
pub(super) fn load(path: &Path) -> Result<Plan, Error> {
    let path_of = || path.to_owned();
    let bytes =
        std::fs::read(path).map_err(|source| Error::hinted(LoadError::Read { path: path_of(), source }))?;
    let plan = match std::str::from_utf8(&bytes) {
        Ok(text) => file::from_json(text),
        Err(_) => Err(PlanFileError::NotAPlan { source: None }),
    };
    plan.map_err(|source| Error::hinted(LoadError::NoPlan { path: path_of(), source }))
}

/// Shows a saved plan.
pub fn run(arguments: &Show, global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let plan = load(&arguments.file)?;
    super::plan::show(&plan, global, output)?;
    Ok(ExitCode::Success)
}
