//! What a removal cannot take back, in plain words: whatever a copy of the host would still be good for. Pure.

use super::facts::{Facts, Host, HostFacts};

/// What stays valid or in place, a sentence each.
pub fn remains(facts: &Facts) -> Vec<String> {
    let mut said = Vec::new();
    let known = match &facts.host {
        Host::Reached(host) => Some(host),
        Host::Lost(_) => None,
    };
    if facts.runs.kubelet {
        said.push(kubelet(facts, known));
    }
    if facts.runs.etcd_unit {
        said.push(member(known));
    }
    if facts.runs.control_plane {
        control_plane(known, &mut said);
    } else if facts.runs.kubelet {
        said.push(String::from(
            "Secrets that were mounted into its pods could be read on the host: change those that matter if you do not trust it",
        ));
    }
    match known {
        None => said.push(String::from(
            "the host was not reset: kubelet, containers, certificates, keys and data are on it as they were. Erase it before it is \
             connected again",
        )),
        Some(host) => on_host(facts, host, &mut said),
    }
    said
}

fn kubelet(facts: &Facts, host: Option<&HostFacts>) -> String {
    let node = &facts.node;
    let until = until(host.and_then(|host| host.kubelet_until));
    let copy = if host.is_some() {
        "the host's own copy is deleted, and whoever has another"
    } else {
        "whoever has it"
    };
    format!(
        "Kubernetes revokes no certificate: the kubelet's, system:node:{node}, is valid {until}; {copy} can register the Node {node} \
         again, and read what is then bound to it"
    )
}

fn member(host: Option<&HostFacts>) -> String {
    let until = until(host.and_then(|host| host.etcd_until));
    format!(
        "etcd revokes no certificate: its member's, signed by etcd's CA, is valid {until}, and whoever has a copy of its key reads and writes \
         everything at any member that can be reached; it held a copy of all data, too. Rotate etcd's CA, and change Secrets that matter, \
         unless you trust the host and its disks"
    )
}

/// Everything of it may have been copied while it was a control plane.
fn control_plane(host: Option<&HostFacts>, said: &mut Vec<String>) {
    let admin = until(host.and_then(|host| host.admin_until));
    said.push(format!(
        "the administrator's certificate in its admin.conf is valid {admin}; only deleting the ClusterRoleBinding \
         kubeadm:cluster-admins, which every control plane's admin.conf needs, would end its rights sooner"
    ));
    if host.is_none_or(|host| host.has_super_admin) {
        said.push(String::from(
            "the certificate in its super-admin.conf, group system:masters, cannot be restricted at all until it expires or the CA is rotated",
        ));
    }
    let has = |suffix: &str| host.is_none_or(|host| host.keys.iter().any(|key| key.ends_with(suffix)));
    if has("/ca.key") || has("-ca.key") {
        said.push(String::from(
            "it held CA keys: whoever copied them can make any certificate. Rotate the CAs unless you trust the host and its disks",
        ));
    }
    if has("/sa.key") {
        said.push(String::from(
            "it held the service-account key: whoever copied it can make any ServiceAccount's token. Rotate it likewise",
        ));
    }
    if has("/encryption") {
        said.push(String::from(
            "it held the encryption keys of Secrets, and a copy of etcd's data: rotate the key, and change Secrets that matter",
        ));
    } else {
        said.push(String::from(
            "it held a copy of etcd's data: change Secrets that matter if you do not trust its disks",
        ));
    }
}

fn on_host(facts: &Facts, host: &HostFacts, said: &mut Vec<String>) {
    if !host.kubeconfigs.is_empty() {
        said.push(format!("kubeconfigs of users stay on the host: {}", host.kubeconfigs.join(", ")));
    }
    if !facts.runs.kubelet {
        said.push(String::from(
            "the host keeps its packages and logs, the user etcd, and its hardening (SSH server, kernel parameters, audit rules)",
        ));
        return;
    }
    said.push(String::from(
        "the host keeps its packages, images and logs, the network plugin's files (/etc/cni/net.d) and rules, and its hardening (SSH \
         server, kernel parameters, audit rules); a restart clears the rules",
    ));
}

fn until(seconds: Option<i64>) -> String {
    let day = seconds.and_then(|seconds| jiff::Timestamp::from_second(seconds).ok());
    day.map_or_else(|| String::from("until it expires"), |day| format!("until {}", day.strftime("%Y-%m-%d")))
}
