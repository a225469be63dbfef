//! Pods and their containers, as far as benchmarks ask.

use super::{Metadata, read};
use serde::Deserialize;

/// A Pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Pod {
    /// Who it is.
    pub metadata: Metadata,
    /// What runs in it.
    pub spec: PodSpec,
}

/// What runs in a pod.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PodSpec {
    /// Its service account; empty in a mirror pod.
    pub service_account_name: String,
    /// Whether it gets that account's token; `None` leaves it to the account.
    pub automount_service_account_token: Option<bool>,
    /// Whether it sees the host's processes.
    #[serde(rename = "hostPID")]
    pub host_pid: bool,
    /// Whether it shares the host's IPC namespace.
    #[serde(rename = "hostIPC")]
    pub host_ipc: bool,
    /// Whether it shares the host's network.
    pub host_network: bool,
    /// What its containers inherit; `None` where nothing is set.
    #[serde(deserialize_with = "read::context")]
    pub security_context: Option<Box<SecurityContext>>,
    /// The containers.
    #[serde(deserialize_with = "read::nullable")]
    pub containers: Vec<Container>,
    /// The containers that run before them.
    #[serde(deserialize_with = "read::nullable")]
    pub init_containers: Vec<Container>,
    /// The containers that were added to the running pod (`kubectl debug`).
    #[serde(deserialize_with = "read::nullable")]
    pub ephemeral_containers: Vec<Container>,
    /// The paths of the host that it mounts.
    #[serde(rename = "volumes", deserialize_with = "read::host_paths")]
    pub host_paths: Vec<String>,
    /// What it says that it runs on, `linux` or `windows`; empty where it does not say.
    #[serde(rename = "os", deserialize_with = "read::system")]
    pub system: String,
}

impl PodSpec {
    /// Whether it says that it runs on Windows, where Linux' settings mean nothing.
    pub fn is_windows(&self) -> bool {
        self.system == "windows"
    }

    /// Every container, with what it is: `container`, `init container`, `ephemeral container`.
    pub fn every_container(&self) -> impl Iterator<Item = (&'static str, &Container)> {
        let with = |what| move |container| (what, container);
        let first = self.containers.iter().map(with("container"));
        first
            .chain(self.init_containers.iter().map(with("init container")))
            .chain(self.ephemeral_containers.iter().map(with("ephemeral container")))
    }
}

/// A container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Container {
    /// Its name.
    pub name: String,
    /// Its image.
    pub image: String,
    /// What it sets itself; `None` where nothing is set.
    #[serde(deserialize_with = "read::context")]
    pub security_context: Option<Box<SecurityContext>>,
    /// The ports of the host that it takes.
    #[serde(rename = "ports", deserialize_with = "read::host_ports")]
    pub host_ports: Vec<u16>,
    /// The names of the Secrets of which single keys are in its environment.
    #[serde(rename = "env", deserialize_with = "read::secret_keys")]
    pub secret_keys: Vec<String>,
    /// The names of the Secrets that are in its environment as a whole.
    #[serde(rename = "envFrom", deserialize_with = "read::whole_secrets")]
    pub whole_secrets: Vec<String>,
    /// Of an API server, the flags that switch admission plugins on and off.
    #[serde(rename = "command", deserialize_with = "read::admission_flags")]
    pub admission_flags: Vec<String>,
}

/// The security context of a pod or a container.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SecurityContext {
    /// `privileged`.
    pub privileged: Option<bool>,
    /// `allowPrivilegeEscalation`; `None` counts as yes.
    pub allow_privilege_escalation: Option<bool>,
    /// `runAsNonRoot`.
    pub run_as_non_root: Option<bool>,
    /// `runAsUser`.
    pub run_as_user: Option<i64>,
    /// `capabilities`.
    pub capabilities: Capabilities,
    /// `seccompProfile.type`.
    pub seccomp: Option<String>,
    /// `windowsOptions.hostProcess`.
    pub host_process: Option<bool>,
}

/// What a container has more or less than its runtime's usual capabilities.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Capabilities {
    /// More.
    #[serde(deserialize_with = "read::nullable")]
    pub add: Vec<String>,
    /// Less.
    #[serde(deserialize_with = "read::nullable")]
    pub drop: Vec<String>,
}
