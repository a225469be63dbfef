//! The inventory as it stands in the file: every key, its documentation and its type. The JSON Schema is made from
//! these types and the reader is driven by that schema, so the two cannot differ. Nothing is validated here.

use super::admission::RawAdmission;
use super::apply::RawApply;
use super::bootstrap::{RawBootstrap, RawKubeVip, RawNetwork, RawPki};
use super::drift::RawDrift;
use super::host::{RawFiles, RawHost, RawKubeProxy};
use super::switch::RawSwitch;
use super::{AuditPolicy, Become, EncryptionProvider, EtcdTopology, Profile, Role};
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::{Deserialize, Deserializer};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;
use toml::Spanned;

/// A value and the place where it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Located<T>(Spanned<T>);

impl<T> Located<T> {
    pub(super) fn span(&self) -> Range<usize> {
        self.0.span()
    }

    pub(super) fn value(&self) -> &T {
        self.0.get_ref()
    }

    pub(super) fn into_value(self) -> T {
        self.0.into_inner()
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Spanned::deserialize(deserializer).map(Self)
    }
}

impl<T: JsonSchema> JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

/// The value of a flag: text, or what TOML writes without quotes.
#[derive(Debug, Clone)]
pub(super) struct Scalar(pub(super) String);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = serde_json::Value::deserialize(deserializer)?;
        Ok(Self(value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
    }
}

impl JsonSchema for Scalar {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Scalar")
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": ["string", "integer", "boolean"] })
    }
}

/// A day: TOML's own local date, or the same in quotes.
#[derive(Debug, Clone)]
pub(super) struct DayText(pub(super) String);

impl<'de> Deserialize<'de> for DayText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let value = toml::Value::deserialize(deserializer)?;
        Ok(Self(value.as_str().map_or_else(|| value.to_string(), str::to_owned)))
    }
}

impl JsonSchema for DayText {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        Cow::Borrowed("Day")
    }

    /// Editors check a date of TOML as the string that it is in JSON.
    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        schemars::json_schema!({ "type": "string", "format": "date", "examples": ["2027-01-31"] })
    }
}

/// A text with its place.
pub(super) type Text = Located<String>;
/// Flags of a program.
pub(super) type Flags = BTreeMap<Text, Located<Scalar>>;

/// What one cluster of nodes is, and what harden should make of it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(title = "harden inventory")]
pub(super) struct RawInventory {
    /// The cluster as a whole.
    #[schemars(required)]
    pub(super) cluster: Option<Located<RawCluster>>,
    /// How harden logs in to the nodes.
    pub(super) ssh: Option<RawSsh>,
    /// The nodes, one `[[nodes]]` each.
    #[schemars(required)]
    pub(super) nodes: Option<Located<Vec<Located<RawNode>>>>,
    /// etcd.
    pub(super) etcd: Option<RawEtcd>,
    /// The API server.
    pub(super) apiserver: Option<RawApiServer>,
    /// The controller manager.
    pub(super) controller_manager: Option<RawComponent>,
    /// The scheduler.
    pub(super) scheduler: Option<RawComponent>,
    /// What the API server lets in.
    pub(super) admission: Option<RawAdmission>,
    /// The API server's audit log.
    pub(super) audit: Option<RawAudit>,
    /// Encryption of resources in etcd.
    pub(super) encryption: Option<RawEncryption>,
    /// The kubelets.
    pub(super) kubelet: Option<RawKubelet>,
    /// What `harden apply` leaves alone of what it would do, by control: `"cis-1.12:1.2.9" = { apply = false, reason = "…" }`.
    /// `*`, `?` and `[…]` stand for more than one.
    pub(super) controls: Option<BTreeMap<Text, Located<RawSwitch>>>,
    /// Accepted exceptions from a benchmark, one `[[waivers]]` each.
    pub(super) waivers: Option<Vec<Located<RawWaiver>>>,
    /// What a drift check leaves aside, and how it logs in.
    pub(super) drift: Option<RawDrift>,
    /// How changes are applied.
    pub(super) apply: Option<RawApply>,
    /// The hosts beneath Kubernetes.
    pub(super) host: Option<RawHost>,
    /// kube-proxy, where kubeadm installed it.
    pub(super) kube_proxy: Option<RawKubeProxy>,
    /// Files that kubeadm leaves on the nodes.
    pub(super) files: Option<RawFiles>,
    /// The addresses and names inside the cluster.
    pub(super) network: Option<RawNetwork>,
    /// CAs and certificates that harden makes.
    pub(super) pki: Option<RawPki>,
    /// How `harden bootstrap` makes a cluster.
    pub(super) bootstrap: Option<RawBootstrap>,
    /// kube-vip, where it holds the endpoint's address.
    pub(super) kube_vip: Option<Located<RawKubeVip>>,
}

