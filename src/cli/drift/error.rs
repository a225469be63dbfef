//! What can be wrong with a drift check, beside what is wrong on the nodes.

use crate::desired::TemplateError;
use crate::drift::ReportTextError;
use crate::error::{Chain, Hint};
use crate::observe::ObserveError;
use crate::remote::RemoteError;
use crate::status::StatusError;
use std::io;
use std::path::PathBuf;

/// What can be wrong with a drift check as a whole.
#[derive(Debug, thiserror::Error)]
pub(super) enum DriftError {
    /// The earlier report could not be read.
    #[error("read the earlier report {}", path.display())]
    ReadLast {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The earlier report is none.
    #[error("read the earlier report {}", path.display())]
    Last {
        /// The file.
        path: PathBuf,
        /// Why.
        source: ReportTextError,
    },
    /// The lock file could not be opened.
    #[error("open the lock file {}", path.display())]
    OpenLock {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another run goes on.
    #[error("another drift check holds {}{}", path.display(), if holder.is_empty() { String::new() } else { format!(" ({holder})") })]
    Locked {
        /// The file.
        path: PathBuf,
        /// Who, as far as the file says it.
        holder: String,
    },
}

impl Hint for DriftError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Last { source, .. } => source.hint(),
            Self::Locked { .. } => Some(String::from(
                "it ends by itself; where runs take longer than the time between them, use --deadline, --shard or a higher --parallelism",
            )),
            Self::ReadLast { .. } | Self::OpenLock { .. } => None,
        }
    }
}

/// Why a node could not be judged.
#[derive(Debug, thiserror::Error)]
pub(super) enum NodeError {
    /// Its turn did not come.
    #[error("its turn did not come before the deadline of the run")]
    Late,
    /// It could not be reached.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// It could not be read.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// Its transactions could not be read.
    #[error(transparent)]
    Status(#[from] StatusError),
    /// What it should have cannot be rendered.
    #[error(transparent)]
    Template(Box<TemplateError>),
}

impl From<TemplateError> for NodeError {
    fn from(error: TemplateError) -> Self {
        Self::Template(Box::new(error))
    }
}

impl NodeError {
    /// In words, with everything beneath it.
    pub(super) fn text(&self) -> String {
        Chain(self).to_string()
    }
}

impl Hint for NodeError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Late => Some(String::from("give the run more time with --deadline, or more --parallelism")),
            Self::Remote(error) => error.hint(),
            Self::Observe(error) => error.hint(),
            Self::Status(error) => error.hint(),
            Self::Template(error) => error.hint(),
        }
    }
}
