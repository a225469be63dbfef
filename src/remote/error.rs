//! Why talking to a node failed, what that means for the run, and the remedy.

use crate::error::{Hint, Severity};
use crate::inventory::NodeName;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

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
    /// A bastion on the way could not be passed.
    #[error("pass through bastion {bastion}")]
    Bastion {
        /// The bastion, `host:port`.
        bastion: String,
        /// Why; shared by all the nodes that wait for the same bastion.
        source: Arc<RemoteError>,
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
    /// The server closed the connection before a word was said.
    #[error("shake hands with {host}:{port}: it closed the connection at once")]
    TurnedAway {
        /// The host.
        host: String,
        /// The port.
        port: u16,
        /// What the library says.
        source: Box<dyn std::error::Error + Send + Sync>,
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
    #[error("`{script}` did not end within {} s: its outcome is unknown", deadline.as_secs_f32())]
    Deadline {
        /// The script's title.
        script: String,
        /// The deadline.
        deadline: Duration,
    },
    /// The key is locked to a probe that reads something else.
    #[error("the probe installed on {node} is not that of this inventory")]
    OtherProbe {
        /// The node.
        node: NodeName,
    },
    /// The key is locked, or should be, and no probe answers.
    #[error("no probe answers on {node}: {reason}")]
    NoProbe {
        /// The node.
        node: NodeName,
        /// What was heard instead.
        reason: String,
    },
    /// This kind of connection cannot do that (a directory tree has no ports).
    #[error("{0}")]
    Unsupported(String),
    /// A file on this machine could not be read (a key, known_hosts).
    #[error("read {}", path.display())]
    LocalFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file on this machine could not be written (known_hosts).
    #[error("write {}", path.display())]
    WriteLocalFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl RemoteError {
    /// Whether the other side turned the connection away before a word was said, as sshd does at random while many log in at once
    /// (`MaxStartups`): a moment later it may be taken.
    pub fn is_refusal(&self) -> bool {
        const TURNED_AWAY: [std::io::ErrorKind; 2] =
            [std::io::ErrorKind::ConnectionRefused, std::io::ErrorKind::ConnectionReset];
        match self {
            Self::Connect { source, .. } => TURNED_AWAY.contains(&source.kind()),
            Self::TurnedAway { .. } => true,
            Self::Bastion { source, .. } => source.is_refusal(),
            _ => false,
        }
    }

    /// What it means for the rest of the run.
    pub fn severity(&self) -> Severity {
        match self {
            Self::Connect { .. }
            | Self::TurnedAway { .. }
            | Self::Protocol { .. }
            | Self::Deadline { .. } => Severity::Retryable,
            Self::HostKeyMismatch { .. } => Severity::Run,
            Self::Bastion { source, .. } => source.severity(),
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
            Self::Authentication { .. } => Some(String::from(
                "name the right key (`identity-file` in the inventory), load it into the SSH agent, or add it to authorized_keys",
            )),
            Self::Become { user, .. } => Some(format!(
                "add `{user} ALL=(root) NOPASSWD: /bin/sh -s` to sudoers, or give the password with --ask-become-pass or --become-password-file"
            )),
            Self::Bastion { source, .. } => source.hint(),
            Self::OtherProbe { node } => {
                Some(format!("install it anew: harden drift --print-probe --limit {node}"))
            }
            Self::NoProbe { node, .. } => Some(format!(
                "install it, the line of authorized_keys and the sudoers file: harden drift --print-probe --limit {node}"
            )),
            _ => None,
        }
    }
}
