//! A session on this machine: scripts run in a shell of the same user, below a directory that holds a root file system.
//! A quick start without hosts, golden images, and the host that harden itself runs on.

use super::capture::{Capture, is_complete, last_words, nonce};
use super::socket::{interest, wait};
use super::{Dialer, Probe, Reader, RemoteError, Reply, Script, Session};
use rustix::event::PollFd;
use rustix::process::{Pid, Signal, kill_process_group};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream, ToSocketAddrs};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

/// How long a shell may take to end once its reply is complete.
const LAG: Duration = Duration::from_millis(300);

/// How long to wait for a port of this machine.
const CONNECT: Duration = Duration::from_secs(5);

/// A session on the tree below a directory.
pub(super) fn connect(root: &Path) -> Result<Box<dyn Session>, RemoteError> {
    let failed = |source| RemoteError::LocalFile { path: root.to_owned(), source };
    let root = std::fs::canonicalize(root).map_err(failed)?;
    if !root.is_dir() {
        return Err(failed(io::ErrorKind::NotADirectory.into()));
    }
    Ok(Box::new(LocalSession { root }))
}

struct LocalSession {
    root: PathBuf,
}

impl LocalSession {
    fn is_this_machine(&self) -> bool {
        self.root == Path::new("/")
    }

    /// The value of `$R`: empty for `/`, so that paths do not begin with two slashes.
    fn prefix(&self) -> Result<&str, RemoteError> {
        let text = self.root.to_str();
        text.map(|text| text.trim_end_matches('/'))
            .ok_or_else(|| RemoteError::Unsupported(format!("the path {} is not UTF-8", self.root.display())))
    }
}

impl Reader for LocalSession {
    fn read(&mut self, probe: &Probe, deadline: Duration) -> Result<Reply, RemoteError> {
        self.run(probe.script(), deadline)
    }

    fn dialer(&self) -> Result<Box<dyn Dialer>, RemoteError> {
        if self.is_this_machine() {
            return Ok(Box::new(LocalDialer));
        }
        Err(RemoteError::Unsupported(format!(
            "{} is a directory tree: nothing listens on its ports",
            self.root.display()
        )))
    }
}

impl Session for LocalSession {
    fn run(&mut self, script: &Script, deadline: Duration) -> Result<Reply, RemoteError> {
        let until = Instant::now() + deadline;
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| RemoteError::Protocol {
            attempt: format!("start `{}` on this machine", script.title()),
            source,
        };
        let nonce = nonce().map_err(|error| failed(error.into()))?;
        let text = script.render(&nonce, self.prefix()?);
        let mut running = Running::start(text.as_bytes()).map_err(|error| failed(error.into()))?;
        let ended = running.watch(until, |output| is_complete(output, &nonce));
        running.end();
        let title = || script.title().to_owned();
        match ended {
            Err(error) => Err(RemoteError::Unknown { script: title(), reason: error.to_string() }),
            Ok(false) => Err(RemoteError::Deadline { script: title(), deadline }),
            Ok(true) => {
                let stderr = running.capture.stderr();
                Reply::parse(&running.capture.stdout, &nonce, stderr.clone()).ok_or_else(|| {
                    let reason = format!("it ended without its last line: {}", last_words(&stderr));
                    RemoteError::Unknown { script: title(), reason }
                })
            }
        }
    }

    fn reconnect(&self) -> Result<Box<dyn Session>, RemoteError> {
        connect(&self.root)
    }
}

/// A shell that runs.
struct Running<'a> {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: Option<ChildStdout>,
    stderr: Option<ChildStderr>,
    input: &'a [u8],
    capture: Capture,
}

