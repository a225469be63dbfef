//! kubeadm's configuration (v1beta4) for one host, as data.

use super::{FOLDER, JoinKind};
use crate::inventory::{ETCD_DATA, EtcdTopology, Inventory, Minor, Node, PkiAlgorithm, Role, Taint};
use crate::plan::build::{Inputs, PlanError, Problem, cluster};
use crate::plan::kubeadm::{self, cluster_configuration};
use crate::plan::{manifest, yaml, yaml_keys};
use crate::resource::FlagValue;
use serde_json::{Value, json};

/// The version of kubeadm's configuration that all supported versions read.
const CONFIG_API: &str = "kubeadm.k8s.io/v1beta4";
/// With what a host that joins says who it is. It trusts the CA that is in it and no other.
const KUBELET_KUBECONFIG: &str = "/etc/kubernetes/kubelet.conf";
/// The kubelet's configuration and kube-proxy's.
const KUBELET_API: &str = "kubelet.config.k8s.io/v1beta1";
const KUBE_PROXY_API: &str = "kubeproxy.config.k8s.io/v1alpha1";

/// What kubeadm would do and harden has done: certificates and kubeconfigs. Nothing is to be printed for others to join with.
const SKIPPED_AT_INIT: [&str; 4] = ["certs", "kubeconfig", "kubelet-finalize", "show-join-command"];
const SKIPPED_AT_JOIN: [&str; 3] = [
    "control-plane-prepare/download-certs",
    "control-plane-prepare/certs",
    "control-plane-prepare/kubeconfig",
];

/// In which `kubeadm join` adds an etcd member: since 1.33 while the kubelet waits for its own API server
/// (ControlPlaneKubeletLocalMode is on), and until then afterwards. 1.32 knows the newer name, but only as a phase that never runs.
const ETCD_PHASES: [&str; 2] = ["control-plane-join/etcd", "etcd-join"];
const ETCD_JOINS_EARLY_SINCE: Minor = Minor(33);

/// What stands for the token that kubeadm insists on making: the host puts one of its own there, and deletes it when kubeadm is
/// done.
const TOKEN: &str = "harden.0000000000000000";

/// What harden has put there before, and kubeadm's preflight would find.
const MADE_BEFORE: [&str; 3] = [
    "DirAvailable--etc-kubernetes-manifests",
    "FileAvailable--etc-kubernetes-kubelet.conf",
    "FileAvailable--etc-kubernetes-pki-ca.crt",
];
/// What an attempt leaves that did not get to the end.
const LEFT_BEHIND: [&str; 12] = [
    "DirAvailable--var-lib-etcd",
    "FileAvailable--etc-kubernetes-bootstrap-kubelet.conf",
    "FileAvailable--etc-kubernetes-manifests-etcd.yaml",
    "FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml",
    "FileAvailable--etc-kubernetes-manifests-kube-controller-manager.yaml",
    "FileAvailable--etc-kubernetes-manifests-kube-scheduler.yaml",
    "Port-10250",
    "Port-10257",
    "Port-10259",
    "Port-2379",
    "Port-2380",
    "Port-6443",
];

/// What kubeadm's preflight may find on a host.
pub(super) fn ignored(inventory: &Inventory, kind: JoinKind, resumed: bool) -> Vec<String> {
    let made: &[&str] = if kind == JoinKind::Init { &[] } else { &MADE_BEFORE };
    let left: &[&str] = if resumed { &LEFT_BEHIND } else { &[] };
    let named = &inventory.bootstrap.ignore_preflight_errors;
    // kubeadm takes no other name beside this one.
    if named.iter().any(|name| name == "all") {
        return vec![String::from("all")];
    }
    let ours = made.iter().chain(left).map(|name| (*name).to_owned());
    named.iter().cloned().chain(ours).collect()
}

/// All documents for one host.
pub(super) fn config(
    node: &Node,
    kind: JoinKind,
    taints: Option<&[Taint]>,
    ignored: &[String],
    inputs: &Inputs<'_>,
    notices: &mut Vec<String>,
) -> Result<String, PlanError> {
    let registration = registration(node, taints, ignored, inputs.inventory);
    let documents = match kind {
        JoinKind::Init => vec![
            text(&init(node, &registration))?,
            cluster(inputs, notices)?,
            kubelet(inputs)?,
            text(&kube_proxy(inputs.inventory))?,
        ],
        JoinKind::Etcd => Vec::new(),
        JoinKind::ControlPlane | JoinKind::Worker => vec![text(&join(node, kind, &registration))?],
    };
    Ok(documents.join("---\n"))
}

fn text(value: &Value) -> Result<String, PlanError> {
    Ok(yaml::rewrite("", value).map_err(Problem::KubeadmDocument)?)
}

/// What the kubelet says of the node to the API, and how kubeadm looks at the host.
fn registration(node: &Node, taints: Option<&[Taint]>, ignored: &[String], inventory: &Inventory) -> Value {
    let mut registration = json!({
        "name": node.name,
        "criSocket": inventory.bootstrap.cri_socket,
        "imagePullPolicy": "IfNotPresent",
    });
    if !ignored.is_empty() {
        registration["ignorePreflightErrors"] = json!(ignored);
    }
    if let Some(taints) = taints {
        registration["taints"] = taints.iter().map(taint).collect();
    }
    // A host with several addresses is known by the one that the inventory names.
    if let Some(address) = node.ip() {
        registration["kubeletExtraArgs"] = json!([{"name": "node-ip", "value": address}]);
    }
    registration
}

fn taint(taint: &Taint) -> Value {
    let mut value = json!({"key": taint.key, "effect": taint.effect.to_string()});
    if !taint.value.is_empty() {
        value["value"] = Value::from(taint.value.as_str());
    }
    value
}

