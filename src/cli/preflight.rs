//! Brings to the preflights what is known of nodes and cluster, and asks the nodes for the rest. What speaks against changing a
//! cluster is decided in `health::preflight`.

use super::load::now;
use super::pipeline::{Observation, Pipeline, deadline};
use crate::error::Chain;
use crate::event::{Event, Listener, Outcome};
use crate::health::preflight::{self, ClockReading, Facts, Findings, Scope};
use crate::inventory::{Node, NodeName};
use crate::observe::fleet;
use crate::plan::Plan;
use crate::resource::Facts as OwnFacts;
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970.
pub(super) fn milliseconds() -> i64 {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(elapsed.as_millis()).unwrap_or(i64::MAX)
}

/// A node's clock, where it has one of its own, between the moment at which it was asked and now.
pub(super) fn clock(asked: i64, facts: &OwnFacts) -> Option<ClockReading> {
    let reading = || ClockReading { asked, node: facts.clock.saturating_mul(1000), answered: milliseconds() };
    facts.live.then(reading)
}

impl Pipeline {
    /// What is known already and would speak against applying a plan, or should be known.
    pub(super) fn sickness(&self, plan: &Plan, observation: &Observation) -> Vec<String> {
        // With hosts that are yet to join it will not begin anyway.
        if (plan.waves.is_empty() && plan.cluster_changes.is_empty()) || !plan.joins.is_empty() {
            return Vec::new();
        }
        let scope = Scope::of(plan, &self.inventory);
        let findings = preflight::known(&scope, &known_facts(observation));
        let refused = findings
            .refusals
            .iter()
            .map(|refusal| format!("as things are, apply will not begin: {refusal}; {}", refusal.remedy));
        refused.chain(findings.notices()).collect()
    }

    /// Asks for everything that speaks against applying a plan.
    pub(super) fn preflight(
        &self,
        plan: &Plan,
        observation: &Observation,
        listener: &Listener<'_>,
    ) -> Findings {
        let scope = Scope::of(plan, &self.inventory);
        let mut facts = known_facts(observation);
        let reach = &observation.reach;
        let is_live = |node: &NodeName| observation.nodes.get(node).is_some_and(|state| state.facts.live);
        let is_concerned = |node: &&Node| {
            let name = &node.name;
            scope.touched.contains_key(name)
                || (scope.control_planes.contains(name)
                    && observation.nodes.contains_key(name)
                    && is_live(name))
        };
        let nodes: Vec<&Node> = self.inventory.nodes.iter().filter(is_concerned).collect();
        let answers = fleet::each_node(
            &nodes,
            self.parallelism,
            "look whether it is fit to be changed",
            |node| {
                let (name, touched) = (&node.name, scope.touched.get(&node.name));
                preflight::ask_node(reach, name, touched, is_live(name), deadline(node))
            },
            |_| Outcome::Finished(String::from("looked at")),
            listener,
        );
        let answers = answers.into_iter();
        facts.nodes =
            answers.map(|(node, answer)| (node, answer.map_err(|error| Chain(&error).to_string()))).collect();
        if reach.members().next().is_some() {
            listener(Event::Cluster { step: String::from("look whether etcd is healthy") });
            facts.etcd = preflight::ask_etcd(reach);
            facts.listed = preflight::ask_api_for_images(reach, &facts.nodes);
        }
        preflight::judge(&scope, &facts)
    }
}

fn known_facts(observation: &Observation) -> Facts {
    Facts {
        now: now(),
        kubernetes: observation.kubernetes.clone(),
        clocks: observation.clocks.clone(),
        ..Facts::default()
    }
}
