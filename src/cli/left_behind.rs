//! Transactions that a harden of this machine left on nodes when it was killed. Until the node puts them back by itself they are in
//! the way of every apply, and what is read meanwhile is not what will be there: they are ended before anything is planned, as
//! `harden unlock` would.

use super::apply::{ApplyError, Applying};
use super::pipeline::Observation;
use super::{Error, process, unlock};
use crate::error::ExitCode;
use crate::inventory::{Node, NodeName};
use crate::ui::status::{UnlockEnd, UnlockedNode};
use crate::ui::{self, Progress};
use std::collections::BTreeMap;

/// What is done, as users read it in progress.
const STEP: &str = "end the transaction of a harden that was killed";

impl Applying<'_> {
    /// Reads the nodes, once more where something had to be ended first. A lock whose owner may run, here or elsewhere, stays.
    pub(super) fn observe_settled(&mut self) -> Result<Observation, Error> {
        let observation = self.observe()?;
        let left = self.left_behind(&observation);
        if left.is_empty() {
            return Ok(observation);
        }
        drop(observation);
        self.end(&left)?;
        self.observe()
    }

    /// Where the locks lead that were left behind on the nodes that this run is about.
    fn left_behind(&self, observation: &Observation) -> BTreeMap<NodeName, String> {
        let nodes = observation.transactions.iter().filter(|(node, _)| self.pipeline.limit.contains(*node));
        let left = nodes
            .filter_map(|(node, state)| Some((node.clone(), state.left_behind(process::fate)?.to_owned())));
        left.collect()
    }

    fn end(&mut self, left: &BTreeMap<NodeName, String>) -> Result<(), Error> {
        let names: Vec<&str> = left.keys().map(NodeName::as_str).collect();
        let names = names.join(", ");
        if !self.asked {
            self.output.message(&format!(
                "a harden that was killed on this machine left a transaction on {names}: what of it is not confirmed has to be put \
                 back before anything can be planned\n"
            ));
            if !ui::confirm(self.output, &format!("Put it back on {names}?"))? {
                return Err(Error::new(ApplyError::Declined));
            }
        }
        let is_left = |node: &&Node| left.contains_key(&node.name);
        let nodes: Vec<&Node> = self.pipeline.inventory.nodes.iter().filter(is_left).collect();
        let locks = left.iter().map(|(node, target)| (node.clone(), Some(target.clone()))).collect();
        let ends = {
            let progress = Progress::start(self.output.clone(), self.global.progress, self.global.quiet);
            let way = unlock::Way {
                access: &self.pipeline.access,
                parallelism: self.pipeline.parallelism,
                step: STEP,
                listener: &|event| progress.emit(&event),
            };
            unlock::unlock(&nodes, &locks, &way)
        };
        let failed: Vec<UnlockedNode> = ends.into_iter().filter(|end| !end.outcome.is_free()).collect();
        if failed.is_empty() {
            return Ok(());
        }
        let needs_human = failed.iter().any(|end| end.outcome == UnlockEnd::NeedsHuman);
        let code = if needs_human { ExitCode::NeedsHuman } else { ExitCode::Error };
        Err(Error::hinted(ApplyError::LeftBehind { nodes: failed }).code(code))
    }
}
