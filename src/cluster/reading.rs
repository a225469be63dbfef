//! What the API's replies mean: readiness, nodes. Pure functions on what was received.

use k8s_openapi::api::core::v1::Node;
use std::collections::{BTreeMap, BTreeSet};

/// What an API server says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Readiness {
    /// Whether it takes requests.
    pub ready: bool,
    /// The checks that failed, `etcd` or `poststarthook/rbac/bootstrap-roles`.
    pub failed: Vec<String>,
}

impl Readiness {
    /// Reads the reply of `/readyz?verbose`: one check a line, `[+]etcd ok` or `[-]etcd failed: reason withheld`.
    pub(super) fn parse(success: bool, text: &str) -> Self {
        let failed = text
            .lines()
            .filter_map(|line| line.strip_prefix("[-]"))
            .map(|line| line.split_once(' ').map_or(line, |(check, _)| check).to_owned())
            .collect();
        Self { ready: success, failed }
    }
}

/// A Kubernetes node.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NodeInfo {
    /// Its name.
    pub name: String,
    /// Whether its `Ready` condition is `True`.
    pub ready: bool,
    /// Why it is not ready, in the kubelet's words; empty when it is.
    pub reason: String,
    /// Its addresses by type, `InternalIP` and `Hostname`.
    pub addresses: Vec<(String, String)>,
    /// Its roles, `control-plane`; a plain worker has none.
    pub roles: BTreeSet<String>,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
    /// Its kubelet's version, `v1.35.4`.
    pub kubelet_version: String,
    /// Conditions other than `Ready` that are `True` and mean trouble: `DiskPressure`.
    pub pressures: Vec<String>,
    /// Whether new pods are kept off it.
    pub unschedulable: bool,
    /// harden's mark on it, where it was harden that keeps new pods off it: which transaction, and whose.
    pub cordon_mark: Option<String>,
}

impl From<Node> for NodeInfo {
    fn from(node: Node) -> Self {
        let cordon_mark = node.metadata.annotations.and_then(|mut it| it.remove(super::cordon::MARK));
        let labels = node.metadata.labels.unwrap_or_default();
        let roles = labels
            .keys()
            .filter_map(|label| label.strip_prefix("node-role.kubernetes.io/"))
            .map(str::to_owned)
            .collect();
        let status = node.status.unwrap_or_default();
        let conditions = status.conditions.unwrap_or_default();
        let ready = conditions.iter().find(|condition| condition.type_ == "Ready");
        let reason = match ready {
            None => String::from("it has no Ready condition yet"),
            Some(condition) if condition.status == "True" => String::new(),
            Some(condition) => sentence(condition.reason.as_deref(), condition.message.as_deref()),
        };
        Self {
            name: node.metadata.name.unwrap_or_default(),
            ready: reason.is_empty(),
            reason,
            addresses: status
                .addresses
                .unwrap_or_default()
                .into_iter()
                .map(|a| (a.type_, a.address))
                .collect(),
            roles,
            labels,
            kubelet_version: status.node_info.map(|info| info.kubelet_version).unwrap_or_default(),
            pressures: conditions
                .iter()
                .filter(|condition| condition.type_ != "Ready" && condition.status == "True")
                .map(|condition| condition.type_.clone())
                .collect(),
            unschedulable: node.spec.and_then(|spec| spec.unschedulable).unwrap_or_default(),
            cordon_mark,
        }
    }
}

fn sentence(reason: Option<&str>, message: Option<&str>) -> String {
    let parts: Vec<&str> = [reason, message].into_iter().flatten().filter(|part| !part.is_empty()).collect();
    if parts.is_empty() { String::from("no reason given") } else { parts.join(": ") }
}
