//! `harden show`: a saved plan as text or JSON. It contacts no node, and shows stale and applied plans too.

use super::{Error, Format, Global};
use crate::error::{ExitCode, Hint};
use crate::plan::{FORMAT_VERSION, Plan};
use crate::ui::{self, Output};
use clap::Args;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Show a saved plan; contacts no node
#[derive(Debug, Clone, Args)]
pub struct Show {
    /// A plan saved by `harden plan --out`
    #[arg(value_name = "FILE")]
    pub file: PathBuf,
}

/// Why a saved plan cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum ShowError {
    /// The file could not be read.
    #[error("read the plan {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file is no plan, or not all of one.
    #[error("{} is not a complete plan", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// Another version of harden made it.
    #[error("{} has format {found}, and this version of harden reads {FORMAT_VERSION}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// Its format.
        found: String,
    },
}

impl Hint for ShowError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Read { .. } => None,
            Self::Malformed { .. } => Some(String::from("make a new one with `harden plan --out FILE`")),
            Self::Format { .. } => Some(String::from("use the version of harden that made the plan")),
        }
    }
}

#[derive(Deserialize)]
struct Version {
    format_version: String,
}

fn load(path: &Path) -> Result<Plan, ShowError> {
    let text = std::fs::read(path).map_err(|source| ShowError::Read { path: path.to_owned(), source })?;
    let malformed = |source| ShowError::Malformed { path: path.to_owned(), source };
    let version: Version = serde_json::from_slice(&text).map_err(malformed)?;
    let major = |version: &str| version.split('.').next().map(str::to_owned);
    if major(&version.format_version) != major(FORMAT_VERSION) {
        return Err(ShowError::Format { path: path.to_owned(), found: version.format_version });
    }
    serde_json::from_slice(&text).map_err(malformed)
}

/// Shows a saved plan.
pub fn run(arguments: &Show, global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let plan = load(&arguments.file).map_err(Error::hinted)?;
    let text = match global.output {
        Format::Text => ui::plan::render(&plan, output.view(global.verbose > 0)),
        Format::Json => ui::json::plan(&plan)?,
    };
    output.result(&text)?;
    Ok(ExitCode::Success)
}
