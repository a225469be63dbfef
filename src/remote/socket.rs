//! The socket below an SSH session, and waiting on sockets with a deadline. It knows nothing of SSH.

use super::RemoteError;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::{RecvFlags, sockopt};
use std::io;
use std::net::{IpAddr, Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, RawFd};
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// A peer that acknowledges nothing for so long is dead, whatever the deadline of what runs there.
const DEAD_AFTER: Duration = Duration::from_secs(30);

/// A TCP connection, or a stream through a bastion.
pub(super) enum Socket {
    Tcp(TcpStream),
    Unix(UnixStream),
}

impl Socket {
    /// Ends both directions now. libssh2 waits for its peer when a session is dropped, and does not on a socket that is
    /// shut down.
    pub(super) fn cut(&self) {
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
        };
    }

    /// Acknowledges what came at once. An sshd leaves Nagle's algorithm on until the first command, and one that only
    /// forwards for ever: it would hold back every second packet, one in each login, for the 40 ms of a delayed
    /// acknowledgement.
    pub(super) fn acknowledge(&self) {
        if let Self::Tcp(stream) = self {
            let _ = sockopt::set_tcp_quickack(stream, true);
        }
    }

    /// Whether the peer has gone; only meaningful when everything that came was read.
    pub(super) fn has_ended(&self) -> bool {
        let mut byte = [0_u8; 1];
        match rustix::net::recv(self, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((_, length)) => length == 0,
            Err(error) => error != rustix::io::Errno::AGAIN && error != rustix::io::Errno::INTR,
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
        }
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.as_fd().as_raw_fd()
    }
}

/// Opens a TCP connection, trying every address of the host within one deadline.
pub(super) fn connect(host: &str, port: u16, timeout: Duration) -> Result<TcpStream, RemoteError> {
    let failed = |source| RemoteError::Connect { host: host.to_owned(), port, source };
    let until = Instant::now() + timeout;
    let addresses = resolve(host, port, timeout).map_err(failed)?;
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for (index, address) in addresses.iter().enumerate() {
        let left = until.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(addresses.len() - index).unwrap_or(1);
        if share.is_zero() {
            return Err(failed(io::ErrorKind::TimedOut.into()));
        }
        match TcpStream::connect_timeout(address, share) {
            Ok(stream) => {
                prepare(&stream).map_err(failed)?;
                return Ok(stream);
            }
            Err(error) => last = error,
        }
    }
    Err(failed(last))
}

fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let milliseconds = u32::try_from(DEAD_AFTER.as_millis()).unwrap_or(u32::MAX);
    sockopt::set_tcp_user_timeout(stream, milliseconds)?;
    sockopt::set_tcp_keepidle(stream, DEAD_AFTER / 2)?;
    sockopt::set_tcp_keepintvl(stream, DEAD_AFTER / 6)?;
    sockopt::set_tcp_keepcnt(stream, 3)?;
    Ok(sockopt::set_socket_keepalive(stream, true)?)
}

/// The resolver of libc has no deadline: it runs aside, and one that hangs is left behind.
fn resolve(host: &str, port: u16, timeout: Duration) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    let (sender, receiver) = mpsc::channel();
    let name = host.to_owned();
    std::thread::Builder::new().name(String::from("resolve")).spawn(move || {
        let _ = sender.send((name.as_str(), port).to_socket_addrs().map(Iterator::collect));
    })?;
    receiver.recv_timeout(timeout).map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?
}

/// Waits until one of the descriptors is ready or the time has come; `None` waits without end. Whether one is ready.
pub(super) fn wait(descriptors: &mut [PollFd<'_>], until: Option<Instant>) -> io::Result<bool> {
    loop {
        let left = until.map(|until| until.saturating_duration_since(Instant::now()));
        let timeout = left.map(Timespec::try_from).transpose().map_err(io::Error::other)?;
        match poll(descriptors, timeout.as_ref()) {
            Ok(ready) => return Ok(ready > 0),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// What to wait for on a descriptor.
pub(super) fn interest(read: bool, write: bool) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, read);
    flags.set(PollFlags::OUT, write);
    flags
}
