//! A node we can talk to: run a script as root and get a framed reply, open a stream to a port of the node. Over SSH,
//! through bastions, or on a local directory tree. It knows nothing of resources, plans or Kubernetes.

mod access;
mod capture;
mod error;
pub mod fake;
pub mod hostkeys;
pub mod installed;
mod keys;
mod known_files;
mod known_hosts;
mod local;
mod reader;
mod script;
mod socket;
mod ssh;

pub use access::Access;
pub use error::RemoteError;
pub use reader::{Probe, Reader, connect_locked, connect_reader};
pub use script::{Reply, Script, Section, quote, rooted};

use crate::inventory::{Connection, Node};
use std::os::unix::net::UnixStream;
use std::time::Duration;

/// A connection to one node, with root's rights there.
pub trait Session: Reader {
    /// Runs a script as root and waits for the reply.
    ///
    /// A reply without its last line is [`RemoteError::Unknown`]: the script may have done anything from nothing to all.
    fn run(&mut self, script: &Script, deadline: Duration) -> Result<Reply, RemoteError>;

    /// Opens a new connection with a new login and a new step to root, and nothing shared with this one: bastions are
    /// passed anew as well.
    fn reconnect(&self) -> Result<Box<dyn Session>, RemoteError>;
}

/// Opens streams to TCP ports as seen from a node.
pub trait Dialer: Send + Sync {
    /// A stream to `host:port` as the node sees it.
    fn dial(&self, host: &str, port: u16) -> Result<UnixStream, RemoteError>;
}

/// Connects to a node, logs in and becomes root.
///
/// The connect and handshake deadlines of the node's settings are kept to the letter, through bastions as well, whatever
/// the other side does. The deadline for the node as a whole is the caller's.
pub fn connect(node: &Node, access: &Access) -> Result<Box<dyn Session>, RemoteError> {
    match &node.connection {
        Connection::Ssh(settings) => ssh::connect(settings, access),
        Connection::Local { root } => local::connect(root),
    }
}

/// To be called before the process ends: waits for connections that were dropped to be closed, at most a second, so that the
/// servers see them end. What is not closed by then ends with the process, which must not clean up: libssh2 and OpenSSL would
/// crash a thread that is in the midst of them.
pub fn finish() {
    ssh::finish(Duration::from_secs(1));
}
