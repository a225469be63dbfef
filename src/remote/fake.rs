//! A session without a node: answers are scripted or computed, and faults come at chosen calls. For the tests of whatever
//! talks to nodes, and for simulations of fleets that nobody has.

use super::{Dialer, Probe, Reader, RemoteError, Reply, Script, Session};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// A fault at one call of [`Session::run`]; the connection is of no use afterwards, a new one is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The connection is cut before the script is sent: nothing happened on the node.
    Before,
    /// It is cut in the middle: the first half of the sections ran, and nobody heard.
    Middle,
    /// It is cut after the script ended: all of it ran, and nobody heard.
    After,
    /// The script hangs: the first half of the sections ran, and the deadline comes. No time passes.
    Hang,
    /// The node cannot be reached: this call and every later connection fails.
    Down,
}

type Answer = dyn FnMut(&Script) -> Reply + Send;
type Ports = dyn Fn(&str, u16) -> Result<std::os::unix::net::UnixStream, RemoteError> + Send + Sync;

struct Node {
    answer: Box<Answer>,
    faults: BTreeMap<usize, Fault>,
    calls: Vec<String>,
    is_down: bool,
}

/// A session without a node. Clones and [`Session::reconnect`] reach the same imagined node.
///
/// ```
/// use harden::remote::fake::{FakeSession, Fault, reply};
/// use harden::remote::{RemoteError, Script, Session};
/// use std::time::Duration;
///
/// let mut session = FakeSession::new(|_| reply([("facts", "uid=0")])).with_fault(1, Fault::After);
/// let script = Script::new("read state").section("facts", "id");
/// assert_eq!(session.run(&script, Duration::from_secs(1)).unwrap().section("facts").text(), "uid=0");
/// assert!(matches!(session.run(&script, Duration::from_secs(1)), Err(RemoteError::Unknown { .. })));
/// assert_eq!(session.calls(), ["read state", "read state"]);
/// ```
pub struct FakeSession {
    node: Arc<Mutex<Node>>,
    ports: Option<Arc<Ports>>,
    is_broken: bool,
}

impl FakeSession {
    /// A node whose answers are computed.
    pub fn new(answer: impl FnMut(&Script) -> Reply + Send + 'static) -> Self {
        let node =
            Node { answer: Box::new(answer), faults: BTreeMap::new(), calls: Vec::new(), is_down: false };
        Self { node: Arc::new(Mutex::new(node)), ports: None, is_broken: false }
    }

    /// A node that gives these replies in turn, and empty ones with code 127 when they run out.
    pub fn scripted(replies: impl IntoIterator<Item = Reply>) -> Self {
        let mut replies: std::collections::VecDeque<Reply> = replies.into_iter().collect();
        Self::new(move |_| replies.pop_front().unwrap_or(Reply { code: 127, ..Reply::default() }))
    }

    /// With a fault at a call, counted from 0 over all the connections to this node.
    #[must_use]
    pub fn with_fault(self, call: usize, fault: Fault) -> Self {
        self.lock().faults.insert(call, fault);
        self
    }

    /// With ports to dial.
    #[must_use]
    pub fn with_ports(
        mut self,
        ports: impl Fn(&str, u16) -> Result<std::os::unix::net::UnixStream, RemoteError> + Send + Sync + 'static,
    ) -> Self {
        self.ports = Some(Arc::new(ports));
        self
    }

    /// The titles of the scripts that were run, those with a fault included.
    pub fn calls(&self) -> Vec<String> {
        self.lock().calls.clone()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Node> {
        self.node.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Clone for FakeSession {
    fn clone(&self) -> Self {
        Self { node: Arc::clone(&self.node), ports: self.ports.clone(), is_broken: false }
    }
}

impl Reader for FakeSession {
    fn read(&mut self, probe: &Probe, deadline: Duration) -> Result<Reply, RemoteError> {
        self.run(probe.script(), deadline)
    }

    fn dialer(&self) -> Result<Box<dyn Dialer>, RemoteError> {
        match &self.ports {
            Some(ports) => Ok(Box::new(FakeDialer(Arc::clone(ports)))),
            None => Err(RemoteError::Unsupported(String::from("this imagined node has no ports"))),
        }
    }
}

impl Session for FakeSession {
    fn run(&mut self, script: &Script, deadline: Duration) -> Result<Reply, RemoteError> {
        if self.is_broken {
            return Err(cut());
        }
        let mut node = self.node.lock().unwrap_or_else(PoisonError::into_inner);
        let fault = node.faults.get(&node.calls.len()).copied();
        node.calls.push(script.title().to_owned());
        self.is_broken = fault.is_some();
        let title = script.title().to_owned();
        match fault {
            None => Ok((node.answer)(script)),
            Some(Fault::Before) => Err(cut()),
            Some(Fault::Down) => {
                node.is_down = true;
                Err(cut())
            }
            Some(Fault::Middle) => {
                (node.answer)(&script.first_half());
                Err(RemoteError::Unknown { script: title, reason: String::from("the connection broke") })
            }
            Some(Fault::After) => {
                (node.answer)(script);
                Err(RemoteError::Unknown { script: title, reason: String::from("the connection broke") })
            }
            Some(Fault::Hang) => {
                (node.answer)(&script.first_half());
                Err(RemoteError::Deadline { script: title, deadline })
            }
        }
    }

    fn reconnect(&self) -> Result<Box<dyn Session>, RemoteError> {
        if self.lock().is_down {
            return Err(RemoteError::Connect {
                host: String::from("fake"),
                port: 22,
                source: std::io::ErrorKind::ConnectionRefused.into(),
            });
        }
        Ok(Box::new(self.clone()))
    }
}

struct FakeDialer(Arc<Ports>);

impl Dialer for FakeDialer {
    fn dial(&self, host: &str, port: u16) -> Result<std::os::unix::net::UnixStream, RemoteError> {
        (self.0)(host, port)
    }
}

/// A reply with code 0 and these sections, each with code 0.
pub fn reply<'a>(sections: impl IntoIterator<Item = (&'a str, &'a str)>) -> Reply {
    let section = |(name, output): (&str, &str)| {
        (name.to_owned(), super::Section { code: 0, output: output.as_bytes().to_vec() })
    };
    Reply { sections: sections.into_iter().map(section).collect(), ..Reply::default() }
}

fn cut() -> RemoteError {
    RemoteError::Protocol {
        attempt: String::from("start a script on an imagined node"),
        source: "the connection was cut".into(),
    }
}
