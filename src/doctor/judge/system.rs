//! The host itself: names, distribution, kernel, control groups, swap, modules and parameters.

use super::super::facts::{Cgroup, Module};
use super::super::needs::{
    CGROUP_V1_REFUSED_SINCE, CPUS, KERNEL, KERNEL_FOR_CGROUP_V2, MACHINES, MEMORY, MODULES, SYSCTLS, When,
    Who,
};
use super::super::{Check, Version};
use super::{Findings, Subject};
use serde_json::Value;

pub(super) fn judge(subject: &Subject<'_>, found: &mut Findings) {
    if let Some(user) = subject.facts.user.filter(|user| *user != 0) {
        let fact = format!("it was looked at as the user {user}: what only root may see is not known");
        subject.warn(found, Check::Sudo, fact, "run harden as root");
    }
    names(subject, found);
    system(subject, found);
    if Who::Kubernetes.is(subject.node, subject.inventory) {
        resources(subject, found);
        cgroup(subject, found);
        swap(subject, found);
        modules(subject, found);
        sysctls(subject, found);
    }
}

fn names(subject: &Subject<'_>, found: &mut Findings) {
    let (name, system) = (&subject.node.name, &subject.facts.system);
    // What has joined has told the cluster its name, whatever it calls itself.
    if !subject.standing.is_member() && system.hostname.to_lowercase() != name.as_str() {
        let fact = format!("it calls itself {:?}, and the inventory {name}", system.hostname);
        let remedy =
            format!("`hostnamectl set-hostname {name}`, or name it in the inventory as it calls itself");
        subject.warn(found, Check::Hostname, fact, remedy);
    }
    if system.machine_id.is_empty() || system.machine_id == "uninitialized" {
        subject.warn(found, Check::MachineId, "/etc/machine-id has none", "`systemd-machine-id-setup`");
    }
}

fn system(subject: &Subject<'_>, found: &mut Findings) {
    let system = &subject.facts.system;
    if system.os.is_none() {
        subject.note(found, Check::System, "which distribution it is is not known: it has no os-release");
    }
    match &system.machine {
        Some(machine) if !MACHINES.contains(&machine.as_str()) => {
            let fact = format!("Kubernetes is not built for its architecture, {machine}");
            subject.warn(
                found,
                Check::System,
                fact,
                format!("take a host of one of {}", MACHINES.join(", ")),
            );
        }
        _ => {}
    }
    match &system.init {
        Some(init) if init != "systemd" => {
            let fact = format!("its first process is {init} and not systemd, which runs the kubelet");
            subject.fatal(found, Check::System, fact, "take a host that systemd runs");
        }
        Some(_) => {}
        None => subject.note(found, Check::System, "whether systemd runs it is not known"),
    }
    let Some(kernel) = system.kernel.as_deref().and_then(Version::find) else {
        subject.note(found, Check::System, "its kernel's version is not known");
        return;
    };
    if kernel < KERNEL {
        let fact = format!("its kernel is {kernel}, and Kubernetes needs {KERNEL}");
        subject.fatal(found, Check::System, fact, "upgrade its distribution");
    } else if kernel < KERNEL_FOR_CGROUP_V2 && subject.facts.cgroup == Some(Cgroup::V2) {
        let fact = format!("its kernel is {kernel}, and cgroup v2 wants {KERNEL_FOR_CGROUP_V2}");
        subject.warn(found, Check::System, fact, "upgrade its distribution");
    }
}

fn resources(subject: &Subject<'_>, found: &mut Findings) {
    if !Who::ControlPlane.is(subject.node, subject.inventory) || subject.standing.is_member() {
        return;
    }
    let system = &subject.facts.system;
    if let Some(cpus) = system.cpus.filter(|cpus| *cpus < CPUS) {
        let fact = format!("it has {cpus} processor, and kubeadm wants {CPUS} on a control plane");
        subject.warn(found, Check::Resources, fact, "give it more");
    }
    if let Some(memory) = system.memory.filter(|memory| *memory < MEMORY) {
        let (has, wants) = (memory / 1024, MEMORY / 1024);
        let fact = format!("it has {has} MiB of memory, and kubeadm wants {wants} on a control plane");
        subject.warn(found, Check::Resources, fact, "give it more");
    }
}