fn patches_folder() -> String {
    format!("{FOLDER}/patches")
}

fn init(node: &Node, registration: &Value) -> Value {
    json!({
        "apiVersion": CONFIG_API,
        "kind": "InitConfiguration",
        "localAPIEndpoint": {"advertiseAddress": node.address},
        "bootstrapTokens": [{"token": TOKEN, "ttl": "15m0s"}],
        "nodeRegistration": registration,
        "patches": {"directory": patches_folder()},
        "skipPhases": SKIPPED_AT_INIT,
    })
}

/// A host joins with the certificate that harden has issued for its kubelet, and knows the CA already: no token exists that
/// somebody else could join with.
fn join(node: &Node, kind: JoinKind, registration: &Value) -> Value {
    let mut document = json!({
        "apiVersion": CONFIG_API,
        "kind": "JoinConfiguration",
        "discovery": {"file": {"kubeConfigPath": KUBELET_KUBECONFIG}},
        "nodeRegistration": registration,
        "patches": {"directory": patches_folder()},
    });
    if kind == JoinKind::ControlPlane {
        document["controlPlane"] = json!({"localAPIEndpoint": {"advertiseAddress": node.address}});
        document["skipPhases"] = json!(SKIPPED_AT_JOIN);
    }
    document
}

/// A JoinConfiguration without the phase in which the kubeadm of a minor version adds an etcd member. A text that is none comes back
/// as it is.
pub(super) fn without_etcd(config: &str, kubeadm: Minor) -> String {
    let phase = ETCD_PHASES[usize::from(kubeadm >= ETCD_JOINS_EARLY_SINCE)];
    let skipped = || {
        let mut document = yaml::parse(config).ok()?;
        document.get_mut("skipPhases")?.as_array_mut()?.push(phase.into());
        yaml::rewrite(config, &document).ok()
    };
    skipped().unwrap_or_else(|| config.to_owned())
}

/// ClusterConfiguration: what all control-plane nodes have in common.
fn cluster(inputs: &Inputs<'_>, notices: &mut Vec<String>) -> Result<String, PlanError> {
    let inventory = inputs.inventory;
    let network = &inventory.network;
    let mut value = json!({
        "apiVersion": CONFIG_API,
        "kind": "ClusterConfiguration",
        "kubernetesVersion": inputs.joining.version,
        "controlPlaneEndpoint": inventory.api_endpoint(),
        "imageRepository": inventory.bootstrap.image_repository,
        "encryptionAlgorithm": match inventory.pki.algorithm {
            PkiAlgorithm::EcdsaP256 => "ECDSA-P256",
            PkiAlgorithm::Rsa2048 => "RSA-2048",
            PkiAlgorithm::Rsa4096 => "RSA-4096",
        },
        "networking": {
            "podSubnet": network.pod_subnet,
            "serviceSubnet": network.service_subnet,
            "dnsDomain": network.dns_domain,
        },
        "etcd": etcd(inventory),
    });
    if !inventory.apiserver.sans.is_empty() {
        value["apiServer"] = json!({"certSANs": inventory.apiserver.sans});
    }
    let mut components = cluster::of_control_planes(inputs, notices)?;
    for component in &mut components {
        for flag in &mut component.flags {
            // kubeadm replaces its own default by what stands here, and a list must not lose what is in that.
            if let FlagValue::List { includes, excludes } = &flag.value {
                let default = kubeadm::default_flag(&component.component, &flag.name);
                if let Some((whole, _)) = manifest::list(&flag.name, default, includes, excludes) {
                    flag.value = FlagValue::Is(whole);
                }
            }
        }
    }
    let edited = cluster_configuration(&text(&value)?, &components).map_err(Problem::ClusterConfiguration)?;
    Ok(edited.text)
}

fn etcd(inventory: &Inventory) -> Value {
    if inventory.etcd.topology == EtcdTopology::Stacked {
        return json!({"local": {"dataDir": ETCD_DATA}});
    }
    let endpoints = inventory.with_role(Role::Etcd).map(Node::etcd_client_url);
    json!({"external": {
        "endpoints": endpoints.collect::<Vec<_>>(),
        "caFile": "/etc/kubernetes/pki/etcd/ca.crt",
        "certFile": "/etc/kubernetes/pki/apiserver-etcd-client.crt",
        "keyFile": "/etc/kubernetes/pki/apiserver-etcd-client.key",
    }})
}

/// The kubelets' configuration as far as it is the same for all; the rest comes as a patch on each host.
fn kubelet(inputs: &Inputs<'_>) -> Result<String, PlanError> {
    let (keys, _) = cluster::kubelet_keys(inputs);
    let base = text(&json!({"apiVersion": KUBELET_API, "kind": "KubeletConfiguration"}))?;
    Ok(kubeadm::kubelet_configuration(&base, &keys).map_err(Problem::KubeletConfiguration)?.text)
}

fn kube_proxy(inventory: &Inventory) -> Value {
    let mut document = json!({"apiVersion": KUBE_PROXY_API, "kind": "KubeProxyConfiguration"});
    if let Value::Object(keys) = &mut document {
        yaml_keys::merge(keys, &inventory.kube_proxy.config, "", &mut Vec::new());
    }
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_that_takes_part_is_not_added_again() {
        let config = "kind: JoinConfiguration\nskipPhases:\n- control-plane-prepare/certs\n";
        for (kubeadm, phase) in
            [(32, "control-plane-join/etcd"), (33, "etcd-join"), (Minor::NEWEST.0, "etcd-join")]
        {
            assert_eq!(without_etcd(config, Minor(kubeadm)), format!("{config}- {phase}\n"));
        }
        assert_eq!(without_etcd("kind: JoinConfiguration\n", Minor(33)), "kind: JoinConfiguration\n");
    }
}
