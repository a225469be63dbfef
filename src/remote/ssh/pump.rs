//! The thread that owns an SSH connection and carries streams over it. One thread has all the channels, since libssh2
//! serves one caller at a time; a local socket pair per stream makes each look like any other socket.
//!
//! It ends when its owner and the last stream are gone, or when the connection breaks: then the streams end.

use super::super::socket::{interest, wait};
use super::link::{Answer, Link};
use super::wire::Wire;
use rustix::event::{PollFd, PollFlags};
use ssh2::Channel;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender, SyncSender, TryRecvError};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// An opening that takes longer than this is one to a host that does not answer, and others go elsewhere: libssh2 can
/// open one channel at a time, and a bastion takes two minutes to give up on a dead host.
const PROMPT: Duration = Duration::from_millis(500);

/// Where a stream leads.
pub(super) enum Target {
    /// A TCP port as the host sees it.
    Port { host: String, port: u16 },
    /// A command's standard input and output, which begin after a line with the marker.
    Command { command: String, marker: String },
}

/// Why a stream could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum OpenError {
    #[error("the server forbids forwarding")]
    Forbidden,
    #[error("{0}")]
    Failed(String),
    #[error("another connection is still being opened")]
    Busy,
    #[error("no answer within the deadline")]
    Late,
    #[error("the connection has ended")]
    Ended,
}

/// The handle of a pump.
pub(super) struct Pump {
    orders: Sender<Order>,
    /// A byte wakes the thread; the end of the stream tells it that the owner is gone. Dropped after `orders`.
    wake: UnixStream,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    has_ended: AtomicBool,
    opening_since: Mutex<Option<Instant>>,
}

struct Order {
    target: Target,
    /// Set by whoever is first: the thread to carry it out, the caller to withdraw it.
    is_taken: Arc<AtomicBool>,
    answer: SyncSender<Result<UnixStream, OpenError>>,
}

/// How often an opening or a close is looked at while other streams are busy.
const GLANCE: Duration = Duration::from_millis(20);

/// Every pump's thread, for [`finish`].
static RUNNING: Mutex<Vec<JoinHandle<()>>> = Mutex::new(Vec::new());

