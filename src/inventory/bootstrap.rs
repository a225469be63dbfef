//! `[network]`, `[pki]`, `[bootstrap]` and `[kube-vip]`: what a cluster is made with. As it stands in the file, as it is once
//! checked, and the way between.

use super::diagnostic::{Problem, Report};
use super::lower::{Places, checked};
use super::raw::Text;
use super::subnet::Subnet;
use super::{API_PORT, text};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// kubeadm's own defaults, but for the pods, of which it has none: the range that most network plugins are documented with.
const POD_SUBNET: Subnet = Subnet::v4(Ipv4Addr::new(10, 244, 0, 0), 16);
const SERVICE_SUBNET: Subnet = Subnet::v4(Ipv4Addr::new(10, 96, 0, 0), 12);
const DNS_DOMAIN: &str = "cluster.local";
const CRI_SOCKET: &str = "unix:///run/containerd/containerd.sock";
const IMAGE_REPOSITORY: &str = "registry.k8s.io";

/// The addresses and names inside the cluster. They cannot be changed once it runs.
#[derive(Debug, Clone, Serialize)]
pub struct Network {
    /// The range of the pods' addresses.
    pub pod_subnet: Subnet,
    /// The range of the Services' addresses.
    pub service_subnet: Subnet,
    /// The domain of the Services' names.
    pub dns_domain: String,
}

impl Default for Network {
    fn default() -> Self {
        Self { pod_subnet: POD_SUBNET, service_subnet: SERVICE_SUBNET, dns_domain: DNS_DOMAIN.to_owned() }
    }
}

/// CAs and certificates that harden makes.
#[derive(Debug, Clone, Serialize)]
pub struct Pki {
    /// The algorithm of their keys.
    pub algorithm: PkiAlgorithm,
    /// Lifetime of CAs, in days.
    pub ca_lifetime_days: u32,
    /// Lifetime of what they sign, in days, unless `[etcd]` or `[kubelet]` says otherwise.
    pub certificate_lifetime_days: u32,
    /// Where the keys of the CAs are.
    pub ca_keys: CaKeys,
}

impl Default for Pki {
    fn default() -> Self {
        Self {
            algorithm: PkiAlgorithm::default(),
            ca_lifetime_days: 3650,
            certificate_lifetime_days: 365,
            ca_keys: CaKeys::default(),
        }
    }
}

/// The algorithm of the keys that harden makes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum PkiAlgorithm {
    /// ECDSA on the curve P-256.
    #[default]
    EcdsaP256,
    /// RSA with 2048 bits.
    Rsa2048,
    /// RSA with 4096 bits.
    Rsa4096,
}

/// Where the keys of the CAs are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CaKeys {
    /// On the control-plane nodes too, as kubeadm has it: the controller manager signs the kubelets' new client certificates.
    #[default]
    Nodes,
    /// In the store only: harden renews the kubelets' client certificates.
    Store,
}

/// How a cluster is made.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// The exact version of Kubernetes, `1.35.4`; `None` for that of the kubeadm on the first control-plane node.
    pub version: Option<String>,
    /// The socket of the container runtime, as a URL.
    pub cri_socket: String,
    /// Where the control plane's images come from.
    pub image_repository: String,
    /// What kubeadm's preflight may find without ending there, as kubeadm names it.
    pub ignore_preflight_errors: Vec<String>,
    /// The network plugin's manifests: a file or a folder.
    pub cni: Option<PathBuf>,
    /// Further manifests, files or folders, in order.
    pub manifests: Vec<PathBuf>,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self {
            version: None,
            cri_socket: CRI_SOCKET.to_owned(),
            image_repository: IMAGE_REPOSITORY.to_owned(),
            ignore_preflight_errors: Vec::new(),
            cni: None,
            manifests: Vec::new(),
        }
    }
}

/// kube-vip, which holds the endpoint's address on one of the control-plane nodes.
#[derive(Debug, Clone, Serialize)]
pub struct KubeVip {
    /// Its image.
    pub image: String,
    /// The network interface that gets the address; `None` for that of the default route.
    pub interface: Option<String>,
}

/// `[network]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawNetwork {
    /// The range of the pods' addresses. It cannot be changed once the cluster runs.
    #[schemars(extend("default" = "10.244.0.0/16"))]
    pod_subnet: Option<Text>,
    /// The range of the Services' addresses. It cannot be changed once the cluster runs.
    #[schemars(extend("default" = "10.96.0.0/12"))]
    service_subnet: Option<Text>,
    /// The domain of the Services' names. It cannot be changed once the cluster runs.
    #[schemars(extend("default" = "cluster.local"))]
    dns_domain: Option<Text>,
}

/// `[pki]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawPki {
    /// The algorithm of the keys that harden makes.
    #[schemars(extend("default" = "ecdsa-p256"))]
    algorithm: Option<PkiAlgorithm>,
    /// How long CAs live, in days.
    #[schemars(extend("default" = "3650d"), regex(pattern = r"^[0-9]+[dh]$"))]
    ca_lifetime: Option<Text>,
    /// How long the certificates live that they sign, in days, unless `[etcd]` or `[kubelet]` says otherwise.
    #[schemars(extend("default" = "365d"), regex(pattern = r"^[0-9]+[dh]$"))]
    certificate_lifetime: Option<Text>,
    /// Where the keys of the CAs are: `nodes` as kubeadm has it, `store` for the store beside the inventory alone. Then harden,
    /// and not the controller manager, renews the kubelets' client certificates, with `harden apply`.
    #[schemars(extend("default" = "nodes"))]
    ca_keys: Option<CaKeys>,
}

