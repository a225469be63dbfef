//! What Kubernetes, kubeadm and its add-ons ship. It is recognised by name, and not by its label alone: anybody can write a label, and
//! anybody can add a subject to a binding that Kubernetes ships.

use crate::resource::{Binding, Metadata, Pod, Role, Subject};

/// The namespaces that every cluster has.
pub(super) const NAMESPACES: &[&str] = &["default", "kube-node-lease", "kube-public", "kube-system"];

const BOOTSTRAP_LABEL: &str = "kubernetes.io/bootstrapping";
/// ClusterRoles and bindings of Kubernetes itself whose names do not begin with `system:`.
const DEFAULT_NAMES: &[&str] = &["admin", "cluster-admin", "edit", "view"];
/// Groups and users that are everybody: what they may do is never a matter of the system alone.
const EVERYBODY: &[&str] = &["system:anonymous", "system:authenticated", "system:unauthenticated"];
const SERVICE_ACCOUNTS: &str = "system:serviceaccounts";

/// Static pods of a kubeadm control plane; a mirror pod's name ends in its node's.
const CONTROL_PLANE: &[&str] = &["etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"];
/// Workloads of kubeadm's add-ons, in kube-system.
const ADD_ONS: &[&str] = &["DaemonSet kube-system/kube-proxy", "Deployment kube-system/coredns"];

const JOINING: &str = "Group system:bootstrappers:kubeadm:default-node-token";
const NODES: &str = "Group system:nodes";

/// Bindings that kubeadm makes, which have no label: namespace, name, role, subjects (kubeadm 1.32 to 1.37).
const KUBEADM: &[(&str, &str, &str, &[&str])] = &[
    ("", "kubeadm:cluster-admins", "cluster-admin", &["Group kubeadm:cluster-admins"]),
    ("", "kubeadm:get-nodes", "kubeadm:get-nodes", &[JOINING]),
    ("", "kubeadm:kubelet-bootstrap", "system:node-bootstrapper", &[JOINING]),
    (
        "",
        "kubeadm:node-autoapprove-bootstrap",
        "system:certificates.k8s.io:certificatesigningrequests:nodeclient",
        &[JOINING],
    ),
    (
        "",
        "kubeadm:node-autoapprove-certificate-rotation",
        "system:certificates.k8s.io:certificatesigningrequests:selfnodeclient",
        &[NODES],
    ),
    ("", "kubeadm:node-proxier", "system:node-proxier", &["ServiceAccount kube-system/kube-proxy"]),
    ("", "system:coredns", "system:coredns", &["ServiceAccount kube-system/coredns"]),
    (
        "kube-public",
        "kubeadm:bootstrap-signer-clusterinfo",
        "kubeadm:bootstrap-signer-clusterinfo",
        &["User system:anonymous"],
    ),
    ("kube-system", "kube-proxy", "kube-proxy", &[JOINING]),
    ("kube-system", "kubeadm:kubeadm-certs", "kubeadm:kubeadm-certs", &[JOINING]),
    ("kube-system", "kubeadm:kubelet-config", "kubeadm:kubelet-config", &[NODES, JOINING]),
    ("kube-system", "kubeadm:nodes-kubeadm-config", "kubeadm:nodes-kubeadm-config", &[NODES, JOINING]),
];

/// Whether the object is one that the API server makes again at each start.
fn is_default(metadata: &Metadata) -> bool {
    metadata.labels.get(BOOTSTRAP_LABEL).is_some_and(|value| value == "rbac-defaults")
        && (metadata.name.starts_with("system:") || DEFAULT_NAMES.contains(&metadata.name.as_str()))
}

pub(super) fn role(role: &Role) -> bool {
    let metadata = &role.metadata;
    let by_kubeadm = |(namespace, _, name, _): &(&str, &str, &str, &[&str])| {
        *namespace == metadata.namespace && *name == metadata.name
    };
    is_default(metadata) || KUBEADM.iter().any(by_kubeadm)
}

/// Whether this subject of this binding is there in every cluster.
pub(super) fn subject(binding: &Binding, subject: &Subject) -> bool {
    if is_default(&binding.metadata) {
        return match subject.kind.as_str() {
            "ServiceAccount" => subject.namespace == "kube-system",
            _ => subject.name.starts_with("system:") && !is_everybody(&subject.name),
        };
    }
    KUBEADM.iter().any(|(namespace, name, role, subjects)| {
        *namespace == binding.metadata.namespace
            && *name == binding.metadata.name
            && *role == binding.role_ref.name
            && subjects.contains(&display(subject).as_str())
    })
}

fn is_everybody(name: &str) -> bool {
    EVERYBODY.contains(&name) || name.starts_with(SERVICE_ACCOUNTS)
}

pub(super) fn pod(pod: &Pod) -> bool {
    let metadata = &pod.metadata;
    if metadata.namespace != "kube-system" {
        return false;
    }
    match &metadata.owner {
        Some(owner) if owner.kind == "Node" => CONTROL_PLANE.iter().any(|component| {
            metadata.name.strip_prefix(component).and_then(|rest| rest.strip_prefix('-')) == Some(&owner.name)
        }),
        Some(_) => ADD_ONS.contains(&pod.workload().as_str()),
        None => false,
    }
}

/// A subject as a person calls it.
pub(super) fn display(subject: &Subject) -> String {
    match subject.kind.as_str() {
        "ServiceAccount" => format!("ServiceAccount {}/{}", subject.namespace, subject.name),
        kind => format!("{kind} {}", subject.name),
    }
}
