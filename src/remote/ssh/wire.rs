//! One SSH connection below the level of commands: handshake, host key, login. libssh2 is non-blocking throughout, so
//! that every wait is ours and ends at a wall-clock deadline.

use super::super::known_hosts::{KnownHosts, Verdict, fingerprint, key_type};
use super::super::socket::{Socket, interest, wait};
use super::super::{Access, RemoteError, socket};
use super::auth;
use super::bastion::Route;
use crate::inventory::SshSettings;
use rustix::event::PollFd;
use ssh2::{BlockDirections, ErrorCode, MethodType, Session};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// libssh2's `LIBSSH2_ERROR_EAGAIN`.
const WOULD_BLOCK: ErrorCode = ErrorCode::Session(-37);

/// How long a packet that is half sent may take before the connection counts as dead.
const STUCK_AFTER: Duration = Duration::from_secs(30);

/// Host key algorithms that are asked for, with the type of the key behind each. Certificates are not among them: libssh2
/// would prefer them and cannot check them.
const ALGORITHMS: &[(&str, &str)] = &[
    ("ssh-ed25519", "ssh-ed25519"),
    ("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256"),
    ("ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384"),
    ("ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521"),
    ("rsa-sha2-512", "ssh-rsa"),
    ("rsa-sha2-256", "ssh-rsa"),
];

/// libssh2's errors of a connection that ends before the server's first line: `LIBSSH2_ERROR_SOCKET_NONE`, `_BANNER_RECV`,
/// `_SOCKET_DISCONNECT` and `_SOCKET_RECV`.
const CLOSED: [i32; 4] = [-1, -2, -13, -43];

/// Whether the server closed the connection before it said anything.
fn is_turned_away(stall: &Stall) -> bool {
    matches!(stall, Stall::Ssh(error) if matches!(error.code(), ErrorCode::Session(code) if CLOSED.contains(&code)))
}

/// An SSH connection; it is shut down when dropped.
pub(super) struct Wire {
    session: Session,
    socket: Arc<Socket>,
}

