//! The programs of Kubernetes and etcd, the container runtime, and images.

use super::super::facts::{Answer, Lookup};
use super::super::needs::{ETCD, RUNTIME_CONFIG_SINCE, RUNTIMES, WORKER_IMAGES, Who};
use super::super::question::{registry_name, socket_path};
use super::super::{Check, Severity, Version};
use super::{Findings, Subject};
use crate::inventory::EtcdTopology;
use crate::resource::normal_image;

/// Names of images in a finding; of more there is only the number.
const IMAGES_SHOWN: usize = 3;

pub(super) fn judge(subject: &Subject<'_>, found: &mut Findings) {
    if Who::Kubernetes.is(subject.node, subject.inventory) {
        let programs = &subject.facts.programs;
        kubernetes(subject, "kubelet", programs.kubelet.as_ref(), Severity::Fatal, found);
        // A node that has joined runs without it.
        kubernetes(subject, "kubeadm", programs.kubeadm.as_ref(), subject.before_joining(), found);
        runtime(subject, found);
        images(subject, found);
    }
    let external = subject.inventory.etcd.topology == EtcdTopology::External;
    if external && Who::Etcd.is(subject.node, subject.inventory) {
        etcd(subject, found);
    }
}

fn kubernetes(
    subject: &Subject<'_>,
    program: &str,
    answer: Option<&Answer>,
    missing: Severity,
    found: &mut Findings,
) {
    let (node, minor) = (Some(&subject.node.name), subject.inventory.cluster.kubernetes);
    match answer {
        None => {
            let remedy = format!("install {program} {minor} from the packages of Kubernetes {minor}");
            found.add(node, Check::Programs, missing, format!("{program} is not there"), remedy);
        }
        Some(Answer::Unclear) => {
            let fact = format!("{program} does not say its version");
            subject.warn(found, Check::Programs, fact, format!("see `{program} --version` there"));
        }
        Some(Answer::Version(version)) if (version.0, version.1) != (1, minor.0) => {
            // In the midst of an upgrade the two differ for a while.
            let fact = format!("{program} is {version}, and the inventory says {minor}");
            let remedy =
                format!("install {program} {minor}, or write its version under [cluster] `kubernetes`");
            found.add(node, Check::Programs, subject.before_joining(), fact, remedy);
        }
        Some(Answer::Version(_)) => {}
    }
}

fn etcd(subject: &Subject<'_>, found: &mut Findings) {
    let program = &subject.inventory.etcd.program;
    match &subject.facts.programs.etcd {
        None => {
            let remedy = "install etcd there, or write where it is under [etcd] `program`";
            subject.fatal(found, Check::Programs, format!("there is no program {program}"), remedy);
        }
        Some(Answer::Unclear) => {
            let fact = format!("{program} does not say its version");
            subject.warn(found, Check::Programs, fact, format!("see `{program} --version` there"));
        }
        Some(Answer::Version(version)) if *version < ETCD => {
            let fact = format!("etcd is {version}, and Kubernetes is made for {ETCD} and later");
            subject.fatal(found, Check::Programs, fact, "install a newer etcd");
        }
        Some(Answer::Version(_)) => {}
    }
}

