//! What is asked of one host, and the script that asks it. It writes nothing on the host.

use super::needs::{MODULES, PORTS, ROOMS, SYSCTLS, Who};
use crate::inventory::{Connection, EtcdTopology, Inventory, Node};
use crate::remote::{Script, quote};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// What is asked of one host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Whether it is a running system, and no directory tree.
    pub live: bool,
    /// Whether it has a kubelet.
    pub kubernetes: bool,
    /// The program that etcd is there, where it is no static pod.
    pub etcd: Option<String>,
    /// Where its container runtime listens.
    pub socket: String,
    /// The version of Kubernetes, where the inventory says it.
    pub version: Option<String>,
    /// Where the control plane's images come from.
    pub repository: String,
    /// Names that it must be able to look up.
    pub names: BTreeSet<String>,
    /// Ports.
    pub ports: BTreeSet<u16>,
    /// Directories for data.
    pub directories: BTreeSet<String>,
    /// The address that kube-vip is to hold there, and the API's port.
    pub virtual_address: Option<(IpAddr, u16)>,
}

impl Question {
    /// What is asked of a node of an inventory.
    pub fn of(node: &Node, inventory: &Inventory) -> Self {
        let is = |who: Who| who.is(node, inventory);
        let external = inventory.etcd.topology == EtcdTopology::External && is(Who::Etcd);
        let bootstrap = &inventory.bootstrap;
        let mut names = BTreeSet::new();
        if is(Who::Kubernetes) {
            names.extend(endpoint_name(inventory));
            names.extend(registry_name(&bootstrap.image_repository));
        }
        Self {
            live: is_live(&node.connection),
            kubernetes: is(Who::Kubernetes),
            etcd: external.then(|| inventory.etcd.program.clone()),
            socket: socket_path(&bootstrap.cri_socket).to_owned(),
            version: bootstrap.version.clone(),
            repository: bootstrap.image_repository.clone(),
            names,
            virtual_address: virtual_address(inventory).filter(|_| is(Who::ControlPlane)),
            ports: PORTS.iter().filter(|port| is(port.who)).map(|port| port.number).collect(),
            directories: ROOMS
                .iter()
                .filter(|room| is(room.who))
                .map(|room| room.directory.to_owned())
                .collect(),
        }
    }

    /// The script.
    pub fn script(&self) -> Script {
        let ports: Vec<String> = self.ports.iter().map(|port| format!("{port:04X}")).collect();
        let list = |words: &mut dyn Iterator<Item = &str>| quote(&words.collect::<Vec<_>>().join(" "));
        let version = self.version.as_ref().map(|version| format!("v{version}")).unwrap_or_default();
        let wanted = format!(
            "harden_live={}\nharden_kubernetes={}\nharden_etcd={}\nharden_socket={}\nharden_version={}\n\
             harden_repository={}\nharden_ports={}\nharden_directories={}\nharden_names={}\nharden_modules={}\n\
             harden_sysctls={}\n",
            u8::from(self.live),
            u8::from(self.kubernetes),
            quote(self.etcd.as_deref().unwrap_or_default()),
            quote(&self.socket),
            quote(&version),
            quote(&self.repository),
            list(&mut ports.iter().map(String::as_str)),
            list(&mut self.directories.iter().map(String::as_str)),
            list(&mut self.names.iter().map(String::as_str)),
            list(&mut MODULES.iter().map(|module| module.name)),
            list(&mut SYSCTLS.iter().map(|sysctl| sysctl.name)),
        );
        Script::new("look whether it is fit for Kubernetes")
            .section("system", format!("{wanted}{}", include_str!("system.sh")))
            .section("kernel", include_str!("kernel.sh"))
            .section("ports", include_str!("ports.sh"))
            .section("programs", include_str!("programs.sh"))
            .section("needed", include_str!("needed.sh"))
            .section("present", include_str!("present.sh"))
            .section("disk", include_str!("disk.sh"))
            .section("names", include_str!("names.sh"))
            .section("standing", include_str!("standing.sh"))
    }
}

fn virtual_address(inventory: &Inventory) -> Option<(IpAddr, u16)> {
    inventory.kube_vip.as_ref()?;
    let endpoint: SocketAddr = inventory.api_endpoint().parse().ok()?;
    Some((endpoint.ip(), endpoint.port()))
}

fn is_live(connection: &Connection) -> bool {
    match connection {
        Connection::Ssh(_) => true,
        Connection::Local { root } => std::fs::canonicalize(root).is_ok_and(|root| root == Path::new("/")),
    }
}

/// The path of a socket that is written as a URL.
pub(super) fn socket_path(socket: &str) -> &str {
    socket.strip_prefix("unix://").unwrap_or(socket)
}

/// The host of `host:port` or `[host]:port`; `None` where it is an address.
fn name(host_and_port: &str) -> Option<String> {
    let host = match host_and_port.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => host_and_port,
    };
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    (!bare.is_empty() && bare.parse::<IpAddr>().is_err()).then(|| bare.to_owned())
}

/// The name by which hosts reach the API; `None` where it is an address.
pub(super) fn endpoint_name(inventory: &Inventory) -> Option<String> {
    name(&inventory.api_endpoint())
}

/// The name of the registry that a repository is in; `None` where it is an address.
pub(super) fn registry_name(repository: &str) -> Option<String> {
    name(repository.split('/').next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses() {
        for (text, expected) in [
            ("api.example.com:6443", Some("api.example.com")),
            ("192.0.2.1:6443", None),
            ("[2001:db8::1]:6443", None),
            ("registry.example:5000", Some("registry.example")),
            ("registry.k8s.io", Some("registry.k8s.io")),
            ("", None),
        ] {
            assert_eq!(name(text).as_deref(), expected, "{text}");
        }
        assert_eq!(registry_name("registry.example:5000/mirror/k8s").as_deref(), Some("registry.example"));
    }
}
