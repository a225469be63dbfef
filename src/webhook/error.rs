//! What can go wrong when others are told. No text here shows more of a URL than scheme and host.

use crate::error::Hint;
use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Somebody could not be told.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The file with the URL could not be read.
    #[error("read the URL of a receiver from {}", path.display())]
    ReadUrl {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is no URL to post to.
    #[error("the URL of a receiver {0}")]
    Url(&'static str),
    /// The template beside the inventory could not be read.
    #[error("read the template {}", path.display())]
    ReadTemplate {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A template is wrong.
    #[error("templates/webhook/{name}.json.tera:{line}:{column}: {reason}")]
    Template {
        /// Which.
        name: String,
        /// Where.
        line: usize,
        /// Where in the line.
        column: usize,
        /// What.
        reason: String,
    },
    /// What a template comes to is no JSON.
    #[error("templates/webhook/{name}.json.tera comes to no JSON: {reason}")]
    NotJson {
        /// Which.
        name: String,
        /// What, and in which line of the result.
        reason: String,
    },
    /// The runtime or TLS could not be set up.
    #[error("set up a connection to {receiver}: {reason}")]
    SetUp {
        /// Scheme and host.
        receiver: String,
        /// Why.
        reason: String,
    },
    /// The other side is not who it should be.
    #[error("{receiver} cannot be trusted: {reason}")]
    Tls {
        /// Scheme and host.
        receiver: String,
        /// Why.
        reason: String,
    },
    /// It does not want it.
    #[error("{receiver} refused it: {answer}")]
    Refused {
        /// Scheme and host.
        receiver: String,
        /// Its status, and what it says.
        answer: String,
    },
    /// It did not take it in time.
    #[error("{receiver} did not take it within {} s: {last}", deadline.as_secs())]
    Deadline {
        /// Scheme and host.
        receiver: String,
        /// How long was tried.
        deadline: Duration,
        /// How the last attempt ended.
        last: String,
    },
}

impl Hint for WebhookError {
    fn hint(&self) -> Option<String> {
        Some(String::from(match self {
            Self::Url(_) => "write it like https://HOST/PATH, in a file that `KIND=@FILE` names",
            Self::NotJson { .. } => "bring every value into it with the filter `q`",
            Self::Tls { .. } => "put its CA among the system's; SSL_CERT_FILE names another file with CAs",
            Self::Deadline { .. } => {
                "look whether it is reachable from here; --report-deadline gives it more time"
            }
            Self::ReadUrl { .. }
            | Self::ReadTemplate { .. }
            | Self::Template { .. }
            | Self::SetUp { .. }
            | Self::Refused { .. } => return None,
        }))
    }
}