/// `[cluster]`
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawCluster {
    /// The cluster's name in reports: letters, digits, `-`, `_` and `.`.
    #[schemars(required)]
    pub(super) name: Option<Text>,
    /// The Kubernetes minor version of the control plane, `"1.35"`.
    #[schemars(required, regex(pattern = r"^1\.3[2-7]$"))]
    pub(super) kubernetes: Option<Text>,
    /// Where clients reach the API, `host:port`; otherwise the first control-plane node's own address.
    pub(super) endpoint: Option<Text>,
    /// The set of templates and values that is meant.
    #[schemars(extend("default" = "default"))]
    pub(super) profile: Option<Profile>,
}

/// A table with the settings of one login, and further keys.
macro_rules! login_table {
    ($(#[$meta:meta])* $name:ident { $($(#[$field_meta:meta])* $field:ident: $kind:ty,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Default, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case", deny_unknown_fields)]
        pub(super) struct $name {
            $($(#[$field_meta])* pub(super) $field: $kind,)*
            /// The user to log in as; `root` unless said otherwise.
            pub(super) user: Option<Text>,
            /// The port of the SSH server; 22 unless said otherwise.
            #[schemars(range(min = 1, max = 65535))]
            pub(super) port: Option<u16>,
            /// The private key, and then only that one; otherwise the agent's identities and the usual files. A relative
            /// path starts at the inventory's directory, `~` is the home directory.
            pub(super) identity_file: Option<Text>,
            /// The files with known host keys; `~/.ssh/known_hosts` and `/etc/ssh/ssh_known_hosts` unless said otherwise.
            #[schemars(length(min = 1))]
            pub(super) known_hosts: Option<Vec<Text>>,
            /// How long opening the TCP connection may take, `"10s"` unless said otherwise.
            #[schemars(regex(pattern = r"^[0-9]+[smhd]$"), extend("examples" = ["10s"]))]
            pub(super) connect_timeout: Option<Text>,
            /// How long it may take from there to the end of the login, `"20s"` unless said otherwise.
            #[schemars(regex(pattern = r"^[0-9]+[smhd]$"), extend("examples" = ["10s"]))]
            pub(super) handshake_timeout: Option<Text>,
        }
    };
}

login_table! {
    /// `[ssh]`: the settings of every login, where a node or a bastion does not say otherwise.
    RawSsh {
        /// How to become root after login; `none` where the user is root, otherwise `sudo`.
        r#become: Option<Become>,
        /// How long a script that reads or writes files may take, `"60s"` unless said otherwise.
        #[schemars(regex(pattern = r"^[0-9]+[smhd]$"), extend("examples" = ["10s"]))]
        command_timeout: Option<Text>,
        /// How long one node may take in one phase, `"600s"` unless said otherwise.
        #[schemars(regex(pattern = r"^[0-9]+[smhd]$"), extend("examples" = ["10s"]))]
        node_timeout: Option<Text>,
        /// The name of the bastion that all nodes are reached through, where they do not say otherwise.
        bastion: Option<Text>,
        /// Hosts to pass through, by name. What one does not say is taken from `[ssh]`, except for its own bastion.
        bastions: Option<BTreeMap<Text, Located<RawBastion>>>,
    }
}

login_table! {
    /// `[ssh.bastions.NAME]`: a host to pass through.
    RawBastion {
        /// Its IP address or DNS name.
        #[schemars(required)]
        address: Option<Text>,
        /// The name of the bastion that this one is reached through.
        bastion: Option<Text>,
    }
}

login_table! {
    /// `ssh` of a node: what differs from `[ssh]` there.
    RawNodeSsh {
        /// How to become root after login; `none` where the user is root, otherwise `sudo`.
        r#become: Option<Become>,
        /// How long a script that reads or writes files may take.
        #[schemars(regex(pattern = r"^[0-9]+[smhd]$"), extend("examples" = ["10s"]))]
        command_timeout: Option<Text>,
        /// How long the node may take in one phase.
        #[schemars(regex(pattern = r"^[0-9]+[smhd]$"), extend("examples" = ["10s"]))]
        node_timeout: Option<Text>,
    }
}

/// `[[nodes]]`: one host.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawNode {
    /// Its name in Kubernetes, as `kubectl get nodes` shows it.
    #[schemars(required)]
    pub(super) name: Option<Text>,
    /// Its IP address or DNS name.
    #[schemars(required)]
    pub(super) address: Option<Text>,
    /// What it does in the cluster.
    #[schemars(required, length(min = 1))]
    pub(super) roles: Option<Located<Vec<Located<Role>>>>,
    /// Kubernetes labels that it should carry.
    pub(super) labels: Option<BTreeMap<Text, Text>>,
    /// Taints that it joins with, as kubectl writes them: `["dedicated=gpu:NoSchedule"]`. Without this key a control-plane node
    /// has kubeadm's, with `[]` it has none and takes every pod.
    pub(super) taints: Option<Vec<Text>>,
    /// The name of the bastion that it is reached through; `"none"` for no bastion where `[ssh]` names one.
    pub(super) bastion: Option<Text>,
    /// How harden reaches it.
    #[schemars(extend("default" = "ssh"))]
    pub(super) connection: Option<Located<RawConnection>>,
    /// With `connection = "local"`: the directory that holds the node's file tree, relative to the inventory's
    /// directory; `"/"` for this machine.
    pub(super) root: Option<Text>,
    /// What differs from `[ssh]` here.
    pub(super) ssh: Option<Located<RawNodeSsh>>,
}

/// How harden reaches a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawConnection {
    /// Over SSH.
    Ssh,
    /// On this machine, below `root`.
    Local,
}

/// `[etcd]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawEtcd {
    /// How the nodes with the role `etcd` run it: `stacked` as kubeadm's static pod, `external` as a systemd unit.
    #[schemars(extend("default" = "stacked"))]
    pub(super) topology: Option<EtcdTopology>,
    /// With `external`: the program on the hosts, which is not installed by harden.
    #[schemars(extend("default" = "/usr/local/bin/etcd"))]
    pub(super) program: Option<Text>,
    /// Further DNS names and IP addresses in its server and peer certificates.
    pub(super) sans: Option<Vec<Text>>,
    /// How long its certificates live, in days.
    #[schemars(extend("default" = "365d"), regex(pattern = r"^[0-9]+[dh]$"))]
    pub(super) certificate_lifetime: Option<Text>,
    /// Whether etcd's static pod runs as the system user `etcd`, with certificates and keys of its own, instead of as root.
    /// With `external` it always does.
    #[schemars(extend("default" = false))]
    pub(super) run_as_user: Option<bool>,
    /// Flags to set on it, without dashes: `quota-backend-bytes = 8589934592`.
    pub(super) flags: Option<Flags>,
}

