//! What pods may do, judged on every container of them, init and ephemeral ones too; what a container does not set it inherits from its
//! pod. A pod that says that it runs on Windows is not asked for what only Linux knows.

use super::evaluation::{Evaluation, count};
use super::shipped;
use crate::resource::{ClusterObjects, Container, Pod, SecurityContext};
use std::collections::{BTreeMap, BTreeSet};

/// Offending pods, told by workload: a Deployment with a thousand pods is one line.
#[derive(Default)]
pub(super) struct Offenders(BTreeMap<String, (BTreeSet<String>, usize)>);

impl Offenders {
    pub(super) fn add(&mut self, pod: &Pod, details: impl IntoIterator<Item = String>) {
        let (known, pods) = self.0.entry(pod.workload()).or_default();
        known.extend(details);
        *pods += 1;
    }

    pub(super) fn into_lines(self) -> BTreeSet<String> {
        let line = |(workload, (details, pods)): (String, (BTreeSet<String>, usize))| {
            let mut line = workload;
            for (index, detail) in details.iter().enumerate() {
                line.push_str(if index == 0 { ": " } else { ", " });
                line.push_str(detail);
            }
            if pods > 1 {
                line = format!("{line} ({pods} pods)");
            }
            line
        };
        self.0.into_iter().map(line).collect()
    }
}

/// A question about pods.
enum Question {
    /// About the pod as a whole: what offends in it.
    Whole(fn(&Pod) -> Vec<String>),
    /// About each container: whether it offends.
    Container(fn(&Seen<'_>) -> bool),
    /// The same, but only where a pod can run on Linux.
    Linux(fn(&Seen<'_>) -> bool),
}

/// A container in its pod.
struct Seen<'a> {
    pod: &'a Pod,
    container: &'a Container,
}

impl<'a> Seen<'a> {
    fn own(&self) -> Option<&'a SecurityContext> {
        self.container.security_context.as_deref()
    }

    /// What the container sets, else what its pod sets.
    fn inherited<T>(&self, field: fn(&'a SecurityContext) -> Option<T>) -> Option<T> {
        let pod = self.pod.spec.security_context.as_deref();
        self.own().and_then(field).or_else(|| pod.and_then(field))
    }

    fn has(&self, list: fn(&'a SecurityContext) -> &'a [String], names: &[&str]) -> bool {
        let list = self.own().map(list).unwrap_or_default();
        list.iter().any(|name| names.iter().any(|wanted| capability(name).eq_ignore_ascii_case(wanted)))
    }

    fn drops(&self, names: &[&str]) -> bool {
        self.has(|context| &context.capabilities.drop, names)
    }

    fn adds(&self, names: &[&str]) -> bool {
        self.has(|context| &context.capabilities.add, names)
    }
}

/// Runtimes take `CAP_NET_RAW` for `NET_RAW`.
fn capability(name: &str) -> &str {
    name.strip_prefix("CAP_").unwrap_or(name)
}

const ITEMS: &[(&str, Question)] = &[
    ("5.2.2", Question::Container(|seen| seen.own().is_some_and(|own| own.privileged == Some(true)))),
    ("5.2.3", Question::Whole(|pod| flag(pod.spec.host_pid, "hostPID"))),
    ("5.2.4", Question::Whole(|pod| flag(pod.spec.host_ipc, "hostIPC"))),
    ("5.2.5", Question::Whole(|pod| flag(pod.spec.host_network, "hostNetwork"))),
    // Not set means allowed.
    (
        "5.2.6",
        Question::Linux(|seen| seen.own().is_none_or(|own| own.allow_privilege_escalation != Some(false))),
    ),
    ("5.2.7", Question::Linux(may_be_root)),
    ("5.2.8", Question::Linux(has_net_raw)),
    ("5.2.9", Question::Linux(has_capabilities)),
    ("5.2.10", Question::Container(|seen| seen.inherited(|context| context.host_process) == Some(true))),
    ("5.2.11", Question::Whole(|pod| pod.spec.host_paths().cloned().collect())),
    ("5.2.12", Question::Whole(host_ports)),
    ("5.4.1", Question::Whole(secrets_in_environment)),
    ("5.6.2", Question::Linux(lacks_seccomp)),
    ("5.6.3", Question::Container(|seen| seen.own().is_none() && seen.pod.spec.security_context.is_none())),
];

fn flag(is_set: bool, name: &str) -> Vec<String> {
    if is_set { vec![name.to_owned()] } else { Vec::new() }
}

/// The user decides where there is one; only then the promise not to be root.
fn may_be_root(seen: &Seen<'_>) -> bool {
    match seen.inherited(|context| context.run_as_user) {
        Some(user) => user == 0,
        None => seen.inherited(|context| context.run_as_non_root) != Some(true),
    }
}

/// Runtimes give NET_RAW to whoever does not drop it, and everything to whoever is privileged.
fn has_net_raw(seen: &Seen<'_>) -> bool {
    let is_privileged = seen.own().is_some_and(|own| own.privileged == Some(true));
    is_privileged || seen.adds(&["ALL", "NET_RAW"]) || !seen.drops(&["ALL", "NET_RAW"])
}

/// As the restricted Pod Security Standard has it: all dropped, and none added but the one for low ports.
fn has_capabilities(seen: &Seen<'_>) -> bool {
    let mut added = seen.own().map(|own| own.capabilities.add.as_slice()).unwrap_or_default().iter();
    !seen.drops(&["ALL"]) || added.any(|name| capability(name) != "NET_BIND_SERVICE")
}

fn lacks_seccomp(seen: &Seen<'_>) -> bool {
    let profile = seen.inherited(|context| context.seccomp.as_deref());
    !matches!(profile, Some("RuntimeDefault" | "Localhost"))
}

fn host_ports(pod: &Pod) -> Vec<String> {
    let containers = pod.spec.every_container();
    containers.flat_map(|(_, container)| &container.host_ports).map(|port| format!("port {port}")).collect()
}

fn secrets_in_environment(pod: &Pod) -> Vec<String> {
    let containers = pod.spec.every_container();
    containers
        .flat_map(|(_, container)| container.secret_keys.iter().chain(&container.whole_secrets))
        .map(|secret| format!("Secret {secret}"))
        .collect()
}

impl Question {
    /// What offends in the pod.
    fn ask(&self, pod: &Pod) -> Vec<String> {
        let (offends, is_for_linux) = match self {
            Self::Whole(find) => return find(pod),
            Self::Container(offends) => (offends, false),
            Self::Linux(offends) => (offends, true),
        };
        if is_for_linux && pod.spec.is_windows() {
            return Vec::new();
        }
        let containers = pod.spec.every_container();
        containers
            .filter(|(_, container)| offends(&Seen { pod, container }))
            .map(|(what, container)| format!("{what} {}", container.name))
            .collect()
    }
}

/// An item that asks something of every pod.
pub(super) fn workloads(item: &str, objects: &ClusterObjects) -> Option<Evaluation> {
    let (_, question) = ITEMS.iter().find(|(name, _)| *name == item)?;
    let mut evaluation = Evaluation::of(count(objects.pods.len(), "pod"));
    let mut offenders = Offenders::default();
    for pod in &objects.pods {
        let found = question.ask(pod);
        if found.is_empty() {
            continue;
        }
        if shipped::pod(pod) {
            evaluation.shipped += 1;
        } else {
            offenders.add(pod, found);
        }
    }
    evaluation.offenders = offenders.into_lines();
    Some(evaluation)
}
