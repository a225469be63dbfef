//! What hosts need, as tables: ports, programs' versions, kernel modules and parameters, room on disks.

use super::{Severity, Version};
use crate::inventory::{ETCD_CLIENT_PORT, ETCD_DATA, ETCD_PEER_PORT, EtcdTopology, Inventory, Node, Role};

const GIB: u64 = 1 << 30;

/// Who needs something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who {
    /// Hosts with a kubelet.
    Kubernetes,
    /// Hosts with an API server.
    ControlPlane,
    /// Hosts with a member of etcd.
    Etcd,
    /// Hosts with a member of etcd that is a static pod.
    StackedEtcd,
}

impl Who {
    pub(super) fn is(self, node: &Node, inventory: &Inventory) -> bool {
        let has = |role| node.roles.contains(&role);
        match self {
            Self::Kubernetes => has(Role::ControlPlane) || has(Role::Worker),
            Self::ControlPlane => has(Role::ControlPlane),
            Self::Etcd => has(Role::Etcd),
            Self::StackedEtcd => has(Role::Etcd) && inventory.etcd.topology == EtcdTopology::Stacked,
        }
    }
}

/// A port that must be free, or held by who will have it.
pub(super) struct Port {
    pub(super) number: u16,
    pub(super) who: Who,
    /// Its owner, in the kernel's first fifteen letters.
    pub(super) owner: &'static str,
}

const fn port(number: u16, who: Who, owner: &'static str) -> Port {
    Port { number, who, owner }
}

/// <https://kubernetes.io/docs/reference/networking/ports-and-protocols/>, and those on the loopback address.
pub(super) const PORTS: &[Port] = &[
    port(6443, Who::ControlPlane, "kube-apiserver"),
    port(10257, Who::ControlPlane, "kube-controller"),
    port(10259, Who::ControlPlane, "kube-scheduler"),
    port(10248, Who::Kubernetes, "kubelet"),
    port(10250, Who::Kubernetes, "kubelet"),
    port(10249, Who::Kubernetes, "kube-proxy"),
    port(10256, Who::Kubernetes, "kube-proxy"),
    port(ETCD_CLIENT_PORT, Who::Etcd, "etcd"),
    port(ETCD_PEER_PORT, Who::Etcd, "etcd"),
    port(2381, Who::Etcd, "etcd"),
];

/// Where a running kubelet answers, and a running etcd.
pub(super) const KUBELET_PORTS: &[u16] = &[10248, 10250];
pub(super) const ETCD_PORTS: &[u16] = &[ETCD_CLIENT_PORT, ETCD_PEER_PORT];

/// A kernel parameter.
pub(super) struct Sysctl {
    pub(super) name: &'static str,
    pub(super) wanted: &'static str,
    pub(super) severity: Severity,
    pub(super) when: When,
    pub(super) reason: &'static str,
}

/// When a kernel parameter matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Always,
    /// Where pods have IPv6 addresses.
    Ipv6,
    /// Where the kernel has it.
    There,
}

pub(super) const SYSCTLS: &[Sysctl] = &[
    Sysctl {
        name: "net.ipv4.ip_forward",
        wanted: "1",
        severity: Severity::Fatal,
        when: When::Always,
        reason: "no packet would be passed on to a pod",
    },
    Sysctl {
        name: "net.ipv6.conf.all.forwarding",
        wanted: "1",
        severity: Severity::Fatal,
        when: When::Ipv6,
        reason: "no packet would be passed on to a pod",
    },
    Sysctl {
        name: "net.bridge.bridge-nf-call-iptables",
        wanted: "1",
        severity: Severity::Warning,
        when: When::There,
        reason: "Services may not be reached from pods of the same host",
    },
];

/// A kernel module.
pub(super) struct KernelModule {
    pub(super) name: &'static str,
    /// Where there is none.
    pub(super) severity: Severity,
    /// Whether whoever needs it loads it.
    pub(super) loaded_on_demand: bool,
    pub(super) reason: &'static str,
}

pub(super) const MODULES: &[KernelModule] = &[
    KernelModule {
        name: "overlay",
        severity: Severity::Fatal,
        loaded_on_demand: true,
        reason: "container runtimes keep images as overlays",
    },
    KernelModule {
        name: "br_netfilter",
        severity: Severity::Warning,
        loaded_on_demand: false,
        reason: "network plugins that use bridges need it",
    },
];

/// Room for data that is yet to come.
pub(super) struct Room {
    pub(super) directory: &'static str,
    pub(super) who: Who,
    pub(super) bytes: u64,
}

pub(super) const ROOMS: &[Room] = &[
    // The quota that etcd has by default.
    Room { directory: ETCD_DATA, who: Who::Etcd, bytes: 2 * GIB },
    Room { directory: "/var/lib/kubelet", who: Who::Kubernetes, bytes: GIB },
    // The control plane's images and a network plugin's, unpacked and packed.
    Room { directory: "/var/lib/containerd", who: Who::Kubernetes, bytes: 4 * GIB },
];

/// Percent of a file system that must be free: with less the kubelet deletes images.
pub(super) const FREE_PERCENT: u64 = 15;

/// A container runtime.
pub(super) struct RuntimeNeed {
    pub(super) name: &'static str,
    /// Older ones do not speak the kubelet's language, CRI v1.
    pub(super) least: Version,
    /// Older ones have no RuntimeConfig, by which the kubelet of the minor below and later learns the cgroup driver.
    pub(super) wanted: Version,
}

pub(super) const RUNTIMES: &[RuntimeNeed] = &[
    RuntimeNeed { name: "containerd", least: Version(1, 6, 0), wanted: Version(2, 0, 0) },
    RuntimeNeed { name: "cri-o", least: Version(1, 23, 0), wanted: Version(1, 28, 0) },
];

/// From this minor on a runtime without RuntimeConfig is one that Kubernetes no longer supports.
pub(super) const RUNTIME_CONFIG_SINCE: u32 = 36;

/// From this minor on the kubelet refuses the old control groups.
pub(super) const CGROUP_V1_REFUSED_SINCE: u32 = 35;

/// Kubernetes needs this kernel; and with new control groups the other.
pub(super) const KERNEL: Version = Version(4, 19, 0);
pub(super) const KERNEL_FOR_CGROUP_V2: Version = Version(5, 8, 0);

/// Architectures that Kubernetes is built for.
pub(super) const MACHINES: &[&str] = &["x86_64", "aarch64", "ppc64le", "s390x"];

/// The oldest etcd that API servers of today are made for.
pub(super) const ETCD: Version = Version(3, 5, 0);

/// What kubeadm wants of a control plane: processors, and kilobytes of memory.
pub(super) const CPUS: u32 = 2;
pub(super) const MEMORY: u64 = 1700 * 1024;

/// Images that hosts without a control plane need too; the others kubeadm pulls for control planes only.
pub(super) const WORKER_IMAGES: &[&str] = &["kube-proxy"];
