//! Why manifests cannot be used. No variant carries a value of an object: it may be a Secret.

use crate::error::Hint;
use std::fmt;
use std::path::PathBuf;

/// Where a document is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// Its number in the file, from 1.
    pub document: usize,
    /// The line that it begins on.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, document {} (line {})", self.file.display(), self.document, self.line)
    }
}

/// Why manifests cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// A file or a folder cannot be read.
    #[error("read the manifests in {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// There is no manifest in a folder.
    #[error("read the manifests in {}: no file there ends in .yaml, .yml or .json", path.display())]
    NoFiles {
        /// Which.
        path: PathBuf,
    },
    /// There is nothing in it.
    #[error("read the manifests in {}: there is no object in it", path.display())]
    Empty {
        /// Which file or folder.
        path: PathBuf,
    },
    /// A document cannot be used.
    #[error("{place}: {problem}")]
    Document {
        /// Which.
        place: Place,
        /// Why.
        problem: Problem,
    },
}

/// What is wrong with a document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// It cannot be parsed.
    #[error("this is no {language} ({reason})")]
    Syntax {
        /// `YAML` or `JSON`.
        language: &'static str,
        /// What the parser says, without the text's own lines.
        reason: String,
    },
    /// It is a text, a number or a list.
    #[error("this is no Kubernetes object")]
    NoObject,
    /// A key is missing.
    #[error("the object has no `{key}`")]
    Missing {
        /// Which.
        key: &'static str,
    },
    /// A value is not a text.
    #[error("`{key}` is no text")]
    NoText {
        /// Whose.
        key: &'static str,
    },
    /// It is there twice.
    #[error("{object} is there already, in {first}")]
    Duplicate {
        /// What.
        object: String,
        /// Where it is first.
        first: Place,
    },
}

impl Hint for ManifestError {
    fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Read { .. } => {
                "look at `cni` and `manifests` under [bootstrap]; paths begin at the inventory"
            }
            Self::NoFiles { .. } => "folders below it are not read: name each of them, in order",
            Self::Empty { .. } => return None,
            Self::Document { problem, .. } => match problem {
                Problem::Missing { key: "metadata.name" } => {
                    "server-side apply needs the name of each object: `generateName` does not do, nor does a kustomization: build it \
                     first (`kubectl kustomize`)"
                }
                Problem::NoText { .. } => "put it in quotes",
                Problem::Missing { .. } | Problem::NoObject | Problem::Syntax { .. } => {
                    "templates of Helm must be rendered first (`helm template`)"
                }
                Problem::Duplicate { .. } => "leave one of the two out",
            },
        };
        Some(hint.to_owned())
    }
}
