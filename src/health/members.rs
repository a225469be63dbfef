//! Which nodes have a member of etcd that can be asked, and the ways to ask it: where there is an API server beside it with the
//! same login, otherwise by itself.

use super::{HealthError, Reach};
use crate::cluster::{ClusterError, Etcd};
use crate::inventory::NodeName;

impl Reach {
    /// Says that a node that was added has a member of etcd. Of a node with an API server that is found out when it is asked.
    pub fn add_member(&mut self, node: NodeName) {
        if !self.control_planes().contains(&node) && !self.etcd_hosts.contains(&node) {
            self.etcd_hosts.push(node);
        }
    }

    /// The nodes that may have a member of etcd, in the order in which they are asked.
    pub fn members(&self) -> impl Iterator<Item = &NodeName> {
        // One may have got an API server meanwhile.
        let others = self.etcd_hosts.iter().filter(|node| !self.control_planes().contains(node));
        self.control_planes().iter().chain(others)
    }

    /// Asks a node's own member.
    pub fn etcd<T>(
        &self,
        node: &NodeName,
        question: impl FnOnce(&Etcd) -> Result<T, ClusterError>,
    ) -> Result<T, HealthError> {
        if self.etcd_hosts.contains(node) {
            return self.slot(node)?.ask_member(node, question);
        }
        let found = self.ask(node, |plane| plane.etcd.as_ref().map(question).transpose())?;
        found.ok_or_else(|| HealthError::NoEtcd { node: node.clone() })
    }

    /// Asks the members one after the other until one answers; a refusal is an answer. `None` where no node has a member.
    pub fn any_member<T>(
        &self,
        question: impl Fn(&Etcd) -> Result<T, ClusterError>,
    ) -> Result<Option<T>, HealthError> {
        let mut failure = None;
        for node in self.members() {
            match self.etcd(node, &question) {
                Ok(answer) => return Ok(Some(answer)),
                Err(HealthError::NoEtcd { .. }) => {}
                Err(HealthError::Cluster(error)) if !error.is_silence() => return Err(error.into()),
                Err(error) => failure = Some(error),
            }
        }
        failure.map_or(Ok(None), Err)
    }
}
