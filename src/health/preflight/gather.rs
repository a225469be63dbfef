//! What is asked for preflights: of nodes by the one script, of etcd and the API through the nodes that have them. It decides nothing.

use super::{EtcdFacts, NodeFacts, Touched, parse, script};
use crate::cluster::NodeImages;
use crate::error::Chain;
use crate::health::{GateAccess, HealthError, Reach};
use crate::inventory::NodeName;
use std::collections::BTreeMap;
use std::time::Duration;

/// Asks a node, in one round trip: `touched` where the plan changes it, `is_live` where it is a running system.
pub fn ask_node(
    reach: &Reach,
    node: &NodeName,
    touched: Option<&Touched>,
    is_live: bool,
    deadline: Duration,
) -> Result<NodeFacts, HealthError> {
    let Some(script) = script(touched, is_live) else { return Ok(NodeFacts::default()) };
    Ok(parse(&reach.run(node, &script, deadline)?, touched))
}

/// Asks every member for itself, and one of them for the quorum.
pub fn ask_etcd(mut reach: &Reach) -> EtcdFacts {
    let mut members = BTreeMap::new();
    for node in reach.members() {
        match GateAccess::etcd_status(&mut reach, node) {
            // Its members are elsewhere, or it is yet to become one.
            Err(HealthError::NoEtcd { .. }) => {}
            answer => {
                members.insert(node.clone(), answer.map_err(|error| Chain(&error).to_string()));
            }
        }
    }
    let mut cluster = None;
    // Those that answer for themselves first.
    let (sound, silent): (Vec<_>, Vec<_>) = members.iter().partition(|(_, answer)| answer.is_ok());
    for (node, _) in sound.into_iter().chain(silent) {
        let answer = reach.etcd_cluster(node).map_err(|error| Chain(&error).to_string());
        let is_known = answer.is_ok();
        cluster = Some(answer);
        if is_known {
            break;
        }
    }
    EtcdFacts { members, cluster }
}

/// Asks the API for the images of nodes whose runtime could not be asked for them.
pub fn ask_api_for_images(
    reach: &Reach,
    nodes: &BTreeMap<NodeName, Result<NodeFacts, String>>,
) -> BTreeMap<NodeName, NodeImages> {
    let is_unknown = |facts: &NodeFacts| facts.images.as_ref().is_some_and(|images| images.present.is_none());
    let unknown = nodes.iter().filter(|(_, answer)| answer.as_ref().is_ok_and(is_unknown));
    let mut found = BTreeMap::new();
    for (node, _) in unknown {
        for plane in reach.control_planes() {
            if let Ok(images) = reach.ask(plane, |plane| plane.api.node_images(node.as_str())) {
                found.extend(images.map(|images| (node.clone(), images)));
                break;
            }
        }
    }
    found
}
