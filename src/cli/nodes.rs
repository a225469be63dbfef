//! The nodes of an inventory and the way to them, for verbs that look at the nodes alone: no template and no secret takes part,
//! so that they work where a plan does not.

use super::load::{load_inventory, now, override_ssh};
use super::{Error, Global, keys, pipeline};
use crate::error::{Chain, Hint};
use crate::event::{Listener, Outcome};
use crate::inventory::{Inventory, Node, NodeName};
use crate::observe::fleet;
use crate::plan::Unreachable;
use crate::remote::{self, Access};
use crate::status::{self, Depth, Report};
use crate::ui::Output;
use std::collections::BTreeSet;
use std::num::NonZeroUsize;

/// The nodes that a run is about, and what it brings to its connections.
pub(super) struct Nodes {
    pub(super) inventory: Inventory,
    pub(super) limit: BTreeSet<NodeName>,
    pub(super) access: Access,
    pub(super) parallelism: NonZeroUsize,
    now: i64,
}

/// The names that `--limit` leaves.
pub(super) fn limited(inventory: &Inventory, global: &Global) -> Result<BTreeSet<NodeName>, Error> {
    if let Some(limit) = &global.limit {
        limit.check(inventory).map_err(Error::hinted)?;
    }
    let is_selected = |node: &&Node| global.limit.as_ref().is_none_or(|limit| limit.selects(node));
    Ok(inventory.nodes.iter().filter(is_selected).map(|node| node.name.clone()).collect())
}

impl Nodes {
    /// Reads the inventory.
    pub(super) fn load(global: &Global, output: &Output) -> Result<Self, Error> {
        let mut inventory = load_inventory(global, output)?;
        override_ssh(&mut inventory, global);
        let limit = limited(&inventory, global)?;
        let access = keys::access(global, output)?;
        Ok(Self { inventory, limit, access, parallelism: global.parallelism, now: now() })
    }

    /// The nodes, in the inventory's order.
    pub(super) fn selected(&self) -> Vec<&Node> {
        self.inventory.nodes.iter().filter(|node| self.limit.contains(&node.name)).collect()
    }

    /// Reads the transactions of every node, in one round trip each.
    pub(super) fn status(&self, depth: Depth, listener: &Listener<'_>) -> Report {
        let selected = self.selected();
        let mut found = fleet::each_node(
            &selected,
            self.parallelism,
            "read its transactions",
            |node| {
                let mut reader = remote::connect_reader(node, &self.access)?;
                status::read(reader.as_mut(), depth, pipeline::deadline(node))
            },
            |_| Outcome::Finished(String::from("read")),
            listener,
        );
        let (mut nodes, mut unreachable) = (Vec::new(), Vec::new());
        for node in selected {
            let name = node.name.clone();
            match found.remove(&name) {
                Some(Ok(state)) => nodes.push((name, state)),
                Some(Err(error)) => {
                    let hint = error.hint();
                    unreachable.push(Unreachable { node: name, error: Chain(&error).to_string(), hint });
                }
                None => {}
            }
        }
        Report::new(&self.inventory.cluster.name, self.now, nodes, unreachable)
    }
}
