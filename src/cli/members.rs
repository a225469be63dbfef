//! Which members of etcd join others that run already: what is observed of their data and said by those that have some, brought
//! to the templates.

use crate::cluster::EtcdMember;
use crate::desired::RunningMembers;
use crate::health::{EtcdCluster, GateAccess, Reach};
use crate::inventory::{ETCD_DATA, EtcdTopology, Inventory, Node, NodeName, Role};
use crate::resource::{Facts, FileState, NodePath, Observed};
use std::collections::BTreeMap;

/// What tells a member's data: etcd's own log of changes, by which it decides itself whether its next start is the first one.
fn log_of_changes() -> Option<NodePath> {
    format!("{ETCD_DATA}/member/wal").parse().ok()
}

/// Whether a node may have a member of a running etcd.
pub(super) fn has_one(node: &Node, facts: &Facts) -> bool {
    facts.live && node.roles.contains(&Role::Etcd)
}

/// Whether a host has data of a member.
pub(super) fn has_data(observed: &Observed) -> bool {
    let state = log_of_changes().and_then(|path| observed.files.get(&path));
    matches!(state, Some(FileState::Present(_)))
}

/// The nodes whose member has no data although there is an etcd that runs, with that one's members. Without a quorum that
/// answers there is nothing to join: then members without data make a new etcd together.
pub(super) fn joins(
    inventory: &Inventory,
    observed: &BTreeMap<NodeName, Observed>,
    reach: &Reach,
) -> BTreeMap<NodeName, RunningMembers> {
    let Some(data) = log_of_changes() else { return BTreeMap::new() };
    if inventory.etcd.topology != EtcdTopology::External {
        return BTreeMap::new();
    }
    let state = |node: &Node| observed.get(&node.name).and_then(|state| state.files.get(&data));
    let has_not = |node: &&Node| matches!(state(node), Some(FileState::Absent));
    let mut new = inventory.with_role(Role::Etcd).filter(has_not).peekable();
    if new.peek().is_none() {
        return BTreeMap::new();
    }
    let Some(cluster) = running_etcd(inventory, observed, reach) else { return BTreeMap::new() };
    new.map(|node| (node.name.clone(), running(inventory, node, &cluster.members))).collect()
}

/// What the quorum of an external etcd says, by the first member with data that answers; `None` where there is none.
pub(super) fn running_etcd(
    inventory: &Inventory,
    observed: &BTreeMap<NodeName, Observed>,
    mut reach: &Reach,
) -> Option<EtcdCluster> {
    let has_data = |node: &&Node| observed.get(&node.name).is_some_and(has_data);
    let mut old = inventory.with_role(Role::Etcd).filter(has_data);
    old.find_map(|node| GateAccess::etcd_cluster(&mut reach, &node.name).ok())
}

/// The members by name. One that was added and never started has none yet: it is the joining one, or another of the inventory.
fn running(inventory: &Inventory, joining: &Node, members: &[EtcdMember]) -> RunningMembers {
    let is_at = |node: &Node, member: &EtcdMember| member.peer_urls.contains(&node.etcd_peer_url());
    let others = members.iter().filter(|member| !member.name.is_empty() || !is_at(joining, member));
    let named = others.map(|member| {
        let known = inventory.with_role(Role::Etcd).find(|node| is_at(node, member));
        let name = match (member.name.as_str(), known) {
            ("", Some(node)) => node.name.to_string(),
            ("", None) => format!("{:x}", member.id),
            (name, _) => name.to_owned(),
        };
        (name, member.peer_urls.clone())
    });
    named.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_without_a_name_get_that_of_their_node() {
        let text = r#"
            cluster = { name = "c", kubernetes = "1.35" }
            etcd.topology = "external"
            nodes = [
                { name = "cp-1", address = "10.0.0.1", roles = ["control-plane"] },
                { name = "etcd-1", address = "10.0.0.31", roles = ["etcd"] },
                { name = "etcd-2", address = "10.0.0.32", roles = ["etcd"] },
                { name = "etcd-3", address = "10.0.0.33", roles = ["etcd"] },
            ]
        "#;
        let inventory = crate::inventory::parse("harden.toml".as_ref(), text.into(), None).unwrap().inventory;
        let member = |id, name: &str, address: &str| EtcdMember {
            id,
            name: name.to_owned(),
            peer_urls: vec![format!("https://{address}:2380")],
            ..EtcdMember::default()
        };
        let members = [
            member(1, "etcd-1", "10.0.0.31"),
            member(2, "", "10.0.0.32"),
            member(3, "", "10.0.0.33"),
            member(10, "", "10.0.0.99"),
        ];
        let found = running(&inventory, &inventory.nodes[3], &members);
        let found: Vec<String> = found.iter().map(|(name, urls)| format!("{name} {}", urls[0])).collect();
        assert_eq!(
            found,
            ["a https://10.0.0.99:2380", "etcd-1 https://10.0.0.31:2380", "etcd-2 https://10.0.0.32:2380"]
        );
    }
}
