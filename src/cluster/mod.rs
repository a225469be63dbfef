//! The Kubernetes API and etcd's JSON gateway, through streams that the caller opens on a node, behind a small blocking
//! facade. The only user of tokio. It knows nothing of SSH, plans or gates: it answers questions and makes single writes.

mod api;
mod canary;
mod cordon;
mod credentials;
mod daemon_set;
mod error;
mod etcd;
mod eviction;
mod images;
mod link;
mod masked;
mod membership;
mod metrics;
mod objects;
mod policies;
mod read_api;
mod reading;
mod rewrite;
mod stored;

pub use api::{Api, ConfigMap};
pub use credentials::{Credentials, EtcdCredentials};
pub use daemon_set::Rollout;
pub use error::{ClusterError, FieldConflict};
pub use etcd::{Alarm, Etcd, EtcdHeader, EtcdMember, EtcdStatus};
pub use eviction::{Blocked, Eviction, PodOnNode};
pub use images::NodeImages;
pub use masked::without_values;
pub use objects::Applied;
pub use read_api::{ReadApi, Record, Writing};
pub use reading::{NodeInfo, Readiness};

use std::os::unix::net::UnixStream;
use std::sync::Arc;

/// Opens a stream to a host and port as seen from the node; it has its own deadline.
pub type Dial = Arc<dyn Fn(&str, u16) -> std::io::Result<UnixStream> + Send + Sync>;

/// One control-plane node's own API server and etcd member. Connections are opened when they are first needed, and again
/// after they broke: a restart in between is an error of one call, not of the value.
#[derive(Debug)]
pub struct ControlPlane {
    /// The node's own API server, never one behind a load balancer.
    pub api: Api,
    /// The node's own etcd member; `None` where etcd runs elsewhere.
    pub etcd: Option<Etcd>,
}

impl ControlPlane {
    /// Prepares both clients; nothing is dialled yet.
    pub fn connect(credentials: &Credentials, dial: &Dial) -> Result<Self, ClusterError> {
        let api = Api::connect(credentials, dial)?;
        let etcd = match &credentials.etcd {
            Some(etcd) => Some(Etcd::connect(etcd, dial)?),
            None => None,
        };
        Ok(Self { api, etcd })
    }
}
