//! What can be wrong with what is asked of `harden check`.

use crate::error::Hint;
use crate::resource::ControlPatternError;

/// What can be wrong with what is asked of `harden check`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum CheckError {
    /// There is no benchmark of that name.
    #[error("there is no benchmark `{name}`")]
    UnknownBenchmark {
        /// The name.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
    /// A pattern names a benchmark that is not the one to judge by.
    #[error("`{pattern}` is about {other}, and the cluster is judged by {present}")]
    OtherBenchmark {
        /// The pattern.
        pattern: String,
        /// The benchmark that it names.
        other: String,
        /// The benchmark to judge by.
        present: String,
    },
    /// A pattern chooses no controls.
    #[error(transparent)]
    Pattern(#[from] ControlPatternError),
    /// The benchmark has no such section.
    #[error("{benchmark} has no section `{section}`")]
    UnknownSection {
        /// The benchmark.
        benchmark: String,
        /// The section.
        section: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The patterns and the section have nothing in common.
    #[error("no control is in section {section} and chosen by --controls")]
    Nothing {
        /// The section.
        section: String,
    },
    /// No benchmark has a control of that name.
    #[error("there is no control `{name}`")]
    UnknownControl {
        /// The name.
        name: String,
        /// What there is.
        known: Vec<String>,
    },
}

impl Hint for CheckError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownBenchmark { known, .. } => Some(format!("the benchmarks are {}", known.join(", "))),
            Self::OtherBenchmark { other, .. } => Some(format!("add --benchmark {other}")),
            Self::Pattern(error) => error.hint(),
            Self::UnknownSection { known, .. } => Some(format!("its sections are {}", known.join(", "))),
            Self::Nothing { .. } => None,
            Self::UnknownControl { known, .. } => Some(format!("there are {}", known.join(", "))),
        }
    }
}
