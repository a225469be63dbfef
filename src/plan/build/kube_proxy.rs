//! kube-proxy's metrics, which nobody but the node itself should read: its configuration is one ConfigMap for all nodes, and
//! its pods read that only when they start.

use super::{Inputs, PlanError, Problem};
use crate::plan::{Action, ClusterChange, ClusterOperation, kubeadm, yaml, yaml_keys};
use crate::resource::{ClusterObserved, ConfigMapKey, ControlId, Kind, ResourceId, Undo};
use serde_json::{Map, Value};

/// The key of its configuration.
const KEY: &str = "metricsBindAddress";
/// What is written there; the port is kube-proxy's own default.
const LOOPBACK: [&str; 2] = ["127.0.0.1:10249", "[::1]:10249"];
/// The annotation of its pods that says with which address they were started last.
const ANNOTATION: &str = "harden/metrics-bind-address";
const CONTROL: (&str, &str) = ("cis-1.12", "4.3.1");

pub(super) fn changes(
    inputs: &Inputs<'_>,
    cluster: &ClusterObserved,
    notices: &mut Vec<String>,
) -> Result<Vec<ClusterChange>, PlanError> {
    let key = ConfigMapKey::KubeProxyConfiguration;
    // Where an eBPF network plugin does its work there is neither.
    let (Some(set), Some(observed)) = (&cluster.kube_proxy, cluster.config_maps.get(&key)) else {
        return Ok(Vec::new());
    };
    if !inputs.inventory.kube_proxy.loopback_metrics {
        return Ok(Vec::new());
    }
    let present = yaml::parse(&observed.value).map_err(Problem::KubeProxyConfiguration)?[KEY].clone();
    let present = present.as_str().unwrap_or_default();
    let mut changes = Vec::new();
    let address = if is_loopback(present) {
        present
    } else {
        let wanted = LOOPBACK[usize::from(present.starts_with('['))];
        let keys = Map::from_iter([(KEY.to_owned(), Value::from(wanted))]);
        let edited = yaml_keys::edit(&observed.value, &keys).map_err(Problem::KubeProxyConfiguration)?;
        changes.extend(kubeadm::change(key, observed, edited.text, edited.reasons, vec![control()]));
        wanted
    };
    // Only what harden writes needs a restart, also when the run that wrote it did not get as far: with its default, and with
    // what somebody else wrote, kube-proxy runs already.
    if LOOPBACK.contains(&address) && set.annotations.get(ANNOTATION).map(String::as_str) != Some(address) {
        changes.push(restart(address));
    }
    if !changes.is_empty() && !inputs.inventory.nodes.iter().all(|node| inputs.limit.contains(&node.name)) {
        notices.push(String::from("kube-proxy is left alone while the limit leaves out a node"));
        return Ok(Vec::new());
    }
    if changes.len() > 1 {
        notices.push(format!(
            "kube-proxy: from now on its metrics can be read on each node itself only, not at {present}; `loopback-metrics = false` under [kube-proxy] leaves them as they are"
        ));
    }
    Ok(changes)
}

/// Whether an address is on loopback; it is where none is given, by kube-proxy's own default.
fn is_loopback(address: &str) -> bool {
    address.is_empty() || ["127.", "[::1]", "::1", "localhost"].iter().any(|start| address.starts_with(start))
}

/// The control that its configuration satisfies; no template names it.
pub fn control() -> ControlId {
    ControlId { benchmark: CONTROL.0.to_owned(), item: CONTROL.1.to_owned() }
}

fn restart(address: &str) -> ClusterChange {
    ClusterChange {
        resource: ResourceId::new(Kind::Object, "kube-proxy-pods"),
        action: Action::Change,
        subject: String::from("DaemonSet kube-system/kube-proxy"),
        reasons: vec![
            String::from(
                "restarts kube-proxy on every node, a few at a time, and waits until all are available",
            ),
            format!("it listens for metrics on {address} from then on; Services go on meanwhile"),
        ],
        before: None,
        after: None,
        controls: vec![control()],
        undo: Undo::Full,
        operation: ClusterOperation::RestartDaemonSet {
            namespace: String::from("kube-system"),
            name: String::from("kube-proxy"),
            annotation: ANNOTATION.to_owned(),
            value: address.to_owned(),
        },
    }
}
