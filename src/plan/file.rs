//! Saved plans: their JSON form. Pure functions on text; who writes the file gives it mode 0600.

use super::{FORMAT_VERSION, Plan};
use crate::error::Hint;
use serde_json::Value;

/// A text is not a plan that this harden can apply.
#[derive(Debug, thiserror::Error)]
pub enum PlanFileError {
    /// It ends in the middle.
    #[error("read the saved plan: it is cut off at line {line}")]
    Truncated {
        /// Where it ends.
        line: usize,
    },
    /// It is not JSON, or JSON of something else.
    #[error("read the saved plan: this is not a plan of harden")]
    NotAPlan {
        /// What the parser says, where it is not even JSON.
        #[source]
        source: Option<serde_json::Error>,
    },
    /// It was made by a harden whose plans this one does not understand.
    #[error(
        "read the saved plan: its format is {found}, and this harden {harden_version} reads {FORMAT_VERSION}"
    )]
    Format {
        /// The format that it has.
        found: String,
        /// The version of this harden.
        harden_version: &'static str,
    },
    /// It says that it is a plan, and a part of it is missing or wrong.
    #[error("read the saved plan")]
    Damaged {
        /// Which part.
        #[source]
        source: serde_json::Error,
    },
    /// It cannot be written as JSON.
    #[error("write the plan as JSON")]
    Unwritable {
        /// Why.
        #[source]
        source: serde_json::Error,
    },
}

impl Hint for PlanFileError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Truncated { .. } | Self::Damaged { .. } | Self::Format { .. } => {
                Some(String::from("make the plan again with `harden plan --out FILE`"))
            }
            Self::NotAPlan { .. } => Some(String::from("give the file that `harden plan --out FILE` wrote")),
            Self::Unwritable { .. } => None,
        }
    }
}

/// The plan as JSON, with a last newline. It holds no secrets: contents name them.
pub fn to_json(plan: &Plan) -> Result<String, PlanFileError> {
    let text = serde_json::to_string_pretty(plan).map_err(|source| PlanFileError::Unwritable { source })?;
    Ok(text + "\n")
}

/// The plan that a JSON text holds. A newer minor format is read, and what is new in it ignored; a newer major one is refused.
pub fn from_json(text: &str) -> Result<Plan, PlanFileError> {
    let value: Value = serde_json::from_str(text).map_err(|source| {
        if source.is_eof() && text.trim_start().starts_with('{') {
            PlanFileError::Truncated { line: source.line() }
        } else {
            PlanFileError::NotAPlan { source: Some(source) }
        }
    })?;
    let found = value["format_version"].as_str().filter(|_| value.get("waves").is_some());
    let Some(found) = found else { return Err(PlanFileError::NotAPlan { source: None }) };
    if major(found) != major(FORMAT_VERSION) {
        return Err(PlanFileError::Format {
            found: found.to_owned(),
            harden_version: env!("CARGO_PKG_VERSION"),
        });
    }
    serde_json::from_value(value).map_err(|source| PlanFileError::Damaged { source })
}

fn major(version: &str) -> &str {
    version.split('.').next().unwrap_or_default()
}
