//! The Pod Security Standards, a rule for each restricted field, as the API server's own admission plugin has them since
//! Kubernetes 1.32 (k8s.io/pod-security-admission/policy; <https://kubernetes.io/docs/concepts/security/pod-security-standards/>).
//!
//! Containers that were added to a running pod (`kubectl debug`) are not looked at: the pod that replaces it has none.

use crate::inventory::{Minor, PodSecurityLevel};
use crate::resource::{Container, Pod, SecurityContext};

/// Capabilities that a container may add at the level baseline.
const BASELINE_CAPABILITIES: &[&str] = &[
    "AUDIT_WRITE",
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "MKNOD",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
];
/// The only one that may be added at the level restricted.
const RESTRICTED_CAPABILITY: &str = "NET_BIND_SERVICE";

/// Profiles of AppArmor and seccomp that confine.
const PROFILES: &[&str] = &["RuntimeDefault", "Localhost"];

const SELINUX_TYPES: &[&str] =
    &["", "container_t", "container_init_t", "container_kvm_t", "container_engine_t"];

/// Kernel parameters that are kept apart for each pod, with the version from which on they may be set.
const SYSCTLS: &[(&str, Minor)] = &[
    ("kernel.shm_rmid_forced", Minor::OLDEST),
    ("net.ipv4.ip_local_port_range", Minor::OLDEST),
    ("net.ipv4.ip_local_reserved_ports", Minor::OLDEST),
    ("net.ipv4.ip_unprivileged_port_start", Minor::OLDEST),
    ("net.ipv4.ping_group_range", Minor::OLDEST),
    ("net.ipv4.tcp_fin_timeout", Minor::OLDEST),
    ("net.ipv4.tcp_keepalive_intvl", Minor::OLDEST),
    ("net.ipv4.tcp_keepalive_probes", Minor::OLDEST),
    ("net.ipv4.tcp_keepalive_time", Minor::OLDEST),
    ("net.ipv4.tcp_notsent_lowat", Minor(37)),
    ("net.ipv4.tcp_rmem", Minor::OLDEST),
    ("net.ipv4.tcp_slow_start_after_idle", Minor(37)),
    ("net.ipv4.tcp_syncookies", Minor::OLDEST),
    ("net.ipv4.tcp_wmem", Minor::OLDEST),
];

const RESTRICTED_VOLUMES: &[&str] = &[
    "configMap",
    "csi",
    "downwardAPI",
    "emptyDir",
    "ephemeral",
    "image",
    "persistentVolumeClaim",
    "projected",
    "secret",
];

/// The version from which on probes must not name a host.
const PROBE_HOSTS: Minor = Minor(34);
/// The version from which on a pod in a user namespace of its own may do more.
const USER_NAMESPACES: Minor = Minor(35);

/// A pod, and the version whose rules count.
struct Seen<'a> {
    pod: &'a Pod,
    version: Minor,
}

/// A rule: what a person calls it, the level that it belongs to, and whether a pod breaks it.
struct Rule(&'static str, PodSecurityLevel, fn(&Seen<'_>) -> bool);

use PodSecurityLevel::{Baseline, Restricted};

const RULES: &[Rule] = &[
    Rule("privileged", Baseline, |seen| seen.any_own(|own| own.privileged == Some(true))),
    Rule("hostNetwork", Baseline, |seen| seen.pod.spec.host_network),
    Rule("hostPID", Baseline, |seen| seen.pod.spec.host_pid),
    Rule("hostIPC", Baseline, |seen| seen.pod.spec.host_ipc),
    Rule("hostPath", Baseline, |seen| seen.pod.spec.host_paths().next().is_some()),
    Rule("hostPort", Baseline, |seen| seen.containers().any(|container| !container.host_ports.is_empty())),
    Rule("hostProcess", Baseline, |seen| seen.any(|context| context.host_process == Some(true))),
    Rule("capabilities", Baseline, |seen| {
        seen.adds(|capability| !BASELINE_CAPABILITIES.contains(&capability))
    }),
    Rule("capabilities", Restricted, |seen| {
        seen.is_linux() && (seen.adds(|capability| capability != RESTRICTED_CAPABILITY) || !seen.drop_all())
    }),
    Rule("AppArmor", Baseline, app_armor),
    Rule("SELinux", Baseline, |seen| {
        seen.any(|context| {
            context.se_linux.as_deref().is_some_and(|options| {
                !SELINUX_TYPES.contains(&options.kind.as_str())
                    || !options.user.is_empty()
                    || !options.role.is_empty()
            })
        })
    }),
    Rule("procMount", Baseline, |seen| !seen.is_in_user_namespace() && shows_proc(seen)),
    Rule("procMount", Restricted, shows_proc),
    Rule("seccomp", Baseline, |seen| seen.any(|context| context.seccomp.as_deref().is_some_and(is_loose))),
    Rule("seccomp", Restricted, |seen| {
        seen.is_linux() && seen.lacks(|context| context.seccomp.as_deref().map(|profile| !is_loose(profile)))
    }),
    Rule("sysctls", Baseline, sysctls),
    Rule("probe host", Baseline, |seen| seen.version >= PROBE_HOSTS && seen.containers().any(names_host)),
    Rule("volume types", Restricted, |seen| {
        let mut volumes = seen.pod.spec.volumes.iter();
        // A path of the host is named by a rule of its own.
        volumes
            .any(|volume| volume.host_path.is_none() && !RESTRICTED_VOLUMES.contains(&volume.kind.as_str()))
    }),
    Rule("allowPrivilegeEscalation", Restricted, |seen| {
        seen.is_linux()
            && seen.every_own(|own| own.is_none_or(|own| own.allow_privilege_escalation != Some(false)))
    }),
    Rule("runAsNonRoot", Restricted, |seen| {
        !seen.is_in_user_namespace() && seen.lacks(|context| context.run_as_non_root)
    }),
    Rule("runAsUser", Restricted, |seen| {
        !seen.is_in_user_namespace() && seen.any(|context| context.run_as_user == Some(0))
    }),
];

