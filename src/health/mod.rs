//! Runs gates: polled, with a deadline each, and held for some seconds before they count. What one poll of one gate means is in
//! `gate`, the waiting in `wait`, and the way to real nodes in `reach`. It changes nothing on a cluster, a canary Secret aside.

mod canary;
mod crash;
mod encryption;
mod error;
mod gate;
mod kubelet;
mod members;
pub mod preflight;
mod probe;
mod processes;
mod reach;
mod read_reach;
mod wait;

pub use encryption::{EncryptionReport, Trial};
pub use error::{GateError, HealthError};
pub use gate::{EtcdCluster, GateAccess, Held, NodeReport, Pending, UnitReport, check, etcd_serves};
pub use kubelet::{KubeletReport, serving_certificate};
pub use processes::{ContainerReport, ProcessReport, StaticPodReport};
pub use reach::Reach;
pub use read_reach::{ReadReach, open_to_read};
pub use wait::{Clock, Pace, SystemClock, wait, wait_with};

use crate::cluster::{ControlPlane, Credentials, Dial, Etcd, EtcdCredentials};
use crate::remote::{Dialer, Reader, RemoteError, Script, Session};
use std::sync::Arc;
use std::time::Duration;

/// How long a small script of this module may take.
const SCRIPT_DEADLINE: Duration = Duration::from_secs(15);

/// Reads the administrator's credentials on a control-plane node, and returns clients for the node's own API server and etcd
/// member, whose streams go through the node. Nothing is dialled yet.
pub fn open(session: &mut dyn Session) -> Result<ControlPlane, HealthError> {
    let script = Credentials::script_sections()
        .iter()
        .fold(Script::new("read the cluster's credentials"), |script, (name, body)| {
            script.section(*name, *body)
        });
    let reply = session.run(&script, SCRIPT_DEADLINE)?;
    let credentials = Credentials::parse(|name| reply.section(name).output)?;
    Ok(ControlPlane::connect(&credentials, &dial(session)?)?)
}

/// [`open`] for a node of which only the etcd member is asked; `None` where it has none.
pub fn open_member(session: &mut dyn Session) -> Result<Option<Etcd>, HealthError> {
    let script = EtcdCredentials::script_sections()
        .fold(Script::new("read etcd's credentials"), |script, (name, body)| script.section(*name, *body));
    let reply = session.run(&script, SCRIPT_DEADLINE)?;
    let Some(credentials) = EtcdCredentials::parse(&|name| reply.section(name).output)? else {
        return Ok(None);
    };
    Ok(Some(Etcd::connect(&credentials, &dial(session)?)?))
}

/// Streams through a node.
fn dial(reader: &dyn Reader) -> Result<Dial, RemoteError> {
    let dialer: Arc<dyn Dialer> = Arc::from(reader.dialer()?);
    Ok(Arc::new(move |host, port| dialer.dial(host, port).map_err(std::io::Error::other)))
}
