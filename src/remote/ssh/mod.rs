//! Sessions over SSH, by libssh2.

mod auth;
mod bastion;
mod exec;
mod link;
mod locked;
mod pump;
mod root;
mod tunnel;
mod wire;

pub(super) use bastion::Bastions;
pub(super) use pump::finish;

use super::capture::{is_complete, last_words, nonce};
use super::{Access, Dialer, Probe, Reader, RemoteError, Reply, Script, Session};
use crate::inventory::{NodeName, SshSettings};
use bastion::Route;
use exec::{Finished, Interrupted, exec};
use locked::LockedReader;
use root::Root;
use std::time::{Duration, Instant};
use tunnel::Tunnel;
use wire::Wire;

/// Connects, logs in and becomes root.
pub(super) fn connect(settings: &SshSettings, access: &Access) -> Result<Box<dyn Session>, RemoteError> {
    Ok(Box::new(SshSession::open(settings, access, Route::Shared)?))
}

/// Connects and logs in with a key that is locked to the probes installed on the node.
pub(super) fn connect_locked(
    node: &NodeName,
    settings: &SshSettings,
    access: &Access,
) -> Result<Box<dyn Reader>, RemoteError> {
    Ok(Box::new(LockedReader::open(node, settings, access)?))
}

/// A host key as a host shows it.
pub(super) struct HostKey {
    pub(super) key: Vec<u8>,
    pub(super) verdict: super::known_hosts::Verdict,
}

/// Sees the host key of a host without logging in there.
pub(super) fn host_key(settings: &SshSettings, access: &Access) -> Result<HostKey, RemoteError> {
    let (_wire, shown, _) = Wire::shake_hands(settings, access, Route::Shared)?;
    Ok(HostKey { key: shown.key, verdict: shown.verdict })
}

struct SshSession {
    settings: SshSettings,
    access: Access,
    wire: Wire,
    root: Root,
    /// The connection was cut and takes no more scripts.
    is_broken: bool,
}

impl SshSession {
    fn open(settings: &SshSettings, access: &Access, route: Route) -> Result<Self, RemoteError> {
        let wire = Wire::log_in(settings, access, route)?;
        let root = Root::find(&wire, settings, access)?;
        Ok(Self { settings: settings.clone(), access: access.clone(), wire, root, is_broken: false })
    }

    fn judge(&self, script: &Script, finished: Finished, nonce: &str) -> Result<Reply, RemoteError> {
        let Finished { stdout, stderr, status, signal } = finished;
        if let Some(reply) = Reply::parse(&stdout, nonce, stderr.clone()) {
            return Ok(reply);
        }
        let words = last_words(&stderr);
        // sudo spoke and the script did not even begin.
        if !matches!(self.root, Root::Login) && stdout.is_empty() && words.contains("sudo:") {
            return Err(RemoteError::Become {
                host: self.settings.host.clone(),
                user: self.settings.user.clone(),
                reason: words,
            });
        }
        let end = match signal {
            Some(signal) => format!("it was killed by SIG{signal}"),
            None => format!("it ended without its last line, with status {status}"),
        };
        let reason = if words.is_empty() { end } else { format!("{end}: {words}") };
        Err(RemoteError::Unknown { script: script.title().to_owned(), reason })
    }
}

/// A command whose output is framed, on a connection.
struct Framed<'a> {
    wire: &'a Wire,
    host: &'a str,
    title: &'a str,
    nonce: &'a str,
}

impl Framed<'_> {
    /// Runs it. After an error the connection is of no use.
    fn run(&self, command: &str, input: &[u8], deadline: Duration) -> Result<Finished, RemoteError> {
        let until = Instant::now() + deadline;
        let title = self.title.to_owned();
        exec(self.wire, command, input, until, |output| is_complete(output, self.nonce)).map_err(
            |interrupted| match interrupted {
                Interrupted::NotStarted(stall) => protocol(self.host, &format!("start `{title}`"), stall),
                Interrupted::Late => RemoteError::Deadline { script: title, deadline },
                Interrupted::Cut(error) => {
                    RemoteError::Unknown { script: title, reason: format!("the connection broke: {error}") }
                }
            },
        )
    }
}

fn protocol(
    host: &str,
    what: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> RemoteError {
    RemoteError::Protocol { attempt: format!("{what} on {host}"), source: source.into() }
}

impl Reader for SshSession {
    fn read(&mut self, probe: &Probe, deadline: Duration) -> Result<Reply, RemoteError> {
        self.run(probe.script(), deadline)
    }

    fn dialer(&self) -> Result<Box<dyn Dialer>, RemoteError> {
        let wire = Wire::log_in(&self.settings, &self.access, Route::Shared)?;
        Ok(Box::new(Tunnel::start(wire, &self.settings)?))
    }
}

impl Session for SshSession {
    fn run(&mut self, script: &Script, deadline: Duration) -> Result<Reply, RemoteError> {
        let (host, title) = (&self.settings.host, script.title());
        let what = format!("start `{title}`");
        if self.is_broken {
            return Err(protocol(host, &what, "the connection was cut before"));
        }
        let nonce = nonce().map_err(|source| protocol(host, &what, source))?;
        let input = self.root.input(&script.render(&nonce, ""));
        let framed = Framed { wire: &self.wire, host, title, nonce: &nonce };
        match framed.run(self.root.command(), &input, deadline) {
            Ok(finished) => self.judge(script, finished, &nonce),
            Err(error) => {
                self.is_broken = true;
                self.wire.cut();
                Err(error)
            }
        }
    }

    fn reconnect(&self) -> Result<Box<dyn Session>, RemoteError> {
        Ok(Box::new(Self::open(&self.settings, &self.access, Route::Fresh)?))
    }
}
