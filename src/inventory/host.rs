//! `[host]`, `[kube-proxy]` and `[files]`: what lies beside the components. As it stands in the file, as it is once checked,
//! and the way between.

use super::Profile;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The hosts beneath Kubernetes.
#[derive(Debug, Clone, Serialize)]
pub struct Host {
    /// Whether the SSH server is hardened.
    pub sshd: bool,
    /// Whether auditd, where it is installed, watches the files of Kubernetes and etcd.
    pub auditd: bool,
}

impl Default for Host {
    fn default() -> Self {
        Self { sshd: false, auditd: true }
    }
}

/// kube-proxy, where kubeadm installed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KubeProxy {
    /// Whether its metrics can be read on the node itself only.
    pub loopback_metrics: bool,
    /// Keys of its configuration that a cluster is made with, nested as in the file.
    pub config: serde_json::Map<String, serde_json::Value>,
}

/// Files that kubeadm leaves on the nodes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Files {
    /// Whether `/etc/kubernetes/super-admin.conf`, whose owner no RBAC rule binds, is removed from the nodes.
    pub remove_super_admin_conf: bool,
}

/// `[host]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawHost {
    /// Whether the SSH server takes keys only and strong algorithms only. Whoever logs in by password is locked out.
    #[schemars(extend("default" = false))]
    pub(super) sshd: Option<bool>,
    /// Whether auditd, where it is installed, watches the files of Kubernetes and etcd.
    #[schemars(extend("default" = true))]
    pub(super) auditd: Option<bool>,
}

/// `[kube-proxy]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawKubeProxy {
    /// Whether its metrics can be read on the node itself only; with the profile `bare` they stay as they are unless said
    /// otherwise.
    #[schemars(extend("default" = true))]
    pub(super) loopback_metrics: Option<bool>,
    /// Keys of its configuration that `harden bootstrap` makes a cluster with, as Kubernetes names them: `mode = "nftables"`.
    pub(super) config: Option<serde_json::Map<String, serde_json::Value>>,
}

/// `[files]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawFiles {
    /// Whether `/etc/kubernetes/super-admin.conf` is removed from the control-plane nodes: whoever has it is an
    /// administrator whom no RBAC rule binds. `kubeadm init phase kubeconfig super-admin` writes a new one.
    #[schemars(extend("default" = false))]
    pub(super) remove_super_admin_conf: Option<bool>,
}

pub(super) fn host(raw: &RawHost) -> Host {
    let default = Host::default();
    Host { sshd: raw.sshd.unwrap_or(default.sshd), auditd: raw.auditd.unwrap_or(default.auditd) }
}

pub(super) fn kube_proxy(raw: RawKubeProxy, profile: Profile) -> KubeProxy {
    KubeProxy {
        loopback_metrics: raw.loopback_metrics.unwrap_or(profile == Profile::Default),
        config: raw.config.unwrap_or_default(),
    }
}

pub(super) fn files(raw: &RawFiles) -> Files {
    Files { remove_super_admin_conf: raw.remove_super_admin_conf.unwrap_or(false) }
}
