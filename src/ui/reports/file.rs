//! A report in a file. It appears whole or not at all, and is for everybody to read: it holds no secret.

use crate::error::Hint;
use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// A report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// It has no JSON form.
    #[error("make the {kind} report")]
    Form {
        /// In which form.
        kind: &'static str,
        /// Why.
        source: serde_json::Error,
    },
    /// What stands there is no file that could be replaced.
    #[error("write the {kind} report: {} is not a regular file", path.display())]
    NotAFile {
        /// In which form.
        kind: &'static str,
        /// Where to.
        path: PathBuf,
    },
    /// The file could not be written.
    #[error("write the {kind} report {}", path.display())]
    Write {
        /// In which form.
        kind: &'static str,
        /// Where to.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Hint for ReportError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Form { .. } => None,
            Self::NotAFile { .. } => Some(String::from("name a new file or one to be replaced")),
            Self::Write { path, source, .. } => match source.kind() {
                io::ErrorKind::NotFound => {
                    Some(format!("make the directory {} first", directory(path).display()))
                }
                io::ErrorKind::PermissionDenied => Some(format!(
                    "name a file in a directory that you may write to; {} is none",
                    directory(path).display()
                )),
                io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                    Some(String::from("make room, or name a file elsewhere"))
                }
                _ => None,
            },
        }
    }
}

/// Writes a report. What stood at the path is there until the new one is complete, and afterwards never again.
pub fn write(kind: &'static str, path: &Path, mut text: String) -> Result<(), ReportError> {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    // A link is followed: a rename would replace the link itself. What does not exist yet stays as it is named.
    let target = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if fs::metadata(&target).is_ok_and(|found| !found.is_file()) {
        // Renaming over /dev/stdout or a socket would take it away from everybody else.
        return Err(ReportError::NotAFile { kind, path: path.to_owned() });
    }
    replace(&target, &text).map_err(|source| ReportError::Write { kind, path: path.to_owned(), source })
}

/// The report that stands at a path from an earlier run; empty where there is none that could be read.
pub(in crate::ui) fn before(path: &Path) -> String {
    let is_file = fs::metadata(path).is_ok_and(|found| found.is_file());
    if is_file { fs::read_to_string(path).unwrap_or_default() } else { String::new() }
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn replace(target: &Path, text: &str) -> io::Result<()> {
    // The name ends in nothing that somebody reads: node_exporter takes every `*.prom`, complete or not.
    let mut file = tempfile::Builder::new().prefix(".harden-report-").tempfile_in(directory(target))?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(0o644))?;
    file.persist(target).map(|_| ()).map_err(|error| error.error)
}
