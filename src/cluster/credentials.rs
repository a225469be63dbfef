//! The credentials that kubeadm left on a control-plane node: what prints them there, and what reads that output. They stay in
//! memory. Files that a kubeconfig names are not followed, and its plugins are not run: they would be this machine's.

use super::ClusterError;
use crate::secret::Secret;
use base64::Engine as _;
use serde::Deserialize;
use zeroize::Zeroizing;

const KUBECONFIG: &str = "/etc/kubernetes/admin.conf";
/// etcd's CA, and the client certificate and key, where kubeadm puts them for its static pod.
const OF_STATIC_POD: [&str; 3] = [
    "/etc/kubernetes/pki/etcd/ca.crt",
    "/etc/kubernetes/pki/etcd/healthcheck-client.crt",
    "/etc/kubernetes/pki/etcd/healthcheck-client.key",
];
/// The same for an etcd that systemd runs.
const OF_UNIT: [&str; 3] =
    ["/etc/etcd/pki/ca.crt", "/etc/etcd/pki/healthcheck-client.crt", "/etc/etcd/pki/healthcheck-client.key"];

/// Where kubeadm's API servers listen unless told otherwise.
const API_PORT: u16 = 6443;

/// A script that begins with the directory of the member's certificates.
macro_rules! beside_member {
    ($script:literal) => {
        concat!(
            "harden_pki=$R/etc/kubernetes/pki/etcd\n",
            "[ ! -e \"$R\"/etc/etcd/pki/server.crt ] || harden_pki=$R/etc/etcd/pki\n",
            $script
        )
    };
}

/// Script sections, by name. A missing file is empty output: a node without etcd is not an error. The CA alone is no sign of a
/// member: an API server needs it for an etcd elsewhere.
const SECTIONS: &[(&str, &str)] = &[
    (
        "admin-kubeconfig",
        "for harden_file in admin.conf super-admin.conf; do\n\
         [ -s \"$R/etc/kubernetes/$harden_file\" ] || continue\n\
         cat \"$R/etc/kubernetes/$harden_file\"; break\ndone",
    ),
    ("etcd-unit", "[ ! -e \"$R\"/etc/etcd/pki/server.crt ] || echo yes"),
    (
        "etcd-ca",
        beside_member!(
            "for harden_file in server.crt healthcheck-client.crt healthcheck-client.key; do\n\
             [ -s \"$harden_pki/$harden_file\" ] || continue\n\
             cat \"$harden_pki\"/ca.crt 2>/dev/null || :\nbreak\ndone"
        ),
    ),
    ("etcd-certificate", beside_member!("cat \"$harden_pki\"/healthcheck-client.crt 2>/dev/null || :")),
    ("etcd-key", beside_member!("cat \"$harden_pki\"/healthcheck-client.key 2>/dev/null || :")),
    (
        "api-port",
        "sed -n 's/^ *- --secure-port=\\([0-9][0-9]*\\) *$/\\1/p' \"$R\"/etc/kubernetes/manifests/kube-apiserver.yaml 2>/dev/null || :",
    ),
];

/// What is needed to talk to a node's own API server and etcd member as their administrator.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The CA that signs API servers, PEM.
    pub(super) ca: String,
    /// The administrator's client certificate, PEM.
    pub(super) certificate: String,
    /// Its key, PEM.
    pub(super) key: Secret<String>,
    /// Where the node's API server listens.
    pub(super) port: u16,
    /// For etcd; `None` where the node has no member.
    pub(super) etcd: Option<EtcdCredentials>,
}

/// What is needed to talk to a node's own etcd member.
#[derive(Debug, Clone)]
pub struct EtcdCredentials {
    /// etcd's CA, PEM.
    pub(super) ca: String,
    /// The client certificate, PEM.
    pub(super) certificate: String,
    /// Its key, PEM.
    pub(super) key: Secret<String>,
}

impl Credentials {
    /// Names and POSIX sh bodies of the script sections that print the credentials; `$R` is the root directory. Run them on a
    /// control-plane node and give the output of each to [`Credentials::parse`].
    pub fn script_sections() -> &'static [(&'static str, &'static str)] {
        SECTIONS
    }

    /// Those of [`Credentials::script_sections`] that tell of the API server alone.
    pub fn api_script_sections() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        SECTIONS.iter().filter(|(name, _)| !name.starts_with("etcd-"))
    }

    /// Reads the output of the sections; `get` returns that of the section of a name.
    pub fn parse(get: impl Fn(&str) -> Vec<u8>) -> Result<Self, ClusterError> {
        let (ca, certificate, key) = parse_kubeconfig(&Zeroizing::new(get("admin-kubeconfig")))?;
        let port = String::from_utf8_lossy(&get("api-port")).trim().parse().unwrap_or(API_PORT);
        Ok(Self { ca, certificate, key, port, etcd: EtcdCredentials::parse(&get)? })
    }

    /// For etcd; `None` where the node has no member.
    pub fn etcd(&self) -> Option<&EtcdCredentials> {
        self.etcd.as_ref()
    }
}