/// Waits for the pumps whose users are gone, at most so long. A process must not end while one of them is in the midst of
/// libssh2 or OpenSSL: these clean up at exit, and it would crash.
pub(in crate::remote) fn finish(patience: Duration) {
    let until = Instant::now() + patience;
    for thread in RUNNING.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        while !thread.is_finished() && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

impl Pump {
    /// Hands a connection over to a thread of its own.
    pub(super) fn start(wire: Wire, name: &str) -> io::Result<Self> {
        let (orders, receiver) = mpsc::channel();
        let (wake, woken) = UnixStream::pair()?;
        wake.set_nonblocking(true)?;
        woken.set_nonblocking(true)?;
        let shared = Arc::new(Shared::default());
        let worker = Worker {
            wire,
            orders: receiver,
            woken,
            opening: None,
            links: Vec::new(),
            idle: None,
            is_orphan: false,
            shared: Arc::clone(&shared),
        };
        let thread = std::thread::Builder::new().name(format!("pump {name}")).spawn(move || worker.run())?;
        RUNNING.lock().unwrap_or_else(PoisonError::into_inner).push(thread);
        Ok(Self { orders, wake, shared })
    }

    /// Whether the connection has broken.
    pub(super) fn has_ended(&self) -> bool {
        self.shared.has_ended.load(Ordering::Acquire)
    }

    /// Whether an opening keeps the next one waiting.
    pub(super) fn is_stalled(&self) -> bool {
        let since = *self.shared.opening_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() >= PROMPT)
    }

    /// Opens a stream. Gives [`OpenError::Busy`] when others are waited for and `patient` is false.
    pub(super) fn open(
        &self,
        target: Target,
        timeout: Duration,
        patient: bool,
    ) -> Result<UnixStream, OpenError> {
        let until = Instant::now() + timeout;
        let (answer, result) = mpsc::sync_channel(1);
        let is_taken = Arc::new(AtomicBool::new(false));
        let order = Order { target, is_taken: Arc::clone(&is_taken), answer };
        self.orders.send(order).map_err(|_| OpenError::Ended)?;
        // A full socket means that it is being woken already.
        let _ = (&self.wake).write(&[1]);
        let first = if patient { timeout } else { timeout.min(PROMPT) };
        match result.recv_timeout(first) {
            Ok(opened) => return opened,
            Err(RecvTimeoutError::Disconnected) => return Err(OpenError::Ended),
            Err(RecvTimeoutError::Timeout) if patient => return Err(OpenError::Late),
            Err(RecvTimeoutError::Timeout) if !is_taken.swap(true, Ordering::AcqRel) => {
                return Err(OpenError::Busy);
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
        match result.recv_timeout(until.saturating_duration_since(Instant::now())) {
            Ok(opened) => opened,
            Err(RecvTimeoutError::Timeout) => Err(OpenError::Late),
            Err(RecvTimeoutError::Disconnected) => Err(OpenError::Ended),
        }
    }
}

struct Opening {
    order: Order,
    channel: Option<Channel>,
}

struct Worker {
    wire: Wire,
    orders: Receiver<Order>,
    woken: UnixStream,
    opening: Option<Opening>,
    links: Vec<Link>,
    /// A closed channel. Reading it is the only way to make libssh2 answer the server's keepalives when no stream is open.
    idle: Option<Channel>,
    /// The owner is gone.
    is_orphan: bool,
    shared: Arc<Shared>,
}

impl Worker {
    fn run(mut self) {
        let mut scratch = vec![0_u8; 64 * 1024];
        let mut is_readable = false;
        loop {
            self.take_order();
            let mut progress = self.step_opening();
            for link in &mut self.links {
                progress |= link.step(&self.wire, &mut scratch);
            }
            while let Some(at) = self.links.iter().position(|link| link.is_finished) {
                self.idle = Some(self.links.swap_remove(at).into_channel());
            }
            if self.is_orphan && self.links.is_empty() && self.opening.is_none() {
                return;
            }
            if progress || self.links.iter().any(Link::has_queued) {
                continue;
            }
            if self.links.is_empty() && self.opening.is_none() {
                self.read_idle();
            }
            if is_readable && self.wire.socket().has_ended() {
                return;
            }
            match self.sleep() {
                Ok(readable) => is_readable = readable,
                Err(_) => return,
            }
        }
    }

    fn take_order(&mut self) {
        while self.opening.is_none() {
            match self.orders.try_recv() {
                Ok(order) if order.is_taken.swap(true, Ordering::AcqRel) => {}
                Ok(order) => {
                    self.set_opening_since(Some(Instant::now()));
                    self.opening = Some(Opening { order, channel: None });
                }
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => {
                    self.is_orphan = true;
                    return;
                }
            }
        }
    }

    fn set_opening_since(&self, since: Option<Instant>) {
        *self.shared.opening_since.lock().unwrap_or_else(PoisonError::into_inner) = since;
    }

    fn step_opening(&mut self) -> bool {
        let Some(mut opening) = self.opening.take() else { return false };
        let opened = match &opening.order.target {
            Target::Port { host, port } => open_port(&self.wire, host, *port),
            Target::Command { command, .. } => open_command(&self.wire, command, &mut opening.channel),
        };
        match opened {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.opening = Some(opening);
                return false;
            }
            Err(error) => drop(opening.order.answer.send(Err(open_error(&error)))),
            Ok(channel) => self.links.extend(link(channel, opening.order)),
        }
        self.set_opening_since(None);
        true
    }

    fn read_idle(&mut self) {
        if let Some(channel) = &mut self.idle {
            let window = channel.read_window();
            // Below that, reading would first send a window adjustment for a channel that the server has forgotten.
            if window.remaining > window.window_size_initial / 4 * 3 + 1 {
                let _ = self.wire.settle(|| channel.read(&mut [0]));
            } else {
                self.idle = None;
            }
        }
    }

    /// Waits for anything to do; whether the SSH connection has something to read.
    fn sleep(&mut self) -> io::Result<bool> {
        let reads = self.opening.is_some()
            || self.links.iter().any(Link::wants_connection)
            || (self.links.is_empty() && self.idle.is_some());
        let mut descriptors = Vec::with_capacity(self.links.len() + 2);
        if reads {
            descriptors.push(PollFd::new(self.wire.socket(), interest(true, false)));
        }
        if !self.is_orphan {
            descriptors.push(PollFd::new(&self.woken, interest(true, false)));
        }
        let fixed = descriptors.len();
        let mut watched = Vec::new();
        for (at, link) in self.links.iter().enumerate() {
            if let Some((near, flags)) = link.local_interest() {
                watched.push(at);
                descriptors.push(PollFd::from_borrowed_fd(std::os::fd::AsFd::as_fd(near), flags));
            }
        }
        // The answer to an opening or a close cannot be asked for, and another channel's reading may have taken it off the
        // socket.
        let answers = self.opening.is_some() || self.links.iter().any(|link| link.is_closing);
        let crowded = answers && self.links.len() + usize::from(self.opening.is_some()) > 1;
        wait(&mut descriptors, crowded.then(|| Instant::now() + GLANCE))?;
        let found: Vec<PollFlags> = descriptors.iter().map(PollFd::revents).collect();
        drop(descriptors);
        for (at, flags) in watched.into_iter().zip(&found[fixed..]) {
            self.links[at].note(*flags);
        }
        if !self.is_orphan && found.get(usize::from(reads)).is_some_and(|flags| !flags.is_empty()) {
            let mut bytes = [0_u8; 64];
            self.is_orphan = matches!(self.woken.read(&mut bytes), Ok(0));
        }
        let is_readable = reads && !found[0].is_empty();
        if is_readable {
            self.wire.socket().acknowledge();
        }
        Ok(is_readable)
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.shared.has_ended.store(true, Ordering::Release);
    }
}

fn open_port(wire: &Wire, host: &str, port: u16) -> io::Result<Channel> {
    wire.settle(|| wire.session().channel_direct_tcpip(host, port, None).map_err(io::Error::from))
}

fn open_command(wire: &Wire, command: &str, held: &mut Option<Channel>) -> io::Result<Channel> {
    let mut channel = match held.take() {
        Some(channel) => channel,
        None => wire.settle(|| wire.session().channel_session().map_err(io::Error::from))?,
    };
    match wire.settle(|| channel.exec(command).map_err(io::Error::from)) {
        Ok(()) => Ok(channel),
        Err(error) => {
            *held = Some(channel);
            Err(error)
        }
    }
}

fn link(channel: Channel, order: Order) -> Option<Link> {
    let answer: Answer = order.answer;
    match order.target {
        Target::Port { .. } => Link::connected(channel, &answer).ok(),
        Target::Command { marker, .. } => Some(Link::relay(channel, marker, answer)),
    }
}

fn open_error(error: &io::Error) -> OpenError {
    let text = error.to_string();
    // libssh2 has one code for all the reasons of RFC 4254, section 5.1, and tells them apart in words. What cannot even be
    // sent, or is never answered, was not refused by the host: the connection is gone (`_libssh2_channel_open` in its channel.c).
    match () {
        () if text.contains("administratively prohibited") => OpenError::Forbidden,
        () if text.contains("Unable to send channel-open request") => OpenError::Ended,
        () if text.contains("Unexpected error") => OpenError::Ended,
        () => OpenError::Failed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_from_a_connection_that_is_gone() {
        for (text, expected) in [
            ("Channel open failure (administratively prohibited)", "the server forbids forwarding"),
            ("Channel open failure (connect failed)", "Channel open failure (connect failed)"),
        ] {
            assert_eq!(open_error(&io::Error::other(text)).to_string(), expected);
        }
        for text in ["Unable to send channel-open request", "Unexpected error"] {
            assert!(matches!(open_error(&io::Error::other(text)), OpenError::Ended), "{text}");
        }
    }
}