impl<'a> Running<'a> {
    fn start(input: &'a [u8]) -> io::Result<Self> {
        // A process group of its own, so that what it started can be ended with it.
        let mut child = Command::new("/bin/sh")
            .arg("-s")
            .process_group(0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let running = Self { child, stdin, stdout, stderr, input, capture: Capture::default() };
        let streams = [
            running.stdin.as_ref().map(AsFd::as_fd),
            running.stdout.as_ref().map(AsFd::as_fd),
            running.stderr.as_ref().map(AsFd::as_fd),
        ];
        for stream in streams.into_iter().flatten() {
            rustix::io::ioctl_fionbio(stream, true)?;
        }
        Ok(running)
    }

    /// Feeds and drains until the outputs end or the reply is complete; false when the deadline came first.
    fn watch(&mut self, until: Instant, is_complete: impl Fn(&[u8]) -> bool) -> io::Result<bool> {
        let mut limit = until;
        let mut complete = false;
        loop {
            self.feed();
            self.drain()?;
            if self.stdout.is_none() && self.stderr.is_none() {
                return Ok(true);
            }
            if !complete && is_complete(&self.capture.stdout) {
                complete = true;
                limit = until.min(Instant::now() + LAG);
            }
            if !self.wait(limit)? || Instant::now() >= limit {
                return Ok(complete);
            }
        }
    }

    fn wait(&self, until: Instant) -> io::Result<bool> {
        let mut descriptors = Vec::with_capacity(3);
        if let Some(stream) = &self.stdin {
            descriptors.push(PollFd::new(stream, interest(false, true)));
        }
        if let Some(stream) = &self.stdout {
            descriptors.push(PollFd::new(stream, interest(true, false)));
        }
        if let Some(stream) = &self.stderr {
            descriptors.push(PollFd::new(stream, interest(true, false)));
        }
        wait(&mut descriptors, Some(until))
    }

    fn feed(&mut self) {
        while let Some(stdin) = self.stdin.as_mut().filter(|_| !self.input.is_empty()) {
            match stdin.write(self.input) {
                Ok(length) => self.input = &self.input[length..],
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return,
                // A shell that ended early is no error: the reply tells what it did.
                Err(_) => self.input = &[],
            }
        }
        self.stdin = None;
    }

    fn drain(&mut self) -> io::Result<()> {
        if let Some(stream) = &mut self.stdout
            && read_all(stream, |bytes| self.capture.stdout.extend_from_slice(bytes))?
        {
            self.stdout = None;
        }
        if let Some(stream) = &mut self.stderr
            && read_all(stream, |bytes| self.capture.add_stderr(bytes))?
        {
            self.stderr = None;
        }
        Ok(())
    }

    /// Ends the shell, with what it started when it has not ended by itself, and reaps it.
    fn end(&mut self) {
        let until = Instant::now() + LAG;
        while self.stdout.is_none() && Instant::now() < until {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        if matches!(self.child.try_wait(), Ok(None)) {
            let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
            let _ = self.child.wait();
        }
    }
}

/// Reads until there is nothing to read; whether the stream has ended.
fn read_all(stream: &mut impl Read, mut keep: impl FnMut(&[u8])) -> io::Result<bool> {
    let mut scratch = [0_u8; 16 * 1024];
    loop {
        match stream.read(&mut scratch) {
            Ok(0) => return Ok(true),
            Ok(length) => keep(&scratch[..length]),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Ports of this machine.
struct LocalDialer;

impl Dialer for LocalDialer {
    fn dial(&self, host: &str, port: u16) -> Result<UnixStream, RemoteError> {
        let open = || -> io::Result<UnixStream> {
            let address = (host, port).to_socket_addrs()?.next().ok_or(io::ErrorKind::NotFound)?;
            let stream = TcpStream::connect_timeout(&address, CONNECT)?;
            let (near, far) = UnixStream::pair()?;
            let (mut from_port, mut to_port) = (stream.try_clone()?, stream);
            let (mut from_near, mut to_near) = (near.try_clone()?, near);
            let thread = || std::thread::Builder::new().name(format!("dial {port}"));
            thread().spawn(move || {
                let _ = io::copy(&mut from_port, &mut to_near);
                let _ = to_near.shutdown(Shutdown::Write);
            })?;
            thread().spawn(move || {
                let _ = io::copy(&mut from_near, &mut to_port);
                let _ = to_port.shutdown(Shutdown::Write);
            })?;
            Ok(far)
        };
        open().map_err(|source| RemoteError::Connect { host: host.to_owned(), port, source })
    }
}