/// `[bootstrap]`: what `harden bootstrap` makes a cluster with.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawBootstrap {
    /// The exact version of Kubernetes, `"1.35.4"`; otherwise that of the kubeadm on the first control-plane node.
    #[schemars(regex(pattern = r"^1\.3[2-7]\.[0-9]+$"))]
    version: Option<Text>,
    /// The socket of the container runtime.
    #[schemars(extend("default" = "unix:///run/containerd/containerd.sock"))]
    cri_socket: Option<Text>,
    /// Where the control plane's images come from.
    #[schemars(extend("default" = "registry.k8s.io"))]
    image_repository: Option<Text>,
    /// What kubeadm's preflight may find without ending there, as kubeadm names it: `["Swap"]`. What `harden doctor` finds is accepted
    /// by its `--skip`.
    ignore_preflight_errors: Option<Vec<Text>>,
    /// The manifests of the network plugin: a file or a folder, relative to the inventory's directory.
    cni: Option<Text>,
    /// Further manifests, files or folders, applied in this order once all nodes are Ready.
    manifests: Option<Vec<Text>>,
}

/// `[kube-vip]`: a static pod on each control-plane node, of which one holds the address of `[cluster] endpoint`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawKubeVip {
    /// Its image, with tag or digest.
    #[schemars(required, extend("examples" = ["ghcr.io/kube-vip/kube-vip:v1.0.1"]))]
    image: Option<Text>,
    /// The network interface that gets the address; otherwise that of the default route.
    interface: Option<Text>,
}

pub(super) fn network(raw: &RawNetwork, report: &mut Report) -> Network {
    let default = Network::default();
    let pods = checked(raw.pod_subnet.as_ref(), text::subnet, report).unwrap_or(default.pod_subnet);
    let services =
        checked(raw.service_subnet.as_ref(), text::subnet, report).unwrap_or(default.service_subnet);
    let place = raw.pod_subnet.as_ref().or(raw.service_subnet.as_ref());
    if let Some(place) = place.filter(|_| pods.overlaps(&services)) {
        let problem = Problem::new(format!("the pods' {pods} and the Services' {services} overlap"))
            .help("choose ranges without a common address");
        report.error(place.span(), problem);
    }
    Network {
        pod_subnet: pods,
        service_subnet: services,
        dns_domain: checked(raw.dns_domain.as_ref(), text::dns_domain, report).unwrap_or(default.dns_domain),
    }
}

pub(super) fn pki(raw: &RawPki, report: &mut Report) -> Pki {
    let default = Pki::default();
    let days = |raw: Option<&Text>, default, report: &mut Report| {
        checked(raw, text::lifetime_days, report).unwrap_or(default)
    };
    Pki {
        algorithm: raw.algorithm.unwrap_or_default(),
        ca_lifetime_days: days(raw.ca_lifetime.as_ref(), default.ca_lifetime_days, report),
        certificate_lifetime_days: days(
            raw.certificate_lifetime.as_ref(),
            default.certificate_lifetime_days,
            report,
        ),
        ca_keys: raw.ca_keys.unwrap_or_default(),
    }
}

pub(super) fn bootstrap(raw: RawBootstrap, places: &Places, report: &mut Report) -> Bootstrap {
    let ignored = raw.ignore_preflight_errors.unwrap_or_default();
    let manifests = raw.manifests.unwrap_or_default();
    let default = Bootstrap::default();
    Bootstrap {
        version: checked(raw.version.as_ref(), text::patch_version, report),
        cri_socket: checked(raw.cri_socket.as_ref(), text::socket, report).unwrap_or(default.cri_socket),
        image_repository: checked(raw.image_repository.as_ref(), text::image, report)
            .unwrap_or(default.image_repository),
        ignore_preflight_errors: ignored
            .iter()
            .filter_map(|name| checked(Some(name), text::preflight_error, report))
            .collect(),
        cni: raw.cni.and_then(|path| places.resolve(&path, report)),
        manifests: manifests.iter().filter_map(|path| places.resolve(path, report)).collect(),
    }
}

pub(super) fn kube_vip(raw: &RawKubeVip, report: &mut Report) -> KubeVip {
    KubeVip {
        image: checked(raw.image.as_ref(), text::image, report).unwrap_or_default(),
        interface: checked(raw.interface.as_ref(), text::interface, report),
    }
}

/// Why kube-vip cannot hold an endpoint: it moves an address between hosts, and leads no port to another.
pub(super) fn unfit_for_kube_vip(endpoint: &str) -> Option<&'static str> {
    let endpoint = text::endpoint(endpoint).ok()?;
    let (host, port) = endpoint.rsplit_once(':')?;
    if host.trim_matches(['[', ']']).parse::<IpAddr>().is_err() {
        return Some("kube-vip holds an address, and this is a name");
    }
    (port.parse() != Ok(API_PORT))
        .then_some("kube-vip leads no port to another, and the API servers listen on 6443")
}
