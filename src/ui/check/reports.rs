//! The reports of a check that `--report` asks for.

use super::{html, json, junit, sarif};
use crate::check::Report;
use crate::inventory::Inventory;
use crate::ui::reports::{self, Kind, ReportError};
use std::fmt;
use std::path::Path;

/// The kinds of a check's reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReportKind {
    /// As `-o json` prints it.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// JUnit XML, for CI.
    Junit,
    /// One page for a reviewer.
    Html,
}

impl Kind for ReportKind {
    const ALL: &'static [Self] = &[Self::Json, Self::Sarif, Self::Junit, Self::Html];

    fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::Junit => "junit",
            Self::Html => "html",
        }
    }
}

impl fmt::Display for ReportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// Writes a report to a file.
pub fn write(
    kind: ReportKind,
    path: &Path,
    report: &Report,
    inventory: &Inventory,
) -> Result<(), ReportError> {
    let form = |source| ReportError::Form { kind: kind.word(), source };
    let text = match kind {
        ReportKind::Json => json(report).map_err(form)?,
        ReportKind::Sarif => sarif(report, inventory).map_err(form)?,
        ReportKind::Junit => junit(report),
        ReportKind::Html => html(report),
    };
    reports::write(kind.word(), path, text)
}
