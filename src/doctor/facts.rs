//! What one host answers, as plain data. `None` and what is left out of a map are what could not be told.

use super::Version;
use crate::resource::ClockReading;
use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

/// What one host answers.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// Whether it is a running system: false for a directory tree, of which only the files count.
    pub live: bool,
    /// Seconds since 1970 on its clock.
    pub clock: i64,
    /// The number of the user that looked.
    pub user: Option<u32>,
    /// What it is.
    pub system: System,
    /// Its control groups.
    pub cgroup: Option<Cgroup>,
    /// What it swaps to.
    pub swaps: Option<Vec<String>>,
    /// Kernel parameters that were asked for.
    pub sysctls: BTreeMap<String, String>,
    /// Kernel modules that were asked for.
    pub modules: BTreeMap<String, Module>,
    /// Who listens on the ports that were asked for.
    pub listeners: Option<BTreeSet<Listener>>,
    /// The programs of Kubernetes and etcd.
    pub programs: Programs,
    /// The container runtime.
    pub runtime: Runtime,
    /// Images.
    pub images: Images,
    /// By each directory that was asked for, the file system that it is on.
    pub disks: BTreeMap<String, Disk>,
    /// The names that were looked up.
    pub names: BTreeMap<String, Lookup>,
    /// What of a cluster is there: paths.
    pub left: BTreeSet<String>,
    /// Who answers at the address that kube-vip is to hold, as the host finds it: `aa:bb:…`, or that its port is open.
    pub claimed: Option<String>,
    /// SHA-256 of the certificate of the cluster's CA, in hexadecimal digits.
    pub ca_sha256: Option<String>,
}

/// What a host is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct System {
    /// Its own name.
    pub hostname: String,
    /// What systemd tells it apart by.
    pub machine_id: String,
    /// Its distribution, `Debian GNU/Linux 13 (trixie)`.
    pub os: Option<String>,
    /// Its architecture, as `uname -m` says it.
    pub machine: Option<String>,
    /// Its kernel's release.
    pub kernel: Option<String>,
    /// The name of its first process.
    pub init: Option<String>,
    /// Processors.
    pub cpus: Option<u32>,
    /// Kilobytes of memory.
    pub memory: Option<u64>,
    /// Its addresses.
    pub addresses: BTreeSet<IpAddr>,
}

/// The version of a host's control groups.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cgroup {
    /// The old one, also where the new one is mounted beside it.
    V1,
    /// The new one.
    V2,
}

/// How a kernel has a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Module {
    /// Loaded or built in.
    There,
    /// It can be loaded.
    Loadable,
    /// There is none.
    Absent,
    /// That cannot be told, as in a container.
    Unknown,
}

/// Somebody who listens on a port.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Listener {
    /// The port.
    pub port: u16,
    /// The program, in the kernel's first fifteen letters; empty where it could not be told.
    pub program: String,
}

/// What a program answered to the question for its version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// Its version.
    Version(Version),
    /// It is there, and said something else.
    Unclear,
}

/// The programs of Kubernetes and etcd; `None` where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Programs {
    /// The kubelet.
    pub kubelet: Option<Answer>,
    /// kubeadm.
    pub kubeadm: Option<Answer>,
    /// etcd, where the inventory has it as a program.
    pub etcd: Option<Answer>,
}

/// The container runtime.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Runtime {
    /// Whether its socket is there.
    pub socket: bool,
    /// Its name, `containerd`.
    pub name: Option<String>,
    /// Its version.
    pub version: Option<Version>,
    /// The client that asked it and got no answer.
    pub silent: Option<String>,
}

/// Images.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Images {
    /// Those that kubeadm will want; `None` where it could not be asked.
    pub needed: Option<BTreeSet<String>>,
    /// Those that the runtime has, in the form of [`crate::resource::normal_image`]; `None` where it could not be asked.
    pub present: Option<BTreeSet<String>>,
}

/// A file system.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Disk {
    /// The number of its device: directories with the same are on the same.
    pub device: u64,
    /// Free bytes.
    pub free: u64,
    /// All bytes.
    pub size: u64,
}

/// What looking up a name brought.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lookup {
    /// Its addresses.
    Found(BTreeSet<String>),
    /// Nobody knows it.
    Unknown,
    /// No answer came in time.
    Late,
}

impl HostFacts {
    /// Its clock, where it has one of its own, around which this machine's was read: milliseconds since 1970.
    pub fn clock(&self, asked: i64, answered: i64) -> Option<ClockReading> {
        self.live.then(|| ClockReading { asked, node: self.clock.saturating_mul(1000), answered })
    }

    /// Whether one of the ports is held by that program.
    pub(super) fn holds(&self, ports: &[u16], program: &str) -> bool {
        self.listeners
            .iter()
            .flatten()
            .any(|listener| ports.contains(&listener.port) && listener.program == program)
    }
}
