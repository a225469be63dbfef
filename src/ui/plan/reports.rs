//! The reports of a plan that `--report` asks for.

use super::markdown;
use crate::plan::Plan;
use crate::ui::json;
use crate::ui::reports::{self, Kind, ReportError};
use std::path::Path;

/// The kinds of a plan's reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReportKind {
    /// As `-o json` prints it.
    Json,
    /// A comment on a pull request.
    Markdown,
}

impl Kind for ReportKind {
    const ALL: &'static [Self] = &[Self::Json, Self::Markdown];

    fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Markdown => "markdown",
        }
    }
}

/// Writes a report to a file.
pub fn write(kind: ReportKind, path: &Path, plan: &Plan) -> Result<(), ReportError> {
    let text = match kind {
        ReportKind::Json => {
            json::plan(plan).map_err(|source| ReportError::Form { kind: kind.word(), source })?
        }
        ReportKind::Markdown => markdown(plan),
    };
    reports::write(kind.word(), path, text)
}