/// Whether the inventory sets a key of the kubelets' configuration to false.
fn is_off(subject: &Subject<'_>, key: &str) -> bool {
    subject.inventory.kubelet.config.get(key) == Some(&Value::Bool(false))
}

fn cgroup(subject: &Subject<'_>, found: &mut Findings) {
    let minor = subject.inventory.cluster.kubernetes;
    match subject.facts.cgroup {
        Some(Cgroup::V2) => {}
        Some(Cgroup::V1) if minor.0 < CGROUP_V1_REFUSED_SINCE || is_off(subject, "failCgroupV1") => {
            let remedy = "boot it with systemd.unified_cgroup_hierarchy=1, or take a newer distribution";
            subject.warn(found, Check::Cgroup, "it has cgroup v1, which Kubernetes gives up", remedy);
        }
        Some(Cgroup::V1) => {
            let fact = format!("it has cgroup v1, which the kubelet of {minor} refuses");
            let remedy = "boot it with systemd.unified_cgroup_hierarchy=1, or take a newer distribution; \
                          `failCgroupV1 = false` under [kubelet.config] puts it off";
            subject.fatal(found, Check::Cgroup, fact, remedy);
        }
        None => subject.note(found, Check::Cgroup, "which version of cgroups it has is not known"),
    }
}

fn swap(subject: &Subject<'_>, found: &mut Findings) {
    match &subject.facts.swaps {
        Some(swaps) if swaps.is_empty() || is_off(subject, "failSwapOn") => {}
        Some(swaps) => {
            let fact = format!("it swaps to {}, and the kubelet refuses to start", swaps.join(", "));
            let remedy = "`swapoff -a`, and take it out of /etc/fstab and of systemd's swap units; \
                          or set `failSwapOn = false` under [kubelet.config]";
            subject.fatal(found, Check::Swap, fact, remedy);
        }
        None => subject.note(found, Check::Swap, "whether it swaps is not known"),
    }
}

fn modules(subject: &Subject<'_>, found: &mut Findings) {
    let mut unknown = Vec::new();
    for module in MODULES {
        let name = module.name;
        match subject.facts.modules.get(name) {
            Some(Module::There) => {}
            // Where pods run the network plugin has what it needs.
            Some(Module::Loadable) if module.loaded_on_demand || subject.standing.is_member() => {}
            Some(Module::Loadable) => {
                let remedy = format!("`modprobe {name} && echo {name} >/etc/modules-load.d/{name}.conf`");
                let fact = format!("the kernel module {name} is not loaded: {}", module.reason);
                subject.warn(found, Check::Modules, fact, remedy);
            }
            Some(Module::Absent) => {
                let fact = format!("the kernel has no module {name}: {}", module.reason);
                let node = Some(&subject.node.name);
                found.add(node, Check::Modules, module.severity, fact, "install the kernel that has it");
            }
            Some(Module::Unknown) | None => unknown.push(name),
        }
    }
    if !unknown.is_empty() {
        let fact = format!("whether the kernel has {} is not known", unknown.join(" and "));
        subject.note(found, Check::Modules, fact);
    }
}

fn sysctls(subject: &Subject<'_>, found: &mut Findings) {
    let has_ipv6 = subject.inventory.network.pod_subnet.address(0).is_ipv6();
    for sysctl in SYSCTLS {
        if sysctl.when == When::Ipv6 && !has_ipv6 {
            continue;
        }
        let (name, wanted) = (sysctl.name, sysctl.wanted);
        match subject.facts.sysctls.get(name) {
            Some(value) if value == wanted => {}
            Some(value) => {
                let fact = format!("{name} is {value} and not {wanted}: {}", sysctl.reason);
                let remedy =
                    format!("`echo {name} = {wanted} >>/etc/sysctl.d/90-kubernetes.conf && sysctl --system`");
                found.add(Some(&subject.node.name), Check::Sysctls, sysctl.severity, fact, remedy);
            }
            None if sysctl.when == When::There => {}
            None => subject.note(found, Check::Sysctls, format!("what {name} is set to is not known")),
        }
    }
}
