//! One command on an SSH connection: its standard input is fed and both outputs are drained at the same time, within one
//! wall-clock deadline. It does not judge what came back.

use super::super::capture::Capture;
use super::wire::{Stall, Wire};
use ssh2::Channel;
use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

/// How long the end of the channel may lag behind the last line of the reply: standard error is still wanted then, but a
/// daemon that the script left behind may hold the channel open for ever.
const LAG: Duration = Duration::from_millis(300);

/// What a command did.
pub(super) struct Finished {
    pub(super) stdout: Vec<u8>,
    pub(super) stderr: String,
    /// As libssh2 reports it: 0 is no proof of success.
    pub(super) status: i32,
    pub(super) signal: Option<String>,
}

/// Why a command has no end.
pub(super) enum Interrupted {
    /// It never began.
    NotStarted(Stall),
    /// The deadline came.
    Late,
    /// The connection broke.
    Cut(io::Error),
}

/// Runs a command. `is_complete` looks at the output so far and says whether anything more is to be waited for.
pub(super) fn exec(
    wire: &Wire,
    command: &str,
    input: &[u8],
    until: Instant,
    is_complete: impl Fn(&[u8]) -> bool,
) -> Result<Finished, Interrupted> {
    let started = |stall| match stall {
        Stall::Late => Interrupted::Late,
        other => Interrupted::NotStarted(other),
    };
    let mut channel = wire.retry(until, || wire.session().channel_session()).map_err(started)?;
    wire.retry(until, || channel.exec(command)).map_err(started)?;
    let mut running = Running {
        wire,
        channel,
        input,
        capture: Capture::default(),
        ended_input: false,
        scratch: vec![0; 32 * 1024],
    };
    let mut limit = until;
    let mut complete = false;
    loop {
        let progress = running.step().map_err(Interrupted::Cut)?;
        if running.channel.eof() {
            break;
        }
        if !complete && is_complete(&running.capture.stdout) {
            complete = true;
            limit = until.min(Instant::now() + LAG);
        }
        let late = Instant::now() >= limit;
        let idle = !progress && !running.has_queued();
        if late || (idle && !wire.wait(limit).map_err(Interrupted::Cut)?) {
            if complete {
                break;
            }
            return Err(Interrupted::Late);
        }
    }
    Ok(running.finish(limit))
}

struct Running<'a> {
    wire: &'a Wire,
    channel: Channel,
    input: &'a [u8],
    capture: Capture,
    ended_input: bool,
    scratch: Vec<u8>,
}

impl Running<'_> {
    /// Moves what can be moved without waiting; whether anything was.
    fn step(&mut self) -> io::Result<bool> {
        let fed = self.feed();
        let mut progress = fed;
        let scratch = &mut self.scratch;
        for error in [false, true] {
            loop {
                let mut stream = if error { self.channel.stderr() } else { self.channel.stream(0) };
                match self.wire.settle(|| stream.read(scratch)) {
                    Ok(0) => break,
                    Ok(length) if error => self.capture.add_stderr(&scratch[..length]),
                    Ok(length) => self.capture.stdout.extend_from_slice(&scratch[..length]),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
                progress = true;
            }
        }
        Ok(progress)
    }

    /// Whether output has arrived that was not taken yet. Reading one of the two outputs takes whatever is on the socket, the
    /// other's data too: the socket is quiet then, and waiting for it would last until the deadline.
    fn has_queued(&self) -> bool {
        self.channel.read_window().available > 0
    }

    /// Feeds standard input. A command that ended without reading all of it is no error: the reply tells what it did.
    fn feed(&mut self) -> bool {
        let before = (self.input.len(), self.ended_input);
        while !self.input.is_empty() {
            let input = self.input;
            match self.wire.settle(|| self.channel.write(input)) {
                Ok(0) => break,
                Ok(length) => self.input = &input[length..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => {
                    self.input = &[];
                    self.ended_input = true;
                }
            }
        }
        if self.input.is_empty() && !self.ended_input {
            let sent = self.wire.settle(|| self.channel.send_eof().map_err(io::Error::from));
            self.ended_input = !matches!(sent, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
        }
        before != (self.input.len(), self.ended_input)
    }

    fn finish(mut self, until: Instant) -> Finished {
        // The exit status and signal come with the close. Neither is needed to judge a framed reply.
        let until = until.min(Instant::now() + LAG);
        let _ = self.wire.retry(until, || self.channel.close());
        let signal = self.channel.exit_signal().ok().and_then(|signal| signal.exit_signal);
        let status = self.channel.exit_status().unwrap_or_default();
        let stderr = self.capture.stderr();
        Finished { stdout: self.capture.stdout, stderr, status, signal }
    }
}
