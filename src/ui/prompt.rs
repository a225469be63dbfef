//! Questions to a person at a terminal. Workers never ask: a question is asked once, before anything begins.

use super::{Output, line};
use crate::error::Hint;
use crate::secret::Secret;
use std::io::{self, BufRead, IsTerminal};

/// Why a question was not answered.
#[derive(Debug, thiserror::Error)]
pub enum PromptError {
    /// Nobody is there to confirm.
    #[error("ask for confirmation: standard input is not a terminal")]
    NobodyToConfirm,
    /// Nobody is there to type a password.
    #[error("ask for {what}: standard input and standard error must be a terminal")]
    NobodyToType {
        /// What was asked for.
        what: String,
    },
    /// The terminal could not be read.
    #[error("read the answer from the terminal")]
    Read(#[from] io::Error),
}

impl Hint for PromptError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::NobodyToConfirm => Some(String::from("look at what is shown and use --yes")),
            Self::NobodyToType { .. } => Some(String::from("give it in a file")),
            Self::Read(_) => None,
        }
    }
}

/// Asks for consent. Only the word `yes` is consent, as with Terraform: a stray key or `y` is not.
pub fn confirm(output: &Output, question: &str) -> Result<bool, PromptError> {
    confirm_from(output, question, &mut io::stdin().lock(), io::stdin().is_terminal())
}

/// [`confirm`] with the answer from elsewhere than standard input.
pub fn confirm_from(
    output: &Output,
    question: &str,
    input: &mut dyn BufRead,
    is_terminal: bool,
) -> Result<bool, PromptError> {
    if !is_terminal {
        return Err(PromptError::NobodyToConfirm);
    }
    output.question(&format!("{} Only `yes` is accepted:", line(question)));
    let mut answer = String::new();
    input.read_line(&mut answer)?;
    Ok(answer.trim() == "yes")
}

/// Asks for a password or passphrase without echo; `what` is shown: "sudo password", "passphrase of /root/.ssh/id".
pub fn password(output: &Output, what: &str) -> Result<Secret<String>, PromptError> {
    let terminal = console::Term::stderr();
    // `console` answers with an empty text where standard error is no terminal, and reads /dev/tty where standard
    // input is none: both would surprise a script.
    if !(io::stdin().is_terminal() && terminal.is_term()) {
        return Err(PromptError::NobodyToType { what: what.to_owned() });
    }
    output.question(&format!("{}:", line(what)));
    Ok(Secret::new(terminal.read_secure_line()?))
}