fn runtime(subject: &Subject<'_>, found: &mut Findings) {
    let runtime = &subject.facts.runtime;
    let socket = socket_path(&subject.inventory.bootstrap.cri_socket);
    if !runtime.socket {
        let fact = format!("no container runtime listens on {socket}");
        let remedy = match &runtime.name {
            Some(name) => format!("start it, `systemctl enable --now {}`", unit(name)),
            None => String::from("install one, or write where it listens under [bootstrap] `cri-socket`"),
        };
        subject.fatal(found, Check::Runtime, fact, remedy);
    } else if let Some(client) = &runtime.silent {
        let fact = format!("the container runtime on {socket} does not answer {client}");
        let name = runtime.name.as_deref().unwrap_or("containerd");
        let remedy = format!(
            "see `journalctl -u {}` there; containerd may come with its plugin `cri` under `disabled_plugins` in \
             /etc/containerd/config.toml",
            unit(name)
        );
        subject.fatal(found, Check::Runtime, fact, remedy);
    }
    let (Some(name), Some(version)) = (&runtime.name, runtime.version) else {
        if runtime.socket {
            subject.note(
                found,
                Check::Runtime,
                "which container runtime it has, in which version, is not known",
            );
        }
        return;
    };
    let Some(need) = RUNTIMES.iter().find(|need| need.name == name) else { return };
    let minor = subject.inventory.cluster.kubernetes;
    if version < need.least {
        let fact = format!("{name} is {version}, and the kubelet needs {} or later", need.least);
        subject.fatal(found, Check::Runtime, fact, format!("upgrade {name}"));
    } else if version < need.wanted && minor.0 >= RUNTIME_CONFIG_SINCE {
        let fact = format!(
            "{name} is {version}: Kubernetes {minor} is made for {} and later, and falls back meanwhile",
            short(need.wanted)
        );
        let remedy = format!("upgrade {name} before the kubelet's next minor version");
        subject.warn(found, Check::Runtime, fact, remedy);
    }
}

fn short(version: Version) -> String {
    format!("{}.{}", version.0, version.1)
}

fn unit(runtime: &str) -> &str {
    if runtime == "cri-o" { "crio" } else { runtime }
}

fn images(subject: &Subject<'_>, found: &mut Findings) {
    // What has joined has what it runs from.
    if subject.standing.is_member() {
        return;
    }
    let images = &subject.facts.images;
    let Some(needed) = &images.needed else {
        if subject.facts.programs.kubeadm.is_some() {
            subject.note(found, Check::Images, "which images kubeadm needs is not known");
        }
        return;
    };
    let Some(present) = &images.present else {
        if subject.facts.runtime.socket {
            subject.note(
                found,
                Check::Images,
                "which images it has is not known: there is no crictl, and no ctr",
            );
        }
        return;
    };
    let is_control_plane = Who::ControlPlane.is(subject.node, subject.inventory);
    let is_needed = |image: &&String| {
        let name = image.rsplit('/').next().unwrap_or_default().split([':', '@']).next().unwrap_or_default();
        match name {
            "etcd" => Who::StackedEtcd.is(subject.node, subject.inventory),
            _ => is_control_plane || WORKER_IMAGES.contains(&name),
        }
    };
    let vip = subject.inventory.kube_vip.as_ref().filter(|_| is_control_plane).map(|vip| &vip.image);
    let missing: Vec<&str> = needed
        .iter()
        .filter(is_needed)
        .chain(vip)
        .filter(|image| !present.contains(&normal_image(image)))
        .map(String::as_str)
        .collect();
    missing_images(subject, &missing, found);
}

fn missing_images(subject: &Subject<'_>, missing: &[&str], found: &mut Findings) {
    let Some(first) = missing.first() else { return };
    let mut listed = missing.iter().take(IMAGES_SHOWN).copied().collect::<Vec<_>>().join(", ");
    if missing.len() > IMAGES_SHOWN {
        listed = format!("{listed} and {} more", missing.len() - IMAGES_SHOWN);
    }
    let are = if missing.len() == 1 { "image is" } else { "images are" };
    let pull = "`kubeadm config images pull` there, or bring them with the host's own image";
    let registry = registry_name(&subject.inventory.bootstrap.image_repository);
    let unreached = registry.filter(|name| {
        matches!(subject.facts.names.get(name), Some(Lookup::Unknown | Lookup::Late))
            && first.starts_with(name)
    });
    let fact = match &unreached {
        Some(registry) => {
            format!("{} {are} not there, and {registry} has no address there: {listed}", missing.len())
        }
        None => format!("{} {are} not there and will be pulled: {listed}", missing.len()),
    };
    let remedy = match &unreached {
        Some(_) => {
            "unless its runtime has a mirror or a proxy, they cannot be pulled: see DNS, name a registry of \
             your own under [bootstrap] `image-repository`, or import them beforehand"
        }
        None => pull,
    };
    subject.warn(found, Check::Images, fact, remedy);
}
