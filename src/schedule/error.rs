//! Why there is no schedule.

use super::bundle::MOST_BYTES;
use crate::error::Hint;
use std::path::PathBuf;

/// Why there is no schedule.
#[derive(Debug, thiserror::Error)]
pub enum ScheduleError {
    /// A template of the user's could not be read.
    #[error("read {}", path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of the user's takes the place of nothing.
    #[error("{} takes the place of no template; there are {}", path.display(), known.join(", "))]
    Unknown {
        /// The file.
        path: PathBuf,
        /// The templates that there are.
        known: Vec<&'static str>,
    },
    /// A template is not written as it must be, or could not be rendered.
    #[error("templates/schedule/{template}:{line}:{column}: {reason}")]
    Template {
        /// The template.
        template: String,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What is wrong.
        reason: String,
    },
    /// What a template renders is not YAML or JSON.
    #[error("what templates/schedule/{template} renders cannot be read: {reason}")]
    Shape {
        /// The template.
        template: String,
        /// What is wrong.
        reason: String,
    },
    /// The variables could not be made.
    #[error("give the inventory to the templates")]
    Variables(#[source] serde_json::Error),
    /// Inventory and templates do not fit into a ConfigMap.
    #[error("inventory, templates and index have {bytes} bytes, and a ConfigMap takes {MOST_BYTES}")]
    TooLarge {
        /// How large they are.
        bytes: usize,
    },
}

impl Hint for ScheduleError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::TooLarge { .. } => Some(String::from(
                "split the inventory into one file for each cluster or group of workers, or bring it into the image",
            )),
            _ => None,
        }
    }
}