/// Why an operation on a connection did not come to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Stall {
    #[error(transparent)]
    Ssh(#[from] ssh2::Error),
    #[error("no answer within the deadline")]
    Late,
    #[error(transparent)]
    Wait(#[from] io::Error),
}

/// A host key as a server shows it, and what is known about it.
pub(super) struct ShownKey {
    pub(super) key: Vec<u8>,
    pub(super) verdict: Verdict,
}

impl Wire {
    /// Connects, checks the host key, and logs in. The handshake deadline covers everything after the TCP connection.
    pub(super) fn log_in(settings: &SshSettings, access: &Access, route: Route) -> Result<Self, RemoteError> {
        let (wire, shown, until) = Self::shake_hands(settings, access, route)?;
        accept(settings, &shown)?;
        auth::log_in(&wire, settings, access, until)?;
        Ok(wire)
    }

    /// Connects and sees the host key, without judging it or logging in. Gives the end of the handshake deadline as well.
    pub(super) fn shake_hands(
        settings: &SshSettings,
        access: &Access,
        route: Route,
    ) -> Result<(Self, ShownKey, Instant), RemoteError> {
        let known_hosts = access.known_files().read(&settings.known_hosts)?;
        let socket = if settings.bastions.is_empty() {
            Socket::Tcp(socket::connect(&settings.host, settings.port, settings.timeouts.connect)?)
        } else {
            Socket::Unix(access.bastions().stream(settings, access, route)?)
        };
        let until = Instant::now() + settings.timeouts.handshake;
        let wire = Self::start(socket, settings, &known_hosts, until).map_err(|stall| {
            let (host, port) = (settings.host.clone(), settings.port);
            if is_turned_away(&stall) {
                return RemoteError::TurnedAway { host, port, source: Box::new(stall) };
            }
            RemoteError::Protocol {
                attempt: format!("shake hands with {host}:{port}"),
                source: Box::new(stall),
            }
        })?;
        let key = wire.session.host_key().map(|(key, _)| key.to_vec()).unwrap_or_default();
        let verdict = known_hosts.verdict(&settings.host, settings.port, &key);
        Ok((wire, ShownKey { key, verdict }, until))
    }

    fn start(
        socket: Socket,
        settings: &SshSettings,
        known_hosts: &KnownHosts,
        until: Instant,
    ) -> Result<Self, Stall> {
        let socket = Arc::new(socket);
        let session = Session::new()?;
        let mut wire = Self { session, socket };
        wire.session.set_blocking(false);
        let known = known_hosts.key_types(&settings.host, settings.port);
        wire.session.method_pref(MethodType::HostKey, &preference(&known))?;
        wire.session.set_tcp_stream(Arc::clone(&wire.socket));
        let mut session = wire.session.clone();
        wire.retry(until, || session.handshake())?;
        Ok(wire)
    }

    pub(super) fn session(&self) -> &Session {
        &self.session
    }

    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }

    /// Repeats an operation until it does not want to wait any more, or the deadline has come.
    pub(super) fn retry<T>(
        &self,
        until: Instant,
        mut operation: impl FnMut() -> Result<T, ssh2::Error>,
    ) -> Result<T, Stall> {
        loop {
            match operation() {
                Ok(value) => return Ok(value),
                Err(error) if error.code() == WOULD_BLOCK => {
                    if !self.wait(until)? {
                        return Err(Stall::Late);
                    }
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Waits until libssh2 can go on; false when the deadline has come.
    pub(super) fn wait(&self, until: Instant) -> io::Result<bool> {
        self.socket.acknowledge();
        let outbound = self.is_outbound_pending();
        let mut descriptors = [PollFd::new(&*self.socket, interest(true, outbound))];
        Ok(wait(&mut descriptors, Some(until))? && Instant::now() < until)
    }

    /// Runs an operation once, but never leaves a packet half sent: libssh2 refuses any other operation until then
    /// (`LIBSSH2_ERROR_BAD_USE`). An OpenSSH server always reads, so this does not wait for our own reading.
    pub(super) fn settle<T>(&self, mut operation: impl FnMut() -> io::Result<T>) -> io::Result<T> {
        let until = Instant::now() + STUCK_AFTER;
        loop {
            let result = operation();
            let waits = matches!(&result, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
            if !waits || !self.is_outbound_pending() {
                return result;
            }
            let mut descriptors = [PollFd::new(&*self.socket, interest(false, true))];
            if !wait(&mut descriptors, Some(until))? {
                return Err(io::ErrorKind::TimedOut.into());
            }
        }
    }

    fn is_outbound_pending(&self) -> bool {
        matches!(self.session.block_directions(), BlockDirections::Outbound | BlockDirections::Both)
    }

    /// Cuts the connection at once.
    pub(super) fn cut(&self) {
        self.socket.cut();
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        // One try, for the server's log; then cut, so that freeing the session does not wait for the peer.
        let _ = self.session.disconnect(None, "done", None);
        self.socket.cut();
    }
}

fn preference(known: &[String]) -> String {
    let is_known = |key_type: &str| known.iter().position(|known| known == key_type).unwrap_or(known.len());
    let mut algorithms = ALGORITHMS.to_vec();
    algorithms.sort_by_key(|(_, key_type)| is_known(key_type));
    algorithms.iter().map(|(algorithm, _)| *algorithm).collect::<Vec<_>>().join(",")
}

/// The strict host key policy.
fn accept(settings: &SshSettings, shown: &ShownKey) -> Result<(), RemoteError> {
    let (host, port) = (settings.host.clone(), settings.port);
    let key_type = key_type(&shown.key).unwrap_or_default();
    let fingerprint = fingerprint(&shown.key);
    match &shown.verdict {
        Verdict::Known => Ok(()),
        Verdict::Unknown => Err(RemoteError::UnknownHostKey { host, port, key_type, fingerprint }),
        Verdict::Changed(place) | Verdict::Revoked(place) => {
            let place = place.clone();
            Err(RemoteError::HostKeyMismatch { host, port, place, key_type, fingerprint })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_types_are_asked_for_first() {
        let known = [String::from("ssh-rsa"), String::from("ecdsa-sha2-nistp256")];
        assert!(preference(&known).starts_with("rsa-sha2-512,rsa-sha2-256,ecdsa-sha2-nistp256,ssh-ed25519,"));
        assert!(preference(&[]).starts_with("ssh-ed25519,"));
        assert!(!preference(&[]).contains("cert"));
    }
}