/// `[apiserver]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawApiServer {
    /// Flags to set on it, without dashes: `request-timeout = "2m"`.
    pub(super) flags: Option<Flags>,
    /// Further DNS names and IP addresses in its serving certificate.
    pub(super) sans: Option<Vec<Text>>,
    /// Whether anybody may read the ConfigMap cluster-info, with which `kubeadm join` begins; without it, joining needs
    /// `--discovery-file`. From Kubernetes 1.34 on.
    #[schemars(extend("default" = true))]
    pub(super) anonymous_cluster_info: Option<bool>,
}

/// `[controller-manager]` and `[scheduler]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawComponent {
    /// Flags to set on it, without dashes.
    pub(super) flags: Option<Flags>,
}

/// `[audit]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawAudit {
    /// Whether there is an audit log.
    #[schemars(extend("default" = true))]
    pub(super) enabled: Option<bool>,
    /// Which policy template is used.
    #[schemars(extend("default" = "default"))]
    pub(super) policy: Option<AuditPolicy>,
    /// The log file on the control-plane nodes.
    #[schemars(extend("default" = "/var/log/kubernetes/audit/audit.log"))]
    pub(super) log_path: Option<Text>,
    /// Days to keep old files.
    #[schemars(range(min = 1, max = 36500), extend("default" = 30))]
    pub(super) max_age: Option<u32>,
    /// Old files to keep.
    #[schemars(range(min = 1, max = 100_000), extend("default" = 10))]
    pub(super) max_backup: Option<u32>,
    /// Megabytes at which a file is rotated.
    #[schemars(range(min = 1, max = 100_000), extend("default" = 100))]
    pub(super) max_size: Option<u32>,
}

