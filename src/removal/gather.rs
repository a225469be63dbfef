//! Asks for what the plan of a removal rests on. It only reads.

use super::facts::{EtcdFacts, Facts, Host, HostFacts, Other, Runs};
use super::scripts::{host_facts, host_script};
use crate::cluster::{Etcd, EtcdStatus};
use crate::error::Chain;
use crate::health::{HealthError, Reach};
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
    /// The sessions: to the node, as one without an API server, and to the control planes and members of etcd that stay.
    pub reach: &'a Reach,
    /// The nodes that there is no session to, and why.
    pub lost: &'a BTreeMap<NodeName, String>,
}

/// Asks.
pub fn gather(question: &Question<'_>) -> Facts {
    let Question { inventory, node, reach, .. } = question;
    let name = &node.name;
    let topology = inventory.etcd.topology;
    let others = inventory
        .with_role(Role::ControlPlane)
        .filter(|other| other.name != *name)
        .map(|other| (other.name.clone(), question.other(&other.name)))
        .collect();
    let mut runs = Runs::of(node, topology);
    let members = question.members(runs);
    let kubernetes =
        reach.any_api(name, |api| api.node(name.as_str())).map_err(|error| Chain(&error).to_string());
    runs.control_plane |= matches!(&kubernetes, Ok(Some(node)) if node.roles.contains("control-plane"));
    runs.kubelet |= matches!(&kubernetes, Ok(Some(_)));
    Facts {
        node: name.clone(),
        address: node.address.clone(),
        runs,
        has_foreign_etcd: node.roles.contains(&Role::Etcd) && !runs.etcd_unit && !runs.control_plane,
        etcd: question.etcd(&members),
        endpoint: question.endpoint().or_else(|| inventory.cluster.endpoint.clone()),
        endpoint_moves: inventory.kube_vip.is_some(),
        host: match question.host(name, runs) {
            Ok(host) => Host::Reached(host),
            Err(reason) => Host::Lost(reason),
        },
        kubernetes,
        members,
        others,
    }
}

impl Question<'_> {
    fn host(&self, name: &NodeName, runs: Runs) -> Result<HostFacts, String> {
        if let Some(reason) = self.lost.get(name) {
            return Err(reason.clone());
        }
        let reply = self.reach.run(name, &host_script(runs), DEADLINE);
        reply.map(|reply| host_facts(&reply)).map_err(|error| Chain(&error).to_string())
    }

    fn other(&self, name: &NodeName) -> Other {
        if let Some(reason) = self.lost.get(name) {
            return Other { unready: Some(reason.clone()), host: None };
        }
        let unready = match self.reach.ask(name, |plane| plane.api.ready()) {
            Ok(readiness) if readiness.ready => None,
            Ok(readiness) => Some(format!("it is not ready ({})", readiness.failed.join(", "))),
            Err(error) => Some(Chain(&error).to_string()),
        };
        let runs = Runs { kubelet: true, control_plane: true, etcd_unit: false };
        Other { unready, host: self.host(name, runs).ok() }
    }

    /// The members that stay, where one of them is to go.
    fn members(&self, runs: Runs) -> BTreeMap<NodeName, Result<EtcdStatus, String>> {
        let is_external = self.inventory.etcd.topology == EtcdTopology::External;
        if is_external && !runs.etcd_unit {
            return BTreeMap::new();
        }
        let role = if is_external { Role::Etcd } else { Role::ControlPlane };
        let others = self.inventory.with_role(role).filter(|other| other.name != self.node.name);
        let answer = |name: &NodeName| match self.lost.get(name) {
            Some(reason) => Some(Err(reason.clone())),
            None => match self.reach.etcd(name, Etcd::status) {
                Err(HealthError::NoEtcd { .. }) => None,
                answer => Some(answer.map_err(|error| Chain(&error).to_string())),
            },
        };
        others.filter_map(|other| Some((other.name.clone(), answer(&other.name)?))).collect()
    }

    /// Where the nodes reach the API, by kubeadm's own record.
    fn endpoint(&self) -> Option<String> {
        let key = ConfigMapKey::ClusterConfiguration;
        let record = self.reach.any_api(&self.node.name, |api| api.observed_key(key)).ok()??;
        let configuration = yaml::parse(&record.value).ok()?;
        Some(configuration.get("controlPlaneEndpoint")?.as_str()?.to_owned())
    }

    /// What the quorum says, through the first member that answers.
    fn etcd(
        &self,
        members: &BTreeMap<NodeName, Result<EtcdStatus, String>>,
    ) -> Option<Result<EtcdFacts, String>> {
        let mut failure = None;
        for (name, status) in members {
            if let Err(reason) = status {
                failure = Some(format!("{name}: {reason}"));
                continue;
            }
            let asked = self.reach.etcd(name, |etcd| {
                etcd.quorum_read()?;
                Ok(EtcdFacts { members: etcd.members()?, alarms: etcd.alarms()? })
            });
            match asked {
                Ok(facts) => return Some(Ok(facts)),
                Err(error) => failure = Some(format!("{name}: {}", Chain(&error))),
            }
        }
        failure.map(Err)
    }
}
