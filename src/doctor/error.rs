//! Why a host could not be asked.

use super::Check;
use crate::error::Hint;
use crate::remote::RemoteError;

/// Why a host could not be asked.
#[derive(Debug, thiserror::Error)]
pub enum DoctorError {
    /// It could not be talked to.
    #[error(transparent)]
    Remote(#[from] RemoteError),
    /// The script ended with an error of its own.
    #[error("look at the host: the script ended with exit code {code}: {message}")]
    Failed {
        /// Its exit code.
        code: i32,
        /// The last that it said.
        message: String,
    },
}

impl DoctorError {
    /// What about the host is not as it must be.
    pub fn check(&self) -> Check {
        match self {
            Self::Remote(error) => check(error),
            Self::Failed { .. } => Check::Reach,
        }
    }
}

fn check(error: &RemoteError) -> Check {
    match error {
        RemoteError::UnknownHostKey { .. } | RemoteError::HostKeyMismatch { .. } => Check::HostKey,
        RemoteError::Authentication { .. } => Check::Login,
        RemoteError::Become { .. } => Check::Sudo,
        RemoteError::Bastion { source, .. } => check(source),
        _ => Check::Reach,
    }
}

impl Hint for DoctorError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Remote(error) => error.hint(),
            Self::Failed { .. } => Some(String::from("check that the host has a POSIX sh and coreutils")),
        }
    }
}
