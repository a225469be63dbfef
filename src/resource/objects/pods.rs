//! Pods and their containers, as far as benchmarks ask.

use super::{Metadata, Owner, read};
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

impl Pod {
    /// What a person calls it: the workload that it belongs to, whose name stays when its pods are replaced.
    pub fn workload(&self) -> String {
        let Metadata { name, namespace, labels, owner, .. } = &self.metadata;
        match owner {
            Some(Owner { kind, name: set }) if kind == "ReplicaSet" => {
                let hash = labels.get("pod-template-hash").map(|hash| format!("-{hash}"));
                match hash.and_then(|hash| set.strip_suffix(&hash)) {
                    Some(deployment) => format!("Deployment {namespace}/{deployment}"),
                    None => format!("ReplicaSet {namespace}/{set}"),
                }
            }
            Some(owner) if owner.kind != "Node" => format!("{} {namespace}/{}", owner.kind, owner.name),
            _ => format!("Pod {namespace}/{name}"),
        }
    }
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
    /// Whether it shares the host's user namespace; `None` counts as yes.
    pub host_users: Option<bool>,
    /// Its volumes.
    #[serde(deserialize_with = "read::volumes")]
    pub volumes: Vec<Volume>,
    /// What it says that it runs on, `linux` or `windows`; empty where it does not say.
    #[serde(rename = "os", deserialize_with = "read::system")]
    pub system: String,
}

impl PodSpec {
    /// Whether it says that it runs on Windows, where Linux' settings mean nothing.
    pub fn is_windows(&self) -> bool {
        self.system == "windows"
    }

    /// The paths of the host that it mounts.
    pub fn host_paths(&self) -> impl Iterator<Item = &String> {
        self.volumes.iter().filter_map(|volume| volume.host_path.as_ref())
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
    /// What asks whether it lives.
    #[serde(deserialize_with = "read::nullable")]
    pub liveness_probe: Handler,
    /// What asks whether it is ready.
    #[serde(deserialize_with = "read::nullable")]
    pub readiness_probe: Handler,
    /// What asks whether it has started.
    #[serde(deserialize_with = "read::nullable")]
    pub startup_probe: Handler,
    /// What is done after its start and before its end.
    #[serde(deserialize_with = "read::nullable")]
    pub lifecycle: Handler,
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
    /// `appArmorProfile.type`.
    pub app_armor: Option<String>,
    /// `seLinuxOptions`.
    pub se_linux: Option<Box<SeLinuxOptions>>,
    /// `procMount`.
    pub proc_mount: Option<String>,
    /// The names in a pod's `sysctls`.
    pub sysctls: Vec<String>,
}

/// Whom SELinux takes a container for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct SeLinuxOptions {
    /// `user`.
    pub user: String,
    /// `role`.
    pub role: String,
    /// `type`.
    #[serde(rename = "type")]
    pub kind: String,
}

/// A volume.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Volume {
    /// Where it comes from: `hostPath`, `configMap`; empty where it does not say.
    pub kind: String,
    /// The path of the host that it is.
    pub host_path: Option<String>,
}

/// A probe, or the hooks of a container's life.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(from = "read::RawHandler")]
pub struct Handler {
    /// Whether it names a host to ask, instead of asking the pod itself.
    pub names_host: bool,
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
