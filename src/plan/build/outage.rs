//! What is away while a plan is applied, and for how long.

use super::node::restarts_etcd;
use crate::inventory::{Inventory, NodeName, Role};
use crate::plan::NodePlan;
use std::collections::BTreeMap;

/// What there is one of takes the API with it when it restarts.
pub(in crate::plan) fn notice(
    inventory: &Inventory,
    changed: &BTreeMap<NodeName, NodePlan>,
) -> Option<String> {
    of_control_plane(inventory, changed).or_else(|| of_etcd(inventory, changed))
}

/// A single member on a host of its own.
fn of_etcd(inventory: &Inventory, changed: &BTreeMap<NodeName, NodePlan>) -> Option<String> {
    let mut members = inventory.with_role(Role::Etcd);
    let (only, None) = (members.next()?, members.next()) else { return None };
    restarts_etcd(changed.get(&only.name)?).then(|| {
        format!(
            "{} is the only etcd member: the API is away for some seconds while it restarts; running pods run on",
            only.name
        )
    })
}

/// A single control plane, with its API server or its etcd member.
fn of_control_plane(inventory: &Inventory, changed: &BTreeMap<NodeName, NodePlan>) -> Option<String> {
    let mut control_planes = inventory.with_role(Role::ControlPlane);
    let (only, None) = (control_planes.next()?, control_planes.next()) else { return None };
    let plan = changed.get(&only.name)?;
    // Beside other members its own is not missed.
    let is_only_member = inventory.with_role(Role::Etcd).all(|node| node.name == only.name);
    let restarts = |what: &&str| match *what {
        "etcd" => {
            restarts_etcd(plan) && (is_only_member || plan.restart_pods.iter().any(|pod| pod == "etcd"))
        }
        component => plan.restart_pods.iter().any(|pod| pod == component),
    };
    let what: Vec<&str> = ["kube-apiserver", "etcd"].into_iter().filter(restarts).collect();
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
