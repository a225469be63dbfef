//! What templates are told of etcd's members: where they are, and whom a member without data asks at its first start.

use super::flags::FlagLists;
use super::place::Place;
use super::static_pod::INVENTORY;
use super::{TemplateError, body::Unusable};
use crate::inventory::{Inventory, Node, NodeName, Role};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const ETCD: &str = "etcd";

/// Flags that have one place only in an etcd that systemd runs: benchmarks look for the first on the command line, and with
/// the second etcd would ignore every other one.
const FIXED: [(&str, &str); 2] = [
    ("data-dir", "the data directory is /var/lib/etcd; mount what you like there"),
    ("config-file", "set its flags one by one, named as on etcd's command line"),
];

/// The members of a running etcd, by name, with the URLs at which other members reach them. One that joins them is told of
/// these and of itself, and of nobody who has not joined yet: etcd would refuse it.
pub type RunningMembers = BTreeMap<String, Vec<String>>;

/// Where clients reach the members, as API servers take it. A member that is yet to join those that run is none of them: what an API
/// server asked there would be answered by nobody.
pub(super) fn client_urls(inventory: &Inventory, joining: &BTreeSet<NodeName>) -> String {
    let (new, old): (Vec<&Node>, Vec<&Node>) =
        inventory.with_role(Role::Etcd).partition(|node| joining.contains(&node.name));
    let members = if old.is_empty() { new } else { old };
    members.into_iter().map(Node::etcd_client_url).collect::<Vec<_>>().join(",")
}

/// The inventory's flags as variables of etcd's environment, by name.
pub(super) fn environment(flags: &BTreeMap<String, String>) -> Value {
    let variable = |(flag, value): (&String, &String)| json!({"name": format!("ETCD_{}", flag.to_uppercase().replace('-', "_")), "value": value});
    flags.iter().map(variable).collect()
}

/// What a member without data is started with: all members of the inventory make a new cluster together, and one that joins
/// asks those that run.
pub(super) fn first_start(inventory: &Inventory, node: &Node, joins: Option<&RunningMembers>) -> Value {
    let (state, members): (_, Vec<(&str, String)>) = match joins {
        None => {
            let members = inventory.with_role(Role::Etcd);
            ("new", members.map(|member| (member.name.as_str(), member.etcd_peer_url())).collect())
        }
        Some(running) => {
            let own = node.name.as_str();
            let others = running.iter().filter(|(name, _)| name.as_str() != own);
            let others = others.flat_map(|(name, urls)| urls.iter().map(|url| (name.as_str(), url.clone())));
            ("existing", others.chain([(own, node.etcd_peer_url())]).collect())
        }
    };
    let members: Vec<String> = members.into_iter().map(|(name, url)| format!("{name}={url}")).collect();
    json!({"state": state, "initial_cluster": members.join(",")})
}

/// What is wrong with the flags that the inventory sets on an etcd that systemd runs. Its own version is not known; that of the
/// cluster says which one kubeadm would run.
pub(super) fn check_flags(lists: &FlagLists, place: Place<'_>) -> Vec<TemplateError> {
    let Some(list) = lists.of(ETCD) else { return Vec::new() };
    let mut errors = Vec::new();
    for (flag, value) in &place.inventory.etcd.flags {
        let from = place.inventory.flag_place(ETCD, flag).unwrap_or_else(|| INVENTORY.to_owned());
        if let Some((_, remedy)) = FIXED.iter().find(|(fixed, _)| fixed == flag) {
            let reason =
                format!("{flag} cannot be set under [etcd.flags] with `topology = \"external\"`: {remedy}");
            errors.push(place.shape(&from, Unusable(reason)));
            continue;
        }
        if let Err(unusable) = list.check(flag, place.minor) {
            errors.push(TemplateError::UnknownFlag {
                template: from,
                component: ETCD.to_owned(),
                minor: place.minor,
                node: place.node.clone(),
                flag: flag.clone(),
                remedy: unusable.remedy.map(Into::into),
            });
        } else if value.chars().any(char::is_control) {
            errors
                .push(place.shape(&from, Unusable(format!("the value of {flag} holds a control character"))));
        }
    }
    errors
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::parse;

    const EXTERNAL: &str = r#"
        [cluster]
        name = "c"
        kubernetes = "1.35"
        [etcd]
        topology = "external"
        [[nodes]]
        name = "cp-1"
        address = "10.0.0.1"
        roles = ["control-plane"]
        [[nodes]]
        name = "etcd-1"
        address = "fd00::1"
        roles = ["etcd"]
        [[nodes]]
        name = "etcd-2"
        address = "etcd-2.example.net"
        roles = ["etcd"]
        [[nodes]]
        name = "etcd-3"
        address = "10.0.0.3"
        roles = ["etcd"]
    "#;

    #[test]
    fn a_member_that_joins_is_told_of_those_that_run_and_of_itself() {
        let inventory = parse("harden.toml".as_ref(), EXTERNAL.into(), None).unwrap().inventory;
        assert_eq!(
            client_urls(&inventory, &BTreeSet::new()),
            "https://[fd00::1]:2379,https://etcd-2.example.net:2379,https://10.0.0.3:2379"
        );
        let members = || inventory.with_role(Role::Etcd).map(|node| node.name.clone());
        assert_eq!(
            client_urls(&inventory, &members().take(1).collect()),
            "https://etcd-2.example.net:2379,https://10.0.0.3:2379"
        );
        // Of a new etcd all join.
        assert_eq!(client_urls(&inventory, &members().collect()).split(',').count(), 3);
        let node = &inventory.nodes[3];
        assert_eq!(
            first_start(&inventory, node, None),
            json!({
                "state": "new",
                "initial_cluster":
                    "etcd-1=https://[fd00::1]:2380,etcd-2=https://etcd-2.example.net:2380,etcd-3=https://10.0.0.3:2380",
            })
        );
        // Added a moment ago, it is in the list already, without a name.
        let running = RunningMembers::from([
            ("etcd-1".into(), vec!["https://a:2380".into(), "https://b:2380".into()]),
            ("etcd-3".into(), vec!["https://10.0.0.3:2380".into()]),
        ]);
        assert_eq!(
            first_start(&inventory, node, Some(&running)),
            json!({
                "state": "existing",
                "initial_cluster": "etcd-1=https://a:2380,etcd-1=https://b:2380,etcd-3=https://10.0.0.3:2380",
            })
        );
    }

    #[test]
    fn flags_are_variables() {
        let flags = BTreeMap::from([("quota-backend-bytes".into(), "8".into())]);
        assert_eq!(environment(&flags), json!([{"name": "ETCD_QUOTA_BACKEND_BYTES", "value": "8"}]));
    }
}
