//! Reading and nothing else: a script that its makers answer for, and a connection that runs no other. What a check may do to
//! a node is settled here, by what there is no method for.

use super::{Access, Dialer, RemoteError, Reply, Script, ssh};
use crate::inventory::{Node, NodeName, SshSettings};
use std::time::Duration;

/// A script that reads and changes nothing.
///
/// It is made by the modules that build such scripts and by nobody else: outside of this crate by nobody at all, and within
/// it a test holds the list of the places.
///
/// ```compile_fail,E0624
/// use harden::remote::{Probe, Script};
/// let probe = Probe::that_only_reads(Script::new("empty the disk").section("all", "rm -rf /"));
/// ```
#[derive(Debug, Clone)]
pub struct Probe(Script);

impl Probe {
    /// Answers for a script: every command in it only reads, whatever the node holds.
    pub(crate) fn that_only_reads(script: Script) -> Self {
        Self(script)
    }

    /// Both in one round trip, this one first. Sections of one name would hide each other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0.followed_by(other.0))
    }

    /// The name of a section that only makes the reply shorter: it says what is known beforehand. A probe that is installed on
    /// a node is without it, and does not change when that does.
    pub(crate) const KNOWN: &str = "known";

    /// The script, for whoever could run any.
    pub fn script(&self) -> &Script {
        &self.0
    }
}

/// A connection to one node that only reads there. Every [`Session`](super::Session) is one; what [`connect_reader`] gives
/// is no more than that:
///
/// ```
/// use harden::remote::{Probe, Reader, Reply};
/// fn read(reader: &mut dyn Reader, probe: &Probe) -> Reply {
///     reader.read(probe, std::time::Duration::from_secs(1)).unwrap()
/// }
/// ```
///
/// No script can be run through it,
///
/// ```compile_fail,E0599
/// use harden::remote::{Reader, Reply, Script};
/// fn read(reader: &mut dyn Reader, script: &Script) -> Reply {
///     reader.run(script, std::time::Duration::from_secs(1)).unwrap()
/// }
/// ```
///
/// and it does not lead back to a session that could.
///
/// ```compile_fail,E0308
/// use harden::remote::{Reader, Session};
/// fn back(reader: Box<dyn Reader>) -> Box<dyn Session> {
///     reader
/// }
/// ```
///
/// ```compile_fail,E0599
/// use harden::remote::{Reader, Session};
/// fn anew(reader: &dyn Reader) -> Box<dyn Session> {
///     reader.reconnect().unwrap()
/// }
/// ```
pub trait Reader: Send {
    /// Runs a probe as root and waits for the reply.
    fn read(&mut self, probe: &Probe, deadline: Duration) -> Result<Reply, RemoteError>;

    /// Whether it reads with the probes that are installed on the node and with no other: what depends on what was found there
    /// cannot be asked.
    fn is_locked(&self) -> bool {
        false
    }

    /// Something that opens streams to ports of the node, over a connection of its own. What is said through one is up to
    /// whoever has the credentials of the other end.
    fn dialer(&self) -> Result<Box<dyn Dialer>, RemoteError>;
}

/// Connects to a node as [`connect`](super::connect) does, to read only.
pub fn connect_reader(node: &Node, access: &Access) -> Result<Box<dyn Reader>, RemoteError> {
    Ok(super::connect(node, access)?)
}

/// Connects to a node with a key that is locked to the probes installed there, see [`installed`](super::installed). Such a
/// connection reads with these and cannot reach a port of the node.
pub fn connect_locked(
    node: &NodeName,
    settings: &SshSettings,
    access: &Access,
) -> Result<Box<dyn Reader>, RemoteError> {
    ssh::connect_locked(node, settings, access)
}
