//! An inventory of hosts that were blank, beside a store of its own.

use crate::support::lab::{self, Lab};
use std::fs;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// The network plugin's manifests, beside the inventory.
const CNI: &str = "cni.yaml";

/// A folder with an inventory, and the hosts that the test has.
pub(super) struct Site {
    folder: tempfile::TempDir,
    lab: Lab,
    /// What the lab says of all its hosts.
    whole: Table,
}

impl Site {
    /// Hosts as new, and none beside them.
    pub(super) fn blank(hosts: &[&str]) -> Self {
        lab::tool(&["down"]);
        lab::tool(&[&["blank"][..], hosts].concat());
        Self::beside()
    }

    /// The hosts that there are, with a store of its own.
    pub(super) fn beside() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let text = lab::tool(&["inventory", "--blank"]);
        let inventory = folder.path().join("harden.toml");
        fs::write(&inventory, &text).unwrap();
        fs::write(folder.path().join(CNI), lab::tool(&["cni"])).unwrap();
        Self { lab: Lab::of(inventory), whole: text.parse().unwrap(), folder }
    }

    pub(super) fn lab(&self) -> &Lab {
        &self.lab
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn inventory(&self) -> PathBuf {
        self.folder.path().join("harden.toml")
    }

    /// From now on these hosts are in the inventory, and the network plugin.
    pub(super) fn declare(&self, hosts: &[&str], settings: &str) {
        self.declare_bare(hosts, &format!("[bootstrap]\ncni = \"{CNI}\"\n\n{settings}"));
    }

    /// From now on these hosts are in the inventory.
    pub(super) fn declare_bare(&self, hosts: &[&str], settings: &str) {
        let mut inventory = self.whole.clone();
        let nodes = inventory["nodes"].as_array_mut().unwrap();
        nodes.retain(|node| hosts.contains(&node["name"].as_str().unwrap()));
        assert_eq!(nodes.len(), hosts.len(), "not all of {hosts:?} run");
        merge(&mut inventory, settings.parse().unwrap());
        fs::write(self.inventory(), toml::to_string(&inventory).unwrap()).unwrap();
    }

    /// Of the nodes that are declared: their names, those with one role alone where one is named.
    pub(super) fn nodes(&self, role: Option<&str>) -> Vec<String> {
        let inventory: Table = fs::read_to_string(self.inventory()).unwrap().parse().unwrap();
        let has = |node: &Value| {
            role.is_none_or(|role| {
                node["roles"].as_array().unwrap().iter().any(|it| it.as_str() == Some(role))
            })
        };
        let nodes = inventory["nodes"].as_array().unwrap().iter().filter(|node| has(node));
        nodes.map(|node| node["name"].as_str().unwrap().to_owned()).collect()
    }

    /// Those of them that are nodes of Kubernetes.
    pub(super) fn kubernetes_nodes(&self) -> Vec<String> {
        let (control_planes, workers) = (self.nodes(Some("control-plane")), self.nodes(Some("worker")));
        self.nodes(None)
            .into_iter()
            .filter(|it| control_planes.contains(it) || workers.contains(it))
            .collect()
    }
}

/// Tables are joined key by key; anything else replaces what was there.
fn merge(table: &mut Table, other: Table) {
    for (key, value) in other {
        match (table.get_mut(&key), value) {
            (Some(Value::Table(table)), Value::Table(other)) => merge(table, other),
            (_, value) => drop(table.insert(key, value)),
        }
    }
}
