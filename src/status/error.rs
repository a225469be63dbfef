//! Why it could not be told what became of a node's transactions.

use crate::error::Hint;
use crate::remote::RemoteError;

/// Why it could not be told what became of a node's transactions.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The node could not be talked to.
    #[error("read the transactions of the node")]
    Remote(#[from] RemoteError),
    /// The script ended with an error of its own.
    #[error("read the transactions of the node: the script ended with exit code {code}: {message}")]
    Failed {
        /// Its exit code.
        code: i32,
        /// The last that it said.
        message: String,
    },
    /// The folder with the transactions may not be looked into.
    #[error("look into {path} on the node: permission denied")]
    Closed {
        /// The folder.
        path: String,
    },
    /// A line of the reply is not as the script writes it.
    #[error("read the transactions of the node: line {line} of the reply is {found:?}")]
    Malformed {
        /// The line, from 1.
        line: usize,
        /// What stands there, shortened.
        found: String,
    },
}

impl Hint for StatusError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Remote(error) => error.hint(),
            Self::Closed { .. } => {
                Some(String::from("do it as the user that applied there, which is root on a real node"))
            }
            Self::Failed { .. } | Self::Malformed { .. } => {
                Some(String::from("check that the node has a POSIX sh and coreutils"))
            }
        }
    }
}
