//! Where ClusterConfiguration says which members of an etcd that kubeadm does not run the API servers ask: in
//! `etcd.external.endpoints`, of which kubeadm makes a flag.

use super::configuration::ControlPlaneComponent;
use crate::resource::FlagValue;
use serde_json::Value;

const API_SERVER: &str = "kube-apiserver";
const FLAG: &str = "etcd-servers";

/// Brings the endpoints to what is wanted of the API servers' flag. Returns whether they say it: then it need not stand among
/// the API server's own arguments.
pub(super) fn endpoints(
    configuration: &mut Value,
    components: &[ControlPlaneComponent],
    reasons: &mut Vec<String>,
) -> bool {
    let flags = components.iter().filter(|component| component.component == API_SERVER);
    let wanted = flags.flat_map(|component| &component.flags).find_map(|flag| match &flag.value {
        FlagValue::Is(value) if is_said_there(API_SERVER, &flag.name) => Some(value.clone()),
        _ => None,
    });
    let endpoints = configuration.get_mut("etcd").and_then(|etcd| etcd.get_mut("external"));
    let (Some(wanted), Some(Value::Array(endpoints))) =
        (wanted, endpoints.and_then(|external| external.get_mut("endpoints")))
    else {
        return false;
    };
    let before = endpoints.iter().filter_map(Value::as_str).collect::<Vec<_>>().join(",");
    if before != wanted {
        reasons.push(format!("etcd.external.endpoints: {before} → {wanted}"));
        *endpoints = wanted.split(',').map(Value::from).collect();
    }
    true
}

/// Whether a flag is the one that the endpoints stand for.
pub(super) fn is_said_there(component: &str, flag: &str) -> bool {
    (component, flag) == (API_SERVER, FLAG)
}
