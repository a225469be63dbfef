//! Reports in files: what `--report sarif=FILE` asks for, and writing it. A report appears whole or not at all, and is
//! for everybody to read: it holds no secret.

use super::{html, json, junit, sarif};
use crate::check::Report;
use crate::error::Hint;
use crate::inventory::{Inventory, nearest, shown};
use std::fmt;
use std::fs::{self, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The form of a report in a file.
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

impl ReportKind {
    const ALL: [Self; 4] = [Self::Json, Self::Sarif, Self::Junit, Self::Html];

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
pub enum ReportRequestError {
    /// There is no `=`, or nothing behind it.
    #[error("{} names no file; write it like `sarif=FILE`", shown(.0))]
    NoFile(String),
    /// There is no such form.
    #[error("there is no report {}; {}", shown(form), remedy(meant.as_deref()))]
    UnknownForm {
        /// What stands before the `=`.
        form: String,
        /// What was probably meant.
        meant: Option<String>,
    },
}

fn remedy(meant: Option<&str>) -> String {
    match meant {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => format!("the reports are {}", ReportKind::ALL.map(ReportKind::word).join(", ")),
    }
}

impl FromStr for ReportRequest {
    type Err = ReportRequestError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (form, path) = text.split_once('=').unwrap_or((text, ""));
        let Some(kind) = ReportKind::ALL.into_iter().find(|kind| kind.word() == form) else {
            let meant = nearest(form, ReportKind::ALL.map(ReportKind::word)).map(str::to_owned);
            return Err(ReportRequestError::UnknownForm { form: form.to_owned(), meant });
        };
        if path.is_empty() {
            return Err(ReportRequestError::NoFile(text.to_owned()));
        }
        Ok(Self { kind, path: PathBuf::from(path) })
    }
}

/// A report could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// It has no JSON form.
    #[error("make the {kind} report")]
    Form {
        /// In which form.
        kind: ReportKind,
        /// Why.
        source: serde_json::Error,
    },
    /// What stands there is no file that could be replaced.
    #[error("write the {kind} report: {} is not a regular file", path.display())]
    NotAFile {
        /// In which form.
        kind: ReportKind,
        /// Where to.
        path: PathBuf,
    },
    /// The file could not be written.
    #[error("write the {kind} report {}", path.display())]
    Write {
        /// In which form.
        kind: ReportKind,
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
pub fn write(
    kind: ReportKind,
    path: &Path,
    report: &Report,
    inventory: &Inventory,
) -> Result<(), ReportError> {
    let form = |source| ReportError::Form { kind, source };
    let mut text = match kind {
        ReportKind::Json => json(report).map_err(form)?,
        ReportKind::Sarif => sarif(report, inventory).map_err(form)?,
        ReportKind::Junit => junit(report),
        ReportKind::Html => html(report),
    };
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

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn replace(target: &Path, text: &str) -> io::Result<()> {
    let mut file = tempfile::Builder::new().prefix(".harden-report-").tempfile_in(directory(target))?;
    file.write_all(text.as_bytes())?;
    file.as_file().set_permissions(Permissions::from_mode(0o644))?;
    file.persist(target).map(|_| ()).map_err(|error| error.error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_read() {
        for (text, kind, path) in [
            ("sarif=a.sarif", ReportKind::Sarif, "a.sarif"),
            ("html=/tmp/x=y.html", ReportKind::Html, "/tmp/x=y.html"),
            ("junit=out/j.xml", ReportKind::Junit, "out/j.xml"),
            ("json=r.json", ReportKind::Json, "r.json"),
        ] {
            assert_eq!(text.parse(), Ok(ReportRequest { kind, path: PathBuf::from(path) }));
        }
        for (text, message) in [
            ("sarif", "`sarif` names no file; write it like `sarif=FILE`"),
            ("html=", "`html=` names no file; write it like `sarif=FILE`"),
            ("sariff=x", "there is no report `sariff`; did you mean `sarif`?"),
            ("pdf=x", "there is no report `pdf`; the reports are json, sarif, junit, html"),
            ("=x", "there is no report the empty string; the reports are json, sarif, junit, html"),
        ] {
            assert_eq!(text.parse::<ReportRequest>().unwrap_err().to_string(), message);
        }
    }
}
