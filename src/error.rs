//! Exit codes, the severity of an error, and hints. What an error *is* stands in the module that raises it;
//! this module says only what a caller may do about one. It prints nothing: `main` does.

use std::fmt;

/// The process exit code; the same table for every verb, and an interface that scripts rely on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitCode {
    /// Success; nothing left to change.
    Success,
    /// An error or incomplete information; nothing was changed. Usage errors too, since 2 means changes.
    Error,
    /// Changes, drift or findings (`drift`, `check`, `plan --detailed-exitcode`).
    Changes,
    /// Apply stopped part-way; what failed was rolled back and the cluster is healthy.
    Stopped,
    /// A human is needed: a rollback failed, or the outcome on a node is unknown.
    NeedsHuman,
    /// Interrupted by a signal.
    Interrupted,
    /// Findings, with the number that the user chose for them (`check --exit-code`).
    Chosen(u8),
}

impl ExitCode {
    /// The number that the process ends with.
    pub fn number(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Error => 1,
            Self::Changes => 2,
            Self::Stopped => 3,
            Self::NeedsHuman => 4,
            Self::Interrupted => 130,
            Self::Chosen(number) => number,
        }
    }
}

/// What an error means for the rest of the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Trying the same again may help (a timeout, a refused connection).
    Retryable,
    /// This node is lost for the run; the others may go on.
    Node,
    /// The whole run must stop (a changed host key, an unreadable store).
    Run,
}

/// An error that knows its remedy.
pub trait Hint {
    /// The remedy, as one imperative sentence without a final full stop; printed as `hint: …` after the error.
    fn hint(&self) -> Option<String>;
}

/// Prints an error with all its causes, each once, as `outer: cause: cause`.
///
/// Several libraries repeat the cause in their own text; a repeated tail is left out.
pub struct Chain<'a>(pub &'a dyn std::error::Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = self.0.to_string();
        let mut cause = self.0.source();
        while let Some(error) = cause {
            let part = error.to_string();
            if !text.contains(&part) {
                text.push_str(": ");
                text.push_str(&part);
            }
            cause = error.source();
        }
        f.write_str(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    #[test]
    fn a_cause_is_printed_once() {
        let inner = Layer { text: "connection refused", source: None };
        let middle = Layer { text: "connect: connection refused", source: Some(Box::new(inner)) };
        let outer = Layer { text: "cp-1", source: Some(Box::new(middle)) };
        assert_eq!(Chain(&outer).to_string(), "cp-1: connect: connection refused");
    }
}
