//! Asks for what the plan of a removal rests on. It only reads.

use super::facts::{EtcdFacts, Facts, Host, HostFacts, Other};
use super::scripts::{host_facts, host_script};
use crate::cluster::Etcd;
use crate::error::Chain;
use crate::health::Reach;
use crate::inventory::{EtcdTopology, Inventory, Node, NodeName, Role};
use crate::plan::yaml;
use crate::resource::ConfigMapKey;
use std::collections::BTreeMap;
use std::time::Duration;

const DEADLINE: Duration = Duration::from_secs(30);

/// What is asked about.
pub struct Question<'a> {
    /// The inventory.
    pub inventory: &'a Inventory,
    /// The node that is to be taken away.
    pub node: &'a Node,
    /// The sessions: to the node, as one without an API server, and to the control planes that stay.
    pub reach: &'a Reach,
    /// The nodes that there is no session to, and why.
    pub lost: &'a BTreeMap<NodeName, String>,
}

/// Asks.
pub fn gather(question: &Question<'_>) -> Facts {
    let Question { inventory, node, reach, .. } = question;
    let name = &node.name;
    let others = inventory
        .with_role(Role::ControlPlane)
        .filter(|other| other.name != *name)
        .map(|other| (other.name.clone(), question.other(&other.name)))
        .collect();
    let kubernetes =
        reach.any_api(name, |api| api.node(name.as_str())).map_err(|error| Chain(&error).to_string());
    let is_control_plane = node.roles.contains(&Role::ControlPlane)
        || matches!(&kubernetes, Ok(Some(node)) if node.roles.contains("control-plane"));
    let is_external = inventory.etcd.topology == EtcdTopology::External;
    let etcd = if is_external { None } else { question.etcd(&others) };
    Facts {
        node: name.clone(),
        address: node.address.clone(),
        is_control_plane,
        has_external_etcd: node.roles.contains(&Role::Etcd) && (is_external || !is_control_plane),
        endpoint: question.endpoint().or_else(|| inventory.cluster.endpoint.clone()),
        endpoint_moves: inventory.kube_vip.is_some(),
        host: match question.host(name, is_control_plane) {
            Ok(host) => Host::Reached(host),
            Err(reason) => Host::Lost(reason),
        },
        kubernetes,
        etcd,
        others,
    }
}

impl Question<'_> {
    fn host(&self, name: &NodeName, is_control_plane: bool) -> Result<HostFacts, String> {
        if let Some(reason) = self.lost.get(name) {
            return Err(reason.clone());
        }
        let reply = self.reach.run(name, &host_script(is_control_plane), DEADLINE);
        reply.map(|reply| host_facts(&reply)).map_err(|error| Chain(&error).to_string())
    }

    fn other(&self, name: &NodeName) -> Other {
        if let Some(reason) = self.lost.get(name) {
            return Other { unready: Some(reason.clone()), member: Some(Err(reason.clone())), host: None };
        }
        let unready = match self.reach.ask(name, |plane| plane.api.ready()) {
            Ok(readiness) if readiness.ready => None,
            Ok(readiness) => Some(format!("it is not ready ({})", readiness.failed.join(", "))),
            Err(error) => Some(Chain(&error).to_string()),
        };
        let member = self.reach.ask(name, |plane| plane.etcd.as_ref().map(Etcd::status).transpose());
        let member = member.map_err(|error| Chain(&error).to_string()).transpose();
        Other { unready, member, host: self.host(name, true).ok() }
    }

    /// Where the nodes reach the API, by kubeadm's own record.
    fn endpoint(&self) -> Option<String> {
        let key = ConfigMapKey::ClusterConfiguration;
        let record = self.reach.any_api(&self.node.name, |api| api.observed_key(key)).ok()??;
        let configuration = yaml::parse(&record.value).ok()?;
        Some(configuration.get("controlPlaneEndpoint")?.as_str()?.to_owned())
    }

    /// What the quorum says, through the first member that answers.
    fn etcd(&self, others: &BTreeMap<NodeName, Other>) -> Option<Result<EtcdFacts, String>> {
        let mut failure = None;
        for (name, other) in others {
            match &other.member {
                None => {}
                Some(Err(reason)) => failure = Some(format!("{name}: {reason}")),
                Some(Ok(_)) => {
                    let asked = self.reach.ask(name, |plane| {
                        let Some(etcd) = &plane.etcd else { return Ok(EtcdFacts::default()) };
                        etcd.quorum_read()?;
                        Ok(EtcdFacts { members: etcd.members()?, alarms: etcd.alarms()? })
                    });
                    match asked {
                        Ok(facts) => return Some(Ok(facts)),
                        Err(error) => failure = Some(format!("{name}: {}", Chain(&error))),
                    }
                }
            }
        }
        failure.map(Err)
    }
}
