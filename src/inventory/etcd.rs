//! Where a member of etcd is: its ports and its data. kubeadm fixes them for its static pods, and harden's unit has the same.

use super::Node;

/// Where clients reach a member.
pub const ETCD_CLIENT_PORT: u16 = 2379;
/// Where members reach each other.
pub const ETCD_PEER_PORT: u16 = 2380;
/// Where a member keeps its data.
pub const ETCD_DATA: &str = "/var/lib/etcd";

impl Node {
    /// Where clients reach its member.
    pub fn etcd_client_url(&self) -> String {
        format!("https://{}:{ETCD_CLIENT_PORT}", self.url_host())
    }

    /// Where other members reach its member: by this it is known in etcd before it has a name there.
    pub fn etcd_peer_url(&self) -> String {
        format!("https://{}:{ETCD_PEER_PORT}", self.url_host())
    }
}
