//! The reports of a drift check that `--report` asks for.

use super::{html, json, junit, markdown, prometheus, sarif};
use crate::drift::Report;
use crate::inventory::Inventory;
use crate::ui::reports::{self, Kind, ReportError, before};
use std::path::Path;

/// The kinds of a drift check's reports that are written to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReportKind {
    /// As `-o json` prints it.
    Json,
    /// Metrics for the textfile collector of node_exporter.
    Prometheus,
    /// JUnit XML, for CI.
    Junit,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// One page for a reviewer.
    Html,
    /// A comment on a pull request.
    Markdown,
}

impl Kind for ReportKind {
    const ALL: &'static [Self] =
        &[Self::Json, Self::Prometheus, Self::Junit, Self::Sarif, Self::Html, Self::Markdown];

    fn word(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Prometheus => "prom",
            Self::Junit => "junit",
            Self::Sarif => "sarif",
            Self::Html => "html",
            Self::Markdown => "markdown",
        }
    }
}

/// Writes a report to a file. Without an inventory SARIF has no lines.
pub fn write(
    kind: ReportKind,
    path: &Path,
    report: &Report,
    inventory: Option<&Inventory>,
) -> Result<(), ReportError> {
    let form = |source| ReportError::Form { kind: kind.word(), source };
    let text = match kind {
        ReportKind::Json => json(report).map_err(form)?,
        ReportKind::Prometheus => prometheus(report, &before(path)),
        ReportKind::Junit => junit(report),
        ReportKind::Sarif => sarif(report, inventory).map_err(form)?,
        ReportKind::Html => html(report),
        ReportKind::Markdown => markdown(report),
    };
    reports::write(kind.word(), path, text)
}

/// Writes to a file of metrics that a run ended before it had a report.
pub fn write_failed(path: &Path, run: &super::FailedRun<'_>) -> Result<(), ReportError> {
    reports::write(ReportKind::Prometheus.word(), path, super::prometheus_failed(run, &before(path)))
}
