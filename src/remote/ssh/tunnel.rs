//! Streams to TCP ports as a host sees them, over one SSH connection to it: by forwarding, or where the host forbids that,
//! through a command there.

use super::super::capture::nonce;
use super::super::{Dialer, RemoteError, quote};
use super::pump::{OpenError, Pump, Target};
use super::wire::Wire;
use crate::inventory::SshSettings;
use std::io;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// The command for hosts that forbid forwarding; run as `sh -c RELAY harden HOST PORT MARKER`.
const RELAY: &str = include_str!("relay.sh");

/// Streams over one SSH connection.
pub(super) struct Tunnel {
    pump: Pump,
    host: String,
    timeout: Duration,
    is_forbidden: AtomicBool,
}

/// Why there is no stream.
pub(super) enum TunnelError {
    /// The connection is of no use now: it has ended, or waits for a host that does not answer.
    Unusable(OpenError),
    /// The port cannot be reached from the host.
    Unreachable(io::Error),
}

impl Tunnel {
    /// Hands a connection over; `settings` are those that it was made with.
    pub(super) fn start(wire: Wire, settings: &SshSettings) -> Result<Self, RemoteError> {
        let pump = Pump::start(wire, &settings.host).map_err(|source| RemoteError::Protocol {
            attempt: format!("start a thread for streams through {}", settings.host),
            source: Box::new(source),
        })?;
        Ok(Self {
            pump,
            host: settings.host.clone(),
            timeout: settings.timeouts.connect,
            is_forbidden: AtomicBool::new(false),
        })
    }

    /// Whether it has neither ended nor stalled.
    pub(super) fn is_usable(&self) -> bool {
        !self.pump.has_ended() && !self.pump.is_stalled()
    }

    /// Whether the connection has broken.
    pub(super) fn has_ended(&self) -> bool {
        self.pump.has_ended()
    }

    /// A stream to `host:port`. One that is not patient gives up as soon as others would have to be waited for.
    pub(super) fn stream(
        &self,
        host: &str,
        port: u16,
        timeout: Duration,
        patient: bool,
    ) -> Result<UnixStream, TunnelError> {
        if !self.is_forbidden.load(Ordering::Relaxed) {
            let target = Target::Port { host: host.to_owned(), port };
            match self.pump.open(target, timeout, patient) {
                Err(OpenError::Forbidden) => self.is_forbidden.store(true, Ordering::Relaxed),
                other => return other.map_err(|error| self.judge(error)),
            }
        }
        let marker = nonce().map_err(|error| TunnelError::Unreachable(io::Error::other(error)))?;
        let command = relay_command(host, port, &marker);
        let opened = self.pump.open(Target::Command { command, marker }, timeout, patient);
        opened.map_err(|error| self.judge(error))
    }

    fn judge(&self, error: OpenError) -> TunnelError {
        match error {
            OpenError::Busy | OpenError::Ended => TunnelError::Unusable(error),
            OpenError::Late => TunnelError::Unreachable(io::ErrorKind::TimedOut.into()),
            OpenError::Forbidden | OpenError::Failed(_) => {
                let text = format!("{} could not connect: {error}", self.host);
                TunnelError::Unreachable(io::Error::new(io::ErrorKind::ConnectionRefused, text))
            }
        }
    }
}

impl Dialer for Tunnel {
    fn dial(&self, host: &str, port: u16) -> Result<UnixStream, RemoteError> {
        self.stream(host, port, self.timeout, true).map_err(|error| {
            let source = match error {
                TunnelError::Unreachable(source) => source,
                TunnelError::Unusable(error) => io::Error::new(io::ErrorKind::NotConnected, error),
            };
            RemoteError::Connect { host: host.to_owned(), port, source }
        })
    }
}

fn relay_command(host: &str, port: u16, marker: &str) -> String {
    format!("/bin/sh -c {} harden {} {port} {}", quote(RELAY), quote(host), quote(marker))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::net::TcpListener;
    use std::path::Path;
    use std::process::{Command, Stdio};

    /// Runs the relay with only these programs in reach, against a port that answers in capitals until its input ends.
    fn relay(programs: &[(&str, &str)]) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        for (name, target) in programs {
            std::os::unix::fs::symlink(target, folder.path().join(name)).unwrap();
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut buffer = [0_u8; 5];
            stream.read_exact(&mut buffer).unwrap();
            stream.write_all(&buffer.to_ascii_uppercase()).unwrap();
        });
        let mut child = Command::new("/bin/sh")
            .args(["-c", RELAY, "harden", "127.0.0.1", &port.to_string(), "MARK"])
            .env("PATH", folder.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        // Standard input stays open: the relay must end since the port does.
        let mut input = child.stdin.take().unwrap();
        input.write_all(b"hello").unwrap();
        let mut output = Vec::new();
        child.stdout.take().unwrap().read_to_end(&mut output).unwrap();
        drop(input);
        child.wait().unwrap();
        server.join().unwrap();
        output
    }

    #[test]
    fn each_program_relays() {
        let tools = ["cat", "rm", "sleep", "mktemp", "mkfifo"].map(|name| (name, "/bin/busybox"));
        let kinds = [("bash", "/bin/bash"), ("socat", "/usr/bin/socat"), ("nc", "/bin/busybox")];
        for kind in kinds {
            if !Path::new(kind.1).exists() {
                println!("SKIPPED: {} is not installed", kind.1);
                continue;
            }
            let programs: Vec<_> = tools.iter().copied().chain([kind]).collect();
            assert_eq!(relay(&programs), b"MARK\nHELLO", "{}", kind.0);
        }
    }
}
