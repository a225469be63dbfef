//! Findings and inventories for reports.

use harden::check::{Finding, Verdict};
use harden::inventory::{Inventory, parse};
use std::path::{Path, PathBuf};

/// The inventory that a text is.
pub(crate) fn inventory_of(text: &str) -> Inventory {
    let loaded = parse(Path::new("clusters/prod.toml"), text.into(), Some(PathBuf::from("/home/me")));
    loaded.unwrap_or_else(|error| panic!("{}", error.render(false))).inventory
}

/// The tables of nodes, each a name, an address and its roles.
pub(crate) fn nodes(nodes: &[(&str, &str, &[&str])]) -> String {
    let table = |(name, address, roles): &(&str, &str, &[&str])| {
        format!("\n[[nodes]]\nname = {name:?}\naddress = {address:?}\nroles = {roles:?}\n")
    };
    nodes.iter().map(table).collect()
}

/// A finding that passes, on a node or, with `-`, on the cluster.
pub(crate) fn finding(control: &str, title: &str, section: &str, node: &str, evidence: &str) -> Finding {
    Finding {
        control: format!("cis-1.12:{control}").parse().unwrap(),
        title: title.to_owned(),
        section: section.to_owned(),
        node: (node != "-").then(|| serde_json::from_value(node.into()).unwrap()),
        verdict: Verdict::Pass,
        scored: true,
        evidence: vec![evidence.to_owned()],
        objects: Vec::new(),
        differences: Vec::new(),
        remedy: String::new(),
        fixed_by: Vec::new(),
        waiver: None,
        clean: None,
    }
}

/// One that fails.
pub(crate) fn failing(from: Finding, objects: &[&str]) -> Finding {
    let objects = objects.iter().map(ToString::to_string).collect();
    Finding { verdict: Verdict::Fail, objects, ..from }
}
