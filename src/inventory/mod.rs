//! The validated inventory: what the user declared, with every default filled in and every reference resolved.
//! A value of these types is sound; the raw TOML that it came from is not visible outside this module.
//! It reads one file and touches no network.

mod admission;
mod apply;
mod bootstrap;
mod deadline;
mod diagnostic;
mod drain;
mod drift;
mod etcd;
mod glob;
mod host;
mod limit;
mod load;
mod lower;
mod nodes;
mod raw;
mod scaffold;
mod schema;
mod ssh;
mod structure;
mod subnet;
mod switch;
mod taint;
mod text;
mod waiver;

pub use admission::{Admission, EventRateLimit, PodSecurity, PodSecurityLevel, RateLimit};
pub use apply::{Apply, MaxUnavailable, MaxUnavailableError};
pub use bootstrap::{Bootstrap, CaKeys, KubeVip, Network, Pki, PkiAlgorithm};
pub use deadline::{Deadline, DeadlineError, Jitter, JitterError, ReportDeadline};
pub use diagnostic::{Diagnostic, Level, Place};
pub(crate) use diagnostic::{nearest, shown};
pub use drain::Drain;
pub use drift::{Drift, DriftIgnore, IgnoredThing, LockedKey};
pub use etcd::{ETCD_CLIENT_PORT, ETCD_DATA, ETCD_PEER_PORT};
pub use glob::glob;
pub use host::{Files, Host, KubeProxy};
pub use limit::{Limit, LimitError};
pub use load::{InventoryError, Loaded, load, parse};
pub use scaffold::{Scaffold, ScaffoldNode, scaffold};
pub use schema::schema;
pub use subnet::Subnet;
pub use switch::Switch;
pub use taint::{Taint, TaintEffect};
pub use waiver::{Day, Waiver};

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Where API servers listen.
const API_PORT: u16 = 6443;

/// A validated inventory.
#[derive(Debug, Clone, Serialize)]
pub struct Inventory {
    /// The file that it was read from.
    #[serde(skip)]
    pub file: PathBuf,
    /// The cluster as a whole.
    pub cluster: Cluster,
    /// The nodes, in the file's order; names and addresses are unique.
    pub nodes: Vec<Node>,
    /// etcd.
    pub etcd: Etcd,
    /// The API server.
    pub apiserver: ApiServer,
    /// The controller manager.
    pub controller_manager: Component,
    /// The scheduler.
    pub scheduler: Component,
    /// What the API server lets in.
    pub admission: Admission,
    /// The API server's audit log.
    pub audit: Audit,
    /// Encryption at rest.
    pub encryption: Encryption,
    /// The kubelets.
    pub kubelet: Kubelet,
    /// Accepted exceptions. Templates do not see them: they change what is reported, never what is applied.
    #[serde(skip)]
    pub waivers: Vec<Waiver>,
    /// What a drift check leaves aside and how it logs in. Templates do not see it: it changes what is reported, never what is applied.
    #[serde(skip)]
    pub drift: Drift,
    /// What is left alone of what the templates would do. Templates do not see it: it chooses among them.
    #[serde(skip)]
    pub switches: Vec<Switch>,
    /// How changes are applied. Templates do not see it: it changes when something is done, never what.
    #[serde(skip)]
    pub apply: Apply,
    /// The hosts beneath Kubernetes.
    pub host: Host,
    /// kube-proxy.
    pub kube_proxy: KubeProxy,
    /// Files that kubeadm leaves on the nodes.
    pub files: Files,
    /// The addresses and names inside the cluster.
    pub network: Network,
    /// CAs and certificates that harden makes.
    pub pki: Pki,
    /// How a cluster is made. Templates do not see it: they say what a node has, however it came to be.
    #[serde(skip)]
    pub bootstrap: Bootstrap,
    /// kube-vip, where it holds the endpoint's address.
    pub kube_vip: Option<KubeVip>,
    /// Where flags of a component stand in the file, line and column from 1, by the component and the flag.
    #[serde(skip)]
    pub flag_places: BTreeMap<(&'static str, String), (usize, usize)>,
}

impl Inventory {
    /// Where a flag of a component stands, as an editor can jump to it: `harden.toml:14:1`.
    pub fn flag_place(&self, component: &str, flag: &str) -> Option<String> {
        let found = self.flag_places.iter().find(|((of, name), _)| *of == component && name == flag);
        found.map(|(_, (line, column))| format!("{}:{line}:{column}", self.file.display()))
    }

