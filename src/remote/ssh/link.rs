//! One stream through a pump: bytes between a local socket and a channel, both ways, with bounded buffers. All calls are
//! made by the pump's thread and none of them waits.

use super::pump::OpenError;
use super::wire::Wire;
use rustix::event::PollFlags;
use ssh2::Channel;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::sync::mpsc::SyncSender;

/// What may wait in one direction.
const CAPACITY: usize = 256 * 1024;

/// How much of a relay's standard error is kept for a message.
const MOST_COMPLAINT: usize = 1024;

/// Where the result of an opening goes.
pub(super) type Answer = SyncSender<Result<UnixStream, OpenError>>;

/// One stream.
pub(super) struct Link {
    channel: Channel,
    /// Our end of the local socket; `None` until a relay has greeted.
    near: Option<UnixStream>,
    greeting: Option<Greeting>,
    /// From the local socket to the channel.
    up: Flow,
    /// From the channel to the local socket.
    down: Flow,
    /// A relay is a process: when it ends, both directions do.
    is_relay: bool,
    pub(super) is_closing: bool,
    pub(super) is_finished: bool,
}

/// What has to come before the stream of a relay begins: whatever stands in front of it was printed by the login shell.
struct Greeting {
    marker: String,
    answer: Answer,
    complaint: Vec<u8>,
}

#[derive(Default)]
struct Flow {
    buffer: Vec<u8>,
    /// The source has ended.
    has_ended: bool,
    /// That was passed on.
    is_closed: bool,
}

impl Flow {
    fn has_room(&self) -> bool {
        !self.has_ended && self.buffer.len() < CAPACITY
    }

    fn is_drained(&self) -> bool {
        self.has_ended && self.buffer.is_empty()
    }
}

impl Link {
    /// A stream over a channel that is connected; the far end goes to whoever asked.
    pub(super) fn connected(channel: Channel, answer: &Answer) -> io::Result<Self> {
        let (near, far) = pair()?;
        let mut link = Self::new(channel, Some(near), None);
        // Nobody waits any more: close the channel.
        link.is_closing = answer.send(Ok(far)).is_err();
        Ok(link)
    }

    /// A stream over a command that first prints a line with the marker.
    pub(super) fn relay(channel: Channel, marker: String, answer: Answer) -> Self {
        Self::new(channel, None, Some(Greeting { marker, answer, complaint: Vec::new() }))
    }

    fn new(channel: Channel, near: Option<UnixStream>, greeting: Option<Greeting>) -> Self {
        Self {
            channel,
            near,
            is_relay: greeting.is_some(),
            greeting,
            up: Flow::default(),
            down: Flow::default(),
            is_closing: false,
            is_finished: false,
        }
    }