impl EtcdCredentials {
    /// Those of [`Credentials::script_sections`] that tell of etcd, for a node without an API server.
    pub fn script_sections() -> impl Iterator<Item = &'static (&'static str, &'static str)> {
        SECTIONS.iter().filter(|(name, _)| name.starts_with("etcd-"))
    }

    /// Reads the output of the sections; `None` where the node has no member.
    pub fn parse(get: &impl Fn(&str) -> Vec<u8>) -> Result<Option<Self>, ClusterError> {
        let [ca, certificate] = ["etcd-ca", "etcd-certificate"].map(get);
        let key = Zeroizing::new(get("etcd-key"));
        if ca.is_empty() && certificate.is_empty() && key.is_empty() {
            return Ok(None);
        }
        let [ca_path, certificate_path, key_path] =
            if get("etcd-unit").is_empty() { OF_STATIC_POD } else { OF_UNIT };
        let key = text(key.to_vec(), key_path)?;
        Ok(Some(Self {
            ca: text(ca, ca_path)?,
            certificate: text(certificate, certificate_path)?,
            key: Secret::new(key),
        }))
    }
}

fn text(bytes: Vec<u8>, path: &'static str) -> Result<String, ClusterError> {
    if bytes.is_empty() {
        return Err(ClusterError::MissingCredentials { path });
    }
    String::from_utf8(bytes).map_err(|_| bad(path, "it is not PEM"))
}

fn bad(path: &'static str, reason: impl Into<String>) -> ClusterError {
    ClusterError::Credentials { path, reason: reason.into() }
}

#[derive(Deserialize)]
struct Kubeconfig {
    #[serde(rename = "current-context", default)]
    current_context: String,
    #[serde(default)]
    contexts: Vec<NamedContext>,
    #[serde(default)]
    clusters: Vec<NamedCluster>,
    #[serde(default)]
    users: Vec<NamedUser>,
}

#[derive(Deserialize)]
struct NamedContext {
    name: String,
    context: Context,
}

#[derive(Deserialize)]
struct Context {
    cluster: String,
    user: String,
}

#[derive(Deserialize)]
struct NamedCluster {
    name: String,
    cluster: ClusterEntry,
}

#[derive(Deserialize)]
struct ClusterEntry {
    #[serde(rename = "certificate-authority-data")]
    ca: Option<String>,
}

#[derive(Deserialize)]
struct NamedUser {
    name: String,
    user: UserEntry,
}

#[derive(Deserialize)]
struct UserEntry {
    #[serde(rename = "client-certificate-data")]
    certificate: Option<String>,
    #[serde(rename = "client-key-data", default, deserialize_with = "wiped")]
    key: Option<Zeroizing<String>>,
}

fn wiped<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Zeroizing<String>>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Zeroizing::new))
}

/// CA, client certificate and key of the current context.
fn parse_kubeconfig(bytes: &[u8]) -> Result<(String, String, Secret<String>), ClusterError> {
    if bytes.is_empty() {
        return Err(ClusterError::MissingCredentials { path: KUBECONFIG });
    }
    let wrong = |reason: &str| bad(KUBECONFIG, reason);
    let yaml = std::str::from_utf8(bytes).map_err(|_| wrong("it is not text"))?;
    // Without the snippet: the error would quote the line, and the line may be the key.
    let options = serde_saphyr::options! { with_snippet: false };
    let config: Kubeconfig =
        serde_saphyr::from_str_with_options(yaml, options).map_err(|_| wrong("it is not a kubeconfig"))?;
    let context = config
        .contexts
        .iter()
        .find(|context| context.name == config.current_context)
        .ok_or_else(|| wrong("its current-context does not exist"))?;
    let cluster = config.clusters.iter().find(|cluster| cluster.name == context.context.cluster);
    let user = config.users.iter().find(|user| user.name == context.context.user);
    let ca = cluster.and_then(|cluster| cluster.cluster.ca.as_deref());
    let certificate = user.and_then(|user| user.user.certificate.as_deref());
    let key = user.and_then(|user| user.user.key.as_ref());
    let (Some(ca), Some(certificate), Some(key)) = (ca, certificate, key) else {
        return Err(wrong("it does not embed a CA, a client certificate and a client key"));
    };
    Ok((decode(ca)?, decode(certificate)?, Secret::new(decode(key)?)))
}

fn decode(data: &str) -> Result<String, ClusterError> {
    let bytes = base64::engine::general_purpose::STANDARD.decode(data.trim()).ok();
    bytes
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| bad(KUBECONFIG, "its data is not PEM in base64"))
}
