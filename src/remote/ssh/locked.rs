//! A connection with a key that is locked to the probes installed on the node. Nothing is run but these, whoever holds the key.

use super::super::capture::{last_words, nonce};
use super::super::{Access, Dialer, Probe, Reader, RemoteError, Reply, installed};
use super::bastion::Route;
use super::wire::Wire;
use super::{Framed, protocol};
use crate::inventory::{NodeName, SshSettings};
use std::time::Duration;

/// What is asked for. sshd runs the command of `authorized_keys` instead, which is this one; where the key is not locked, this
/// is all that the user's rights are needed for.
const COMMAND: &str = "sudo -n /usr/local/sbin/harden-drift-probe";

/// A connection that only reads with installed probes.
pub(super) struct LockedReader {
    node: NodeName,
    host: String,
    wire: Wire,
    is_broken: bool,
}

impl LockedReader {
    pub(super) fn open(
        node: &NodeName,
        settings: &SshSettings,
        access: &Access,
    ) -> Result<Self, RemoteError> {
        let wire = Wire::log_in(settings, access, Route::Shared)?;
        Ok(Self { node: node.clone(), host: settings.host.clone(), wire, is_broken: false })
    }
}

impl Reader for LockedReader {
    fn read(&mut self, probe: &Probe, deadline: Duration) -> Result<Reply, RemoteError> {
        let title = probe.script().title();
        let what = format!("start `{title}`");
        if self.is_broken {
            return Err(protocol(&self.host, &what, "the connection was cut before"));
        }
        let nonce = nonce().map_err(|source| protocol(&self.host, &what, source))?;
        let question = installed::question(probe, &nonce);
        let framed = Framed { wire: &self.wire, host: &self.host, title, nonce: &nonce };
        let finished = match framed.run(COMMAND, question.as_bytes(), deadline) {
            Ok(finished) => finished,
            Err(error) => {
                self.is_broken = true;
                self.wire.cut();
                return Err(error);
            }
        };
        match Reply::parse(&finished.stdout, &nonce, finished.stderr.clone()) {
            Some(reply) if installed::is_other(&reply) => {
                Err(RemoteError::OtherProbe { node: self.node.clone() })
            }
            Some(reply) => Ok(reply),
            None => {
                let words = last_words(&finished.stderr);
                let reason = match words.as_str() {
                    "" => format!("it ended with status {} and without its last line", finished.status),
                    _ => words,
                };
                Err(RemoteError::NoProbe { node: self.node.clone(), reason })
            }
        }
    }

    fn is_locked(&self) -> bool {
        true
    }

    fn dialer(&self) -> Result<Box<dyn Dialer>, RemoteError> {
        Err(RemoteError::Unsupported(format!(
            "the key is locked to the probe on {}: it opens no ports",
            self.node
        )))
    }
}
