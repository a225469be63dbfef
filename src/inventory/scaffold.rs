//! The commented inventory that `harden init` writes.

use super::{Minor, Role};
use std::fmt::Write as _;

/// What is known when an inventory is begun.
#[derive(Debug, Clone)]
pub struct Scaffold {
    /// The cluster's name.
    pub cluster: String,
    /// The minor version of its control plane.
    pub kubernetes: Minor,
    /// Where clients reach the API, `host:port`.
    pub endpoint: Option<String>,
    /// The user to log in as.
    pub user: String,
    /// The port of the SSH server.
    pub port: u16,
    /// The private key, as it should stand in the file.
    pub identity_file: Option<String>,
    /// The nodes, in the file's order.
    pub nodes: Vec<ScaffoldNode>,
}

/// One host of it.
#[derive(Debug, Clone)]
pub struct ScaffoldNode {
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: String,
    /// What it does in the cluster.
    pub roles: Vec<Role>,
}

/// A text as TOML writes it.
fn quoted(text: &str) -> String {
    toml::Value::from(text).to_string()
}

/// The commented inventory. It loads to the values that it was made from, if they are sound.
pub fn scaffold(from: &Scaffold) -> String {
    let mut text = format!(
        "#:schema ./harden.schema.json\n\
         # What this cluster is, and how harden reaches it. `harden validate` checks this file,\n\
         # `harden schema > harden.schema.json` lets your editor complete it.\n\n\
         [cluster]\nname = {}\n# The minor version of the control plane.\nkubernetes = {}\n",
        quoted(&from.cluster),
        quoted(&from.kubernetes.to_string()),
    );
    text.push_str(
        "# Where clients reach the API; without it, that is the first control-plane node's own address.\n",
    );
    let endpoint = from.endpoint.as_deref().map(quoted);
    option(&mut text, "endpoint", endpoint, "\"api.example.com:6443\"");
    let _ = write!(text, "\n[ssh]\nuser = {}\nport = {}\n", quoted(&from.user), from.port);
    text.push_str("# Without it, the SSH agent and then the usual files in ~/.ssh are tried.\n");
    option(&mut text, "identity-file", from.identity_file.as_deref().map(quoted), "\"~/.ssh/id_ed25519\"");
    if from.user != "root" {
        text.push_str(
            "# harden becomes root with sudo; `--ask-become-pass` asks for the password it needs.\n",
        );
    }
    text.push_str(
        "\n# One table for each host. The name is the one that `kubectl get nodes` shows; the roles are\n\
         # control-plane, etcd and worker, and kubeadm's control-plane nodes are etcd members too.\n",
    );
    for node in &from.nodes {
        let roles: Vec<String> = node.roles.iter().map(|role| quoted(&role.to_string())).collect();
        let _ = write!(
            text,
            "[[nodes]]\nname = {}\naddress = {}\nroles = [{}]\n\n",
            quoted(&node.name),
            quoted(&node.address),
            roles.join(", "),
        );
    }
    text.push_str(DEFAULTS);
    text
}

/// A key with its value, or the key in a comment with an example.
fn option(text: &mut String, key: &str, value: Option<String>, example: &str) {
    let _ = match value {
        Some(value) => writeln!(text, "{key} = {value}"),
        None => writeln!(text, "# {key} = {example}"),
    };
}

/// What holds unless the user says otherwise.
const DEFAULTS: &str = r#"# What follows are the defaults: change what should be different.

# [etcd]
# sans = []                       # further DNS names and IP addresses in its certificates
# certificate-lifetime = "365d"
# run-as-user = false             # true: as the user etcd with its own keys, until `kubeadm upgrade` and the apply after it

# [apiserver]
# sans = []
# anonymous-cluster-info = true   # `kubeadm join` reads it before it has a token
# flags = {}                      # request-timeout = "2m", without dashes

# [admission]                     # always-pull-images = true breaks pre-loaded images: unless said, it stays as it is

# [admission.event-rate-limit]
# enabled = true
# user = { qps = 200, burst = 1000 }    # also: server, namespace

# [admission.pod-security]        # for namespaces without labels of their own
# enabled = true
# enforce = "baseline"            # or privileged, restricted
# audit = "restricted"
# warn = "restricted"
# exempt-namespaces = []          # beside kube-system

# [audit]
# enabled = true
# policy = "default"              # or metadata, strict
# log-path = "/var/log/kubernetes/audit/audit.log"
# max-age = 30                    # days
# max-backup = 10                 # files
# max-size = 100                  # megabytes

# [encryption]
# provider = "secretbox"          # or aescbc; none leaves it as it is
# resources = ["secrets"]

# [kubelet]
# serving-certificates = true     # from the cluster's CA, and trusted by the API servers
# certificate-lifetime = "365d"

# [kube-proxy]
# loopback-metrics = true         # its metrics can be read on the node itself only

# [files]
# remove-super-admin-conf = false # the kubeconfig that no RBAC rule binds

# [kubelet.config]                # keys of the kubelet's configuration file
# podPidsLimit = 4096

# [controls]                      # what `harden apply` leaves alone, and why; `harden check` still counts it as open
# "cis-1.12:1.2.9" = { apply = false, reason = "the gateway limits events" }

# [[waivers]]                     # an accepted exception: `harden check` names it and does not count it as open
# control = "cis-1.12:1.2.11"
# nodes = ["control-plane"]       # or objects = ["kube-system/*"]; without either, everywhere
# reason = "every image comes from our own registry"
# expires = 2027-01-31

# [[drift.ignore]]                # a difference that does not make `harden drift` fail; a plan shows it all the same
# path = "/etc/ssh/sshd_config.d/*"    # or resource = "unit.kubelet-service"
# nodes = ["worker"]
# reason = "the platform team tries other ciphers there"
# expires = 2027-01-31

# [apply]
# max-unavailable = 1             # workers that are changed at once, or "25%" of all; control planes always go one by one
# retention = 10                  # transactions that each node keeps: what `harden status -v` shows and `harden rollback` takes back

# [apply.drain]                   # before the kubelet or the container runtime of a node restarts, its pods are evicted
# worker = true                   # and control-plane = true for control-plane nodes
# deadline = "5m"                 # a node that takes longer is left as it is, and the apply stops
# delete-emptydir-data = false    # true: also pods that lose what they keep in an emptyDir
# delete-unmanaged-pods = false   # true: also pods that no controller creates again

# [host]
# sshd = false                    # true: keys and strong algorithms only; whoever logs in by password is locked out
# auditd = true                   # watch the files of Kubernetes and etcd where auditd is installed
"#;
