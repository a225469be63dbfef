//! Reading one inventory file, and everything that can be wrong with it in one go.

use super::diagnostic::{Diagnostic, Level, Problem, Report, Source};
use super::lower::{Places, lower};
use super::raw::RawInventory;
use super::structure;
use super::{Inventory, schema};
use crate::error::Hint;
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use toml::de::DeTable;

/// An inventory and what its author should know about it.
#[derive(Debug)]
pub struct Loaded {
    /// The inventory.
    pub inventory: Inventory,
    /// Warnings, in the order of the file.
    pub warnings: Vec<Diagnostic>,
}

/// Why there is no inventory.
#[derive(Debug, thiserror::Error)]
pub enum InventoryError {
    /// The file could not be read.
    #[error("read the inventory {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file was read and has errors.
    #[error("{path} has {}", count(diagnostics))]
    Invalid {
        /// The file.
        path: PathBuf,
        /// All errors and warnings, in the order of the file.
        diagnostics: Vec<Diagnostic>,
    },
}

impl InventoryError {
    /// All diagnostics in their printed form, an empty line between them; empty where the file could not be read.
    pub fn render(&self, color: bool) -> String {
        match self {
            Self::Read { .. } => String::new(),
            Self::Invalid { diagnostics, .. } => {
                diagnostics.iter().map(|diagnostic| diagnostic.render(color)).collect::<Vec<_>>().join("\n")
            }
        }
    }
}

impl Hint for InventoryError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Read { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Some(String::from("write one with `harden init`, or name another file with --inventory"))
            }
            _ => None,
        }
    }
}

fn count(diagnostics: &[Diagnostic]) -> String {
    match diagnostics.iter().filter(|diagnostic| diagnostic.level() == Level::Error).count() {
        1 => String::from("1 error"),
        errors => format!("{errors} errors"),
    }
}

/// Reads and validates an inventory. `~` in its paths is the directory that `HOME` names.
pub fn load(path: &Path) -> Result<Loaded, InventoryError> {
    let bytes =
        std::fs::read(path).map_err(|source| InventoryError::Read { path: path.to_owned(), source })?;
    let home = std::env::var_os("HOME").filter(|home| !home.is_empty()).map(PathBuf::from);
    parse(path, bytes, home)
}

/// The same for a file that has been read already, with `~` given.
pub fn parse(path: &Path, bytes: Vec<u8>, home: Option<PathBuf>) -> Result<Loaded, InventoryError> {
    let name: String = path.to_string_lossy().chars().filter(|c| !c.is_control()).collect();
    let (text, broken) = match String::from_utf8(bytes) {
        Ok(text) => (text, None),
        Err(error) => {
            let at = error.utf8_error().valid_up_to();
            (String::from_utf8_lossy(error.as_bytes()).into_owned(), Some(at))
        }
    };
    let mut report = Report::new(Source::new(name, text));
    if let Some(at) = broken {
        let problem = Problem::new("this is not UTF-8").help("save the file as UTF-8, which TOML requires");
        report.error(at..at + 1, problem);
    }
    let inventory = if report.has_errors() { None } else { read(path, home, &mut report) };
    let failed = report.has_errors();
    let diagnostics = report.finish();
    match inventory {
        Some(inventory) if !failed => Ok(Loaded { inventory, warnings: diagnostics }),
        _ => Err(InventoryError::Invalid { path: path.to_owned(), diagnostics }),
    }
}

fn read(path: &Path, home: Option<PathBuf>, report: &mut Report) -> Option<Inventory> {
    let source = std::sync::Arc::clone(&report.source);
    let (mut table, errors) = DeTable::parse_recoverable(&source.text);
    let schema = schema::value();
    if !errors.is_empty() {
        for error in &errors {
            let span = error.span().unwrap_or_default();
            report.syntax_error(span, Problem::new(error.message().replace('\n', ", ")));
        }
        beside_syntax_errors(&mut table, &schema, report);
        return None;
    }
    let damage = structure::walk(&mut table, &schema, report);
    let raw = match RawInventory::deserialize(toml::Deserializer::from(table)) {
        Ok(raw) => raw,
        // The walk has taken out everything that could fail here; should it ever miss something, it is still an
        // error with a place.
        Err(error) => {
            report.error(error.span().unwrap_or_default(), Problem::new(error.message()));
            return None;
        }
    };
    let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let places = Places { directory: directory.unwrap_or_else(|| Path::new(".")).to_owned(), home };
    Some(lower(raw, path, &places, &damage, report))
}

/// The structure's errors in a file that also has syntax errors, as far as they are certain: not on the same
/// lines, nothing about missing keys, and none at all after a broken table header.
fn beside_syntax_errors(
    table: &mut toml::Spanned<DeTable<'_>>,
    schema: &serde_json::Value,
    report: &mut Report,
) {
    let source = std::sync::Arc::clone(&report.source);
    let broken: BTreeSet<usize> =
        report.diagnostics.iter().map(|diagnostic| source.line(diagnostic.span.start)).collect();
    let header = broken.iter().any(|line| source.line_text(*line).trim_start().starts_with('['));
    let syntax = report.diagnostics.len();
    // Its knowledge of what may be a secret is wanted in any case.
    structure::walk(table, schema, report);
    let found = report.diagnostics.split_off(syntax);
    if header {
        return;
    }
    report.diagnostics.extend(found.into_iter().filter(|diagnostic| {
        !diagnostic.problem.message.starts_with("missing key")
            && !broken.contains(&source.line(diagnostic.span.start))
    }));
}