    /// The directory that holds the inventory, where `templates/` and `secrets/` are looked for.
    pub fn directory(&self) -> PathBuf {
        match self.file.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
            _ => PathBuf::from("."),
        }
    }

    /// The nodes with a role, in the file's order.
    pub fn with_role(&self, role: Role) -> impl Iterator<Item = &Node> {
        self.nodes.iter().filter(move |node| node.roles.contains(&role))
    }

    /// Where clients reach the API, `host:port`: the endpoint, or else the first control-plane node's own address.
    pub fn api_endpoint(&self) -> String {
        let own = || {
            let node = self.with_role(Role::ControlPlane).next()?;
            Some(format!("{}:{API_PORT}", node.url_host()))
        };
        self.cluster.endpoint.clone().or_else(own).unwrap_or_default()
    }

    /// The address of the endpoint, where it is no name.
    pub fn virtual_address(&self) -> Option<IpAddr> {
        let (host, _) = self.cluster.endpoint.as_deref()?.rsplit_once(':')?;
        host.trim_matches(['[', ']']).parse().ok()
    }

    /// The node of that name.
    pub fn node(&self, name: &NodeName) -> Option<&Node> {
        self.nodes.iter().find(|node| node.name == *name)
    }
}

/// The cluster as a whole.
#[derive(Debug, Clone, Serialize)]
pub struct Cluster {
    /// Its name, used in reports and on the store.
    pub name: String,
    /// The minor version that its control plane runs.
    pub kubernetes: Minor,
    /// Where clients reach the API, `host:port`; `None` for the first control-plane node's own address.
    pub endpoint: Option<String>,
    /// The set of templates and values that is meant.
    pub profile: Profile,
    /// The line of the file on which its table begins, from 1.
    #[serde(skip)]
    pub line: usize,
}

/// A Kubernetes minor version, `1.35`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(into = "String")]
pub struct Minor(pub u32);

impl Minor {
    /// The oldest minor that harden supports.
    pub const OLDEST: Self = Self(32);
    /// The newest minor that harden supports.
    pub const NEWEST: Self = Self(37);
}

impl fmt::Display for Minor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1.{}", self.0)
    }
}

impl From<Minor> for String {
    fn from(minor: Minor) -> Self {
        minor.to_string()
    }
}

/// A set of templates and values.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Profile {
    /// What a production cluster should have.
    #[default]
    Default,
    /// Nothing but the templates beside the inventory; encryption at rest only where a provider is named.
    Bare,
}

/// The name of a node: its Kubernetes node name and its hostname. A DNS label or subdomain.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct NodeName(pub(crate) String);

impl NodeName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NodeName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// One host.
#[derive(Debug, Clone, Serialize)]
pub struct Node {
    /// Its name.
    pub name: NodeName,
    /// Its address: an IP address or a DNS name.
    pub address: String,
    /// What it does in the cluster; at least one.
    pub roles: BTreeSet<Role>,
    /// Kubernetes labels that it should carry.
    pub labels: BTreeMap<String, String>,
    /// Taints that it joins with; `None` for kubeadm's own.
    pub taints: Option<Vec<Taint>>,
    /// How harden reaches it.
    #[serde(skip)]
    pub connection: Connection,
    /// The line of the file on which it begins, from 1.
    #[serde(skip)]
    pub line: usize,
}

impl Node {
    /// The address, where it is an IP address.
    pub fn ip(&self) -> Option<IpAddr> {
        self.address.parse().ok()
    }

    /// The address as it stands before the port in a URL.
    pub fn url_host(&self) -> String {
        match self.ip() {
            Some(IpAddr::V6(address)) => format!("[{address}]"),
            _ => self.address.clone(),
        }
    }
}

/// What a node does in the cluster.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Runs the API server, controller manager and scheduler.
    ControlPlane,
    /// Runs an etcd member.
    Etcd,
    /// Runs workloads.
    Worker,
}

impl Role {
    /// All roles.
    pub const ALL: [Self; 3] = [Self::ControlPlane, Self::Etcd, Self::Worker];
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ControlPlane => "control-plane",
            Self::Etcd => "etcd",
            Self::Worker => "worker",
        })
    }
}

/// How harden reaches a node.
#[derive(Debug, Clone)]
pub enum Connection {
    /// Over SSH.
    Ssh(Box<SshSettings>),
    /// On this machine: below a directory that holds a root file system (`/` for this machine itself).
    Local {
        /// The directory, absolute or relative to the process's working directory.
        root: PathBuf,
    },
}