/// What of a pod a level forbids, each field once; nothing where it may be created.
pub fn violations(pod: &Pod, level: PodSecurityLevel, version: Minor) -> Vec<&'static str> {
    let seen = Seen { pod, version };
    let mut found = Vec::new();
    for Rule(field, of, breaks) in RULES {
        if *of <= level && !found.contains(field) && breaks(&seen) {
            found.push(*field);
        }
    }
    found
}

impl<'a> Seen<'a> {
    fn containers(&self) -> impl Iterator<Item = &'a Container> {
        self.pod.spec.init_containers.iter().chain(&self.pod.spec.containers)
    }

    /// Whether some container breaks a rule by what it sets, or does not set, itself.
    fn every_own(&self, breaks: impl Fn(Option<&'a SecurityContext>) -> bool) -> bool {
        self.containers().any(|container| breaks(container.security_context.as_deref()))
    }

    /// Whether some container breaks a rule by what it sets itself.
    fn any_own(&self, breaks: impl Fn(&'a SecurityContext) -> bool) -> bool {
        self.every_own(|own| own.is_some_and(&breaks))
    }

    /// Whether the pod or some container breaks a rule by what it sets.
    fn any(&self, breaks: impl Fn(&'a SecurityContext) -> bool) -> bool {
        self.pod.spec.security_context.as_deref().is_some_and(&breaks) || self.any_own(&breaks)
    }

    /// Whether the pod or some container sets a field to a wrong value, or neither sets it. `sets` says whether the value is
    /// a right one; `None` where there is none.
    fn lacks(&self, sets: impl Fn(&'a SecurityContext) -> Option<bool>) -> bool {
        let of_pod = self.pod.spec.security_context.as_deref().and_then(&sets);
        of_pod == Some(false) || self.every_own(|own| own.and_then(&sets).or(of_pod) != Some(true))
    }

    fn adds(&self, is_forbidden: impl Fn(&str) -> bool) -> bool {
        self.any_own(|own| own.capabilities.add.iter().any(|capability| is_forbidden(capability)))
    }

    fn drop_all(&self) -> bool {
        let drops =
            |own: &SecurityContext| own.capabilities.drop.iter().any(|capability| capability == "ALL");
        !self.every_own(|own| !own.is_some_and(drops))
    }

    fn is_linux(&self) -> bool {
        !self.pod.spec.is_windows()
    }

    /// Whether what is root in the pod is nobody on the host.
    fn is_in_user_namespace(&self) -> bool {
        self.version >= USER_NAMESPACES && self.pod.spec.host_users == Some(false)
    }
}

fn shows_proc(seen: &Seen<'_>) -> bool {
    seen.any_own(|own| own.proc_mount.as_ref().is_some_and(|mount| mount != "Default"))
}

fn is_loose(profile: &str) -> bool {
    !PROFILES.contains(&profile)
}

fn app_armor(seen: &Seen<'_>) -> bool {
    let is_loose_annotation =
        |value: &String| !(value.is_empty() || value == "runtime/default" || value.starts_with("localhost/"));
    seen.any(|context| context.app_armor.as_deref().is_some_and(is_loose))
        || seen.pod.metadata.annotations.values().any(is_loose_annotation)
}

fn sysctls(seen: &Seen<'_>) -> bool {
    let is_forbidden =
        |name: &String| !SYSCTLS.iter().any(|(safe, from)| name == safe && seen.version >= *from);
    seen.pod.spec.security_context.as_deref().is_some_and(|context| context.sysctls.iter().any(is_forbidden))
}

fn names_host(container: &Container) -> bool {
    let handlers =
        [container.liveness_probe, container.readiness_probe, container.startup_probe, container.lifecycle];
    handlers.iter().any(|handler| handler.names_host)
}
