//! A node we can talk to: run a script as root and get a framed reply, open a stream to a port of the node. Over SSH,
//! through bastions, or on a local directory tree. It knows nothing of resources, plans or Kubernetes.

mod script;

pub use script::{Reply, Script, Section, quote, rooted};

use crate::error::{Hint, Severity};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A connection to one node, with root's rights there.
pub trait Session: Send {
    /// Runs a script as root and waits for the reply.
    ///
    /// A reply without its last line is [`RemoteError::Unknown`]: the script may have done anything from nothing to all.
    fn run(&mut self, script: &Script, deadline: Duration) -> Result<Reply, RemoteError>;

    /// Opens a new connection with a new login and a new step to root, and nothing shared with this one.
    fn reconnect(&self) -> Result<Box<dyn Session>, RemoteError>;

    /// Something that opens streams to ports of the node, over a connection of its own.
    fn dialer(&self) -> Result<Box<dyn Dialer>, RemoteError>;
}

/// Opens streams to TCP ports as seen from a node.
pub trait Dialer: Send + Sync {
    /// A stream to `host:port` as the node sees it.
    fn dial(&self, host: &str, port: u16) -> Result<UnixStream, RemoteError>;
}

/// Why talking to a node failed.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The TCP connection could not be opened.
    #[error("connect to {host}:{port}")]
    Connect {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// Why.
        source: std::io::Error,
    },
    /// The host key is not known.
    #[error("host key of {host}:{port} is not known ({key_type} {fingerprint})")]
    UnknownHostKey {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// The key's type, `ssh-ed25519`.
        key_type: String,
        /// Its fingerprint, `SHA256:…`.
        fingerprint: String,
    },
    /// The host key is known and it is another one, or it is revoked.
    #[error("host key of {host}:{port} does not match {place}: it shows {key_type} {fingerprint}")]
    HostKeyMismatch {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// Where the other one stands, `/root/.ssh/known_hosts:12`.
        place: String,
        /// The key's type.
        key_type: String,
        /// Its fingerprint.
        fingerprint: String,
    },
    /// Nobody could be logged in.
    #[error("log in to {host} as {user}: {reason}")]
    Authentication {
        /// The host.
        host: String,
        /// The user.
        user: String,
        /// What was tried and what the server said.
        reason: String,
    },
    /// The login works, but root's rights could not be had.
    #[error("become root on {host} as {user}: {reason}")]
    Become {
        /// The host.
        host: String,
        /// The user.
        user: String,
        /// What sudo said.
        reason: String,
    },
    /// The SSH protocol failed before the script was sent.
    #[error("{attempt}")]
    Protocol {
        /// What was attempted.
        attempt: String,
        /// Why it failed.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The script was sent and its end was not seen: the outcome is unknown.
    #[error("the outcome of `{script}` is unknown: {reason}")]
    Unknown {
        /// The script's title.
        script: String,
        /// What happened instead.
        reason: String,
    },
    /// It did not end in time: the outcome is unknown.
    #[error("`{script}` did not end within {} s: its outcome is unknown", deadline.as_secs())]
    Deadline {
        /// The script's title.
        script: String,
        /// The deadline.
        deadline: Duration,
    },
    /// This kind of connection cannot do that (a directory tree has no ports).
    #[error("{0}")]
    Unsupported(String),
    /// A file on this machine could not be read (a key, known_hosts).
    #[error("read {path}")]
    LocalFile {
        /// The file.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl RemoteError {
    /// What it means for the rest of the run.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Connect { .. } | Self::Protocol { .. } | Self::Deadline { .. } => Severity::Retryable,
            Self::HostKeyMismatch { .. } => Severity::Run,
            _ => Severity::Node,
        }
    }
}

impl Hint for RemoteError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownHostKey { .. } => {
                Some(String::from("compare the fingerprint and record it with `harden hostkeys scan`"))
            }
            Self::HostKeyMismatch { place, .. } => Some(format!(
                "if the host was really reinstalled, remove {place} and record the new key with `harden hostkeys scan`; otherwise somebody is in between"
            )),
            Self::Become { user, .. } => Some(format!(
                "add `{user} ALL=(root) NOPASSWD: /bin/sh -s` to sudoers, or give the password with --ask-become-pass or --become-password-file"
            )),
            _ => None,
        }
    }
}