/// Everything that one SSH connection needs, defaults filled in.
#[derive(Debug, Clone)]
pub struct SshSettings {
    /// The host to connect to: IP address or DNS name.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The user to log in as.
    pub user: String,
    /// The private key to use, and then only that one; `None` for the agent's identities and then the usual files.
    pub identity_file: Option<PathBuf>,
    /// The files with known host keys, `~` expanded.
    pub known_hosts: Vec<PathBuf>,
    /// How to become root after login.
    pub r#become: Become,
    /// The hosts to pass through, the outermost first. Their own `bastions` are empty.
    pub bastions: Vec<SshSettings>,
    /// Deadlines.
    pub timeouts: Timeouts,
}

/// How to become root after login.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Become {
    /// The login user is root already.
    None,
    /// `sudo`.
    Sudo,
}

/// Deadlines of one SSH connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// To open the TCP connection.
    pub connect: Duration,
    /// From there to the end of authentication.
    pub handshake: Duration,
    /// For one script that only reads or writes files; scripts that restart things bring their own.
    pub command: Duration,
    /// For one node and phase as a whole.
    pub node: Duration,
}

/// etcd.
#[derive(Debug, Clone, Serialize)]
pub struct Etcd {
    /// How it runs.
    pub topology: EtcdTopology,
    /// With an external topology: the program on its hosts.
    pub program: String,
    /// Further subject alternative names of the server and peer certificates: DNS names and IP addresses.
    pub sans: Vec<String>,
    /// Lifetime of its certificates, in days.
    pub certificate_lifetime_days: u32,
    /// Whether the static pod runs as the user etcd, with certificates and keys of its own. A systemd unit always does.
    pub run_as_user: bool,
    /// Flags that the user sets on it.
    pub flags: BTreeMap<String, String>,
}

/// How etcd runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EtcdTopology {
    /// As kubeadm's static pods.
    #[default]
    Stacked,
    /// As systemd units.
    External,
}

/// The API server.
#[derive(Debug, Clone, Serialize)]
pub struct ApiServer {
    /// Flags that the user sets on it, beside or instead of the templates'.
    pub flags: BTreeMap<String, String>,
    /// Further subject alternative names of its serving certificate.
    pub sans: Vec<String>,
    /// Whether anybody may read the ConfigMap cluster-info, with which `kubeadm join` begins.
    pub anonymous_cluster_info: bool,
}

/// A component of which only the flags can be set.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Component {
    /// Flags that the user sets on it.
    pub flags: BTreeMap<String, String>,
}

/// The API server's audit log.
#[derive(Debug, Clone, Serialize)]
pub struct Audit {
    /// Whether there is one.
    pub enabled: bool,
    /// Which policy template is used.
    pub policy: AuditPolicy,
    /// Where the log goes.
    pub log_path: String,
    /// Days to keep old files.
    pub max_age: u32,
    /// Old files to keep.
    pub max_backup: u32,
    /// Megabytes at which a file is rotated.
    pub max_size: u32,
}

/// Which audit policy is used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum AuditPolicy {
    /// Bodies where they matter and are not secret, metadata elsewhere, no system chatter.
    #[default]
    Default,
    /// Metadata of everything.
    Metadata,
    /// Bodies of everything that is not secret, reads included.
    Strict,
}

/// Encryption at rest.
#[derive(Debug, Clone, Serialize)]
pub struct Encryption {
    /// Which provider new values are written with.
    pub provider: EncryptionProvider,
    /// Which resources are encrypted, `secrets`.
    pub resources: Vec<String>,
}

/// An encryption provider of the API server.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EncryptionProvider {
    /// `XSalsa20` and Poly1305; Kubernetes' recommendation where there is no KMS.
    #[default]
    Secretbox,
    /// AES-CBC with PKCS#7 padding.
    Aescbc,
    /// No encryption: harden does not touch it.
    None,
}

/// The kubelets.
#[derive(Debug, Clone, Serialize)]
pub struct Kubelet {
    /// Whether harden issues the certificates that they serve with.
    pub serving_certificates: bool,
    /// Lifetime of these, in days.
    pub certificate_lifetime_days: u32,
    /// They are renewed when fewer days than this are left.
    pub certificate_renew_before_days: u32,
    /// Keys that the user sets in their configuration, nested as in the file.
    pub config: serde_json::Map<String, serde_json::Value>,
}
