//! What a check found, as text for people and as reports for other programs and for reviewers.

use super::View;
use crate::check::Report;
use crate::error::Hint;
use crate::inventory::Inventory;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The form of a report in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ReportKind {
    /// As `-o json` prints it.
    Json,
}

/// `sarif=FILE`: a report that is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportRequest {
    /// In which form.
    pub kind: ReportKind,
    /// Where to.
    pub path: PathBuf,
}

/// A text asks for no report.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` names no file; write it like `sarif=FILE`")]
pub struct ReportRequestError(String);

impl FromStr for ReportRequest {
    type Err = ReportRequestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once('=') {
            Some((_, path)) => Ok(Self { kind: ReportKind::Json, path: path.into() }),
            None => Err(ReportRequestError(text.to_owned())),
        }
    }
}

/// A report could not be written.
#[derive(Debug, thiserror::Error)]
#[error("write the report {}", path.display())]
pub struct ReportError {
    path: PathBuf,
    source: std::io::Error,
}

impl Hint for ReportError {
    fn hint(&self) -> Option<String> {
        None
    }
}

/// Writes a report.
pub fn write(_: ReportKind, path: &Path, report: &Report, _: &Inventory) -> Result<(), ReportError> {
    std::fs::write(path, json(report).unwrap_or_default())
        .map_err(|source| ReportError { path: path.to_owned(), source })
}

/// The text of a report.
pub fn table(report: &Report, _: View) -> String {
    let mut text = String::new();
    for finding in &report.findings {
        let node = finding.node.as_ref().map_or("", |node| node.as_str());
        let _ = writeln!(text, "{:?} {} {node}", finding.verdict, finding.control);
    }
    text
}

/// The JSON form of a report.
pub fn json(report: &Report) -> Result<String, serde_json::Error> {
    serde_json::to_string_pretty(report)
}

/// What there is to say of one control.
#[derive(Debug, Clone, Copy)]
pub struct Explained<'a> {
    /// Its name, `cis-1.12:1.2.16`.
    pub control: &'a str,
    /// What it demands, in one line.
    pub title: &'a str,
    /// The section that it stands in, "1.2 API Server".
    pub section: &'a str,
    /// The benchmark's title, "CIS Kubernetes Benchmark v1.12".
    pub benchmark: &'a str,
    /// Whether the benchmark scores it.
    pub scored: bool,
    /// What the danger is.
    pub why: &'a str,
    /// How it is tested.
    pub tested: &'a str,
    /// What to do by hand.
    pub remedy: &'a str,
    /// What could break.
    pub could_break: &'a str,
    /// The resources with which `harden apply` brings it about, `static-pod.kube-apiserver`.
    pub fixed_by: &'a [String],
}

/// The explanation of a control, for `harden check --explain`.
pub fn explain(control: &Explained<'_>, _: View) -> String {
    format!("{}  {}\n{}\n", control.control, control.title, control.fixed_by.join(", "))
}
