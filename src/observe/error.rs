//! Why a node could not be observed.

use crate::error::{Hint, Severity};
use crate::remote::RemoteError;

/// Why a node could not be observed.
#[derive(Debug, thiserror::Error)]
pub enum ObserveError {
    /// The node could not be talked to.
    #[error("read the state of the node")]
    Remote(#[from] RemoteError),
    /// The probe ended with an error of its own.
    #[error("the probe ended with exit code {code}: {stderr}")]
    Failed {
        /// Its exit code.
        code: i32,
        /// What it said on standard error, its last line.
        stderr: String,
    },
    /// A part of the reply is missing.
    #[error("the reply has no section `{section}`")]
    Missing {
        /// The section.
        section: &'static str,
    },
    /// A line of the reply is not as the probe writes it.
    #[error("section `{section}` of the reply, line {line}: expected {expected}, found {found:?}")]
    Malformed {
        /// The section.
        section: &'static str,
        /// The line, from 1.
        line: usize,
        /// What belongs there.
        expected: &'static str,
        /// What stands there, shortened.
        found: String,
    },
    /// The record of what was applied last is not readable.
    #[error("read {path} on the node")]
    Applied {
        /// The file.
        path: &'static str,
        /// Why.
        source: serde_json::Error,
    },
}

impl ObserveError {
    /// What it means for the rest of the run.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Remote(error) => error.severity(),
            _ => Severity::Node,
        }
    }
}

impl Hint for ObserveError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Remote(error) => error.hint(),
            Self::Applied { path, .. } => Some(format!(
                "remove {path} on the node: harden then takes every resource there as never applied"
            )),
            Self::Failed { .. } | Self::Missing { .. } | Self::Malformed { .. } => {
                Some(String::from("check that the node has a POSIX sh and coreutils"))
            }
        }
    }
}