/// `[encryption]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawEncryption {
    /// What new values are encrypted with; nothing with the profile `bare` unless said otherwise.
    #[schemars(extend("default" = "secretbox"))]
    pub(super) provider: Option<EncryptionProvider>,
    /// Which resources are encrypted.
    #[schemars(length(min = 1), extend("default" = ["secrets"]))]
    pub(super) resources: Option<Vec<Text>>,
}

/// `[kubelet]`
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawKubelet {
    /// Whether kubelets serve with certificates of the cluster's CA that harden issues, and API servers trust no others.
    #[schemars(extend("default" = true))]
    pub(super) serving_certificates: Option<bool>,
    /// How long these certificates live, in days; they are renewed when a quarter of that is left, 90 days at most.
    #[schemars(extend("default" = "365d"), regex(pattern = r"^[0-9]+[dh]$"))]
    pub(super) certificate_lifetime: Option<Text>,
    /// Keys of the kubelet's configuration file, as Kubernetes names them: `podPidsLimit = 4096`.
    pub(super) config: Option<serde_json::Map<String, serde_json::Value>>,
}

/// `[[waivers]]`: an accepted exception from a benchmark. `harden check` still names it, and does not count it as open.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawWaiver {
    /// The control, `"cis-1.12:1.2.11"`; `*`, `?` and `[…]` stand for more than one.
    #[schemars(required, regex(pattern = r"^[^:\s]+:[^:\s]+$"), extend("examples" = ["cis-1.12:1.2.11"]))]
    pub(super) control: Option<Text>,
    /// The nodes that it is accepted on, as `--limit` names them: node names, roles and patterns. Everywhere unless said
    /// otherwise.
    #[schemars(length(min = 1))]
    pub(super) nodes: Option<Vec<Text>>,
    /// The objects that it is accepted for, by their names in the report or patterns of them. All unless said otherwise.
    #[schemars(length(min = 1))]
    pub(super) objects: Option<Vec<Text>>,
    /// Why it is accepted; every report shows it.
    #[schemars(required, length(min = 1))]
    pub(super) reason: Option<Text>,
    /// The last day on which it counts, `2027-01-31` in UTC; for ever unless said otherwise.
    pub(super) expires: Option<Located<DayText>>,
}