    /// Moves what can be moved without waiting; whether anything was.
    pub(super) fn step(&mut self, wire: &Wire, scratch: &mut [u8]) -> bool {
        if self.is_closing {
            let closed = wire.settle(|| self.channel.close().map_err(io::Error::from));
            self.is_finished = !matches!(closed, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
            return self.is_finished;
        }
        let moved = self.channel_to_buffer(wire, scratch)
            | self.greet()
            | self.buffer_to_near()
            | self.near_to_buffer(scratch)
            | self.buffer_to_channel(wire);
        if self.up.is_closed && self.down.is_closed {
            self.is_closing = true;
        }
        moved || self.is_closing
    }

    fn channel_to_buffer(&mut self, wire: &Wire, scratch: &mut [u8]) -> bool {
        let mut moved = self.is_relay && self.drain_complaint(wire, scratch);
        while self.down.has_room() {
            match wire.settle(|| self.channel.read(scratch)) {
                Ok(0) => {
                    self.down.has_ended = self.channel.eof();
                    return moved || self.down.has_ended;
                }
                Ok(length) => self.down.buffer.extend_from_slice(&scratch[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return moved,
                Err(_) => self.down.has_ended = true,
            }
            moved = true;
        }
        moved
    }

    fn drain_complaint(&mut self, wire: &Wire, scratch: &mut [u8]) -> bool {
        let mut stream = self.channel.stderr();
        let mut moved = false;
        while let Ok(length @ 1..) = wire.settle(|| stream.read(scratch)) {
            if let Some(greeting) = &mut self.greeting {
                let room = MOST_COMPLAINT.saturating_sub(greeting.complaint.len());
                greeting.complaint.extend_from_slice(&scratch[..length.min(room)]);
            }
            moved = true;
        }
        moved
    }

    fn greet(&mut self) -> bool {
        let Some(greeting) = &self.greeting else { return false };
        let marker = greeting.marker.as_bytes();
        let line = self
            .down
            .buffer
            .windows(marker.len() + 1)
            .position(|window| window.strip_prefix(marker).is_some_and(|end| end == b"\n"));
        let result = match line {
            Some(at) => {
                self.down.buffer.drain(..=at + marker.len());
                pair().map_err(|error| OpenError::Failed(error.to_string()))
            }
            None if self.down.has_ended || self.down.buffer.len() >= CAPACITY => Err(OpenError::Failed(
                super::super::capture::last_words(&String::from_utf8_lossy(&greeting.complaint)),
            )),
            None => return false,
        };
        let Some(Greeting { answer, .. }) = self.greeting.take() else { return false };
        let sent = match result {
            Ok((near, far)) => {
                self.near = Some(near);
                answer.send(Ok(far)).is_ok()
            }
            Err(error) => {
                let _ = answer.send(Err(error));
                false
            }
        };
        self.is_closing = !sent;
        true
    }

    fn buffer_to_near(&mut self) -> bool {
        let Some(near) = &mut self.near else { return false };
        let mut moved = false;
        while !self.down.buffer.is_empty() {
            match near.write(&self.down.buffer) {
                Ok(length) => drop(self.down.buffer.drain(..length)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return moved,
                // The user of the stream has gone: nobody will read the rest.
                Err(_) => {
                    self.is_closing = true;
                    return true;
                }
            }
            moved = true;
        }
        if self.down.is_drained() && !self.down.is_closed {
            let _ = near.shutdown(Shutdown::Write);
            self.down.is_closed = true;
            self.is_closing |= self.is_relay;
            moved = true;
        }
        moved
    }

    fn near_to_buffer(&mut self, scratch: &mut [u8]) -> bool {
        let Some(near) = &mut self.near else { return false };
        let mut moved = false;
        while self.up.has_room() {
            match near.read(scratch) {
                Ok(0) => self.up.has_ended = true,
                Ok(length) => self.up.buffer.extend_from_slice(&scratch[..length]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return moved,
                Err(_) => self.up.has_ended = true,
            }
            moved = true;
        }
        moved
    }

    fn buffer_to_channel(&mut self, wire: &Wire) -> bool {
        let mut moved = false;
        while !self.up.buffer.is_empty() {
            match wire.settle(|| self.channel.write(&self.up.buffer)) {
                Ok(0) => return moved,
                Ok(length) => drop(self.up.buffer.drain(..length)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return moved,
                Err(_) => {
                    // The other side takes nothing any more; it may still have something to say.
                    self.up.buffer.clear();
                    self.up.has_ended = true;
                    self.up.is_closed = true;
                    return true;
                }
            }
            moved = true;
        }
        if self.up.is_drained() && !self.up.is_closed {
            let sent = wire.settle(|| self.channel.send_eof().map_err(io::Error::from));
            self.up.is_closed = !matches!(sent, Err(error) if error.kind() == io::ErrorKind::WouldBlock);
            moved |= self.up.is_closed;
        }
        moved
    }

    /// Whether something has arrived for it that was not taken yet: reading another channel takes whatever is on the socket,
    /// which is quiet then.
    pub(super) fn has_queued(&self) -> bool {
        !self.is_closing
            && self.down.has_room()
            && (self.channel.read_window().available > 0 || self.channel.eof())
    }

    /// Whether something is wanted from the SSH connection.
    pub(super) fn wants_connection(&self) -> bool {
        self.is_closing || self.down.has_room() || !self.up.buffer.is_empty()
    }

    /// The local socket and what to wait for on it. A socket that is only watched for its end asks for nothing.
    pub(super) fn local_interest(&self) -> Option<(&UnixStream, PollFlags)> {
        let near = self.near.as_ref().filter(|_| !self.is_closing)?;
        let flags = super::super::socket::interest(self.up.has_room(), !self.down.buffer.is_empty());
        (!flags.is_empty() || self.up.is_closed).then_some((near, flags))
    }

    /// Takes note of what waiting on the local socket found.
    pub(super) fn note(&mut self, found: PollFlags) {
        // Both directions of the local socket are shut: its user dropped it.
        if found.intersects(PollFlags::HUP | PollFlags::ERR) && self.up.is_closed {
            self.is_closing = true;
        }
    }

    /// The channel, of a link that is finished.
    pub(super) fn into_channel(self) -> Channel {
        self.channel
    }
}

fn pair() -> io::Result<(UnixStream, UnixStream)> {
    let (near, far) = UnixStream::pair()?;
    near.set_nonblocking(true)?;
    Ok((near, far))
}
