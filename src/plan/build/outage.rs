//! What is away while a plan is applied, and for how long.

use crate::inventory::{Inventory, NodeName, Role};
use crate::plan::NodePlan;
use std::collections::BTreeMap;

/// A single control plane takes the API with it when its API server or its etcd member restarts.
pub(in crate::plan) fn notice(
    inventory: &Inventory,
    changed: &BTreeMap<NodeName, NodePlan>,
) -> Option<String> {
    let mut control_planes = inventory.with_role(Role::ControlPlane);
    let (only, None) = (control_planes.next()?, control_planes.next()) else { return None };
    let pods = &changed.get(&only.name)?.restart_pods;
    let what: Vec<&str> =
        ["kube-apiserver", "etcd"].into_iter().filter(|pod| pods.iter().any(|other| other == pod)).collect();
    // By measurement: kubeadm's API server is killed at the end of its grace period, harden's ends before.
    (!what.is_empty()).then(|| {
        format!(
            "{} is the only control plane: the API is away while its {} {}, up to 45 s with kubeadm's defaults and about 15 s \
             once harden's flags are in place; running pods run on",
            only.name,
            what.join(" and "),
            if what.len() == 1 { "restarts" } else { "restart" }
        )
    })
}
