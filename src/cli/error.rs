//! What a verb ends with when it fails: the error, the exit code, the remedies.

use crate::error::{ExitCode, Hint};
use crate::ui::{OutputError, PromptError};
use std::error::Error as StdError;
use std::fmt;

/// A verb's failure.
#[derive(Debug)]
pub struct Error {
    inner: Box<dyn StdError + Send + Sync>,
    code: ExitCode,
    hints: Vec<String>,
}

impl Error {
    /// A failure with exit code 1.
    pub fn new(error: impl StdError + Send + Sync + 'static) -> Self {
        Self { inner: Box::new(error), code: ExitCode::Error, hints: Vec::new() }
    }

    /// A failure with exit code 1 whose remedy is known.
    pub fn hinted(error: impl StdError + Hint + Send + Sync + 'static) -> Self {
        let hints = error.hint().into_iter().collect();
        Self { hints, ..Self::new(error) }
    }

    /// With another exit code.
    #[must_use]
    pub fn code(self, code: ExitCode) -> Self {
        Self { code, ..self }
    }

    /// With one more remedy.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The exit code.
    pub fn exit_code(&self) -> ExitCode {
        self.code
    }

    /// The remedies.
    pub fn hints(&self) -> &[String] {
        &self.hints
    }
}

/// The text and the causes are those of the error inside: this type adds no layer of its own to them.
impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.inner.source()
    }
}

impl From<OutputError> for Error {
    fn from(error: OutputError) -> Self {
        Self::new(error)
    }
}

impl From<PromptError> for Error {
    fn from(error: PromptError) -> Self {
        Self::hinted(error)
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::new(error)
    }
}
