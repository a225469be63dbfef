//! Brings to the preflights what is known of nodes and cluster, and asks the nodes for the rest. What speaks against changing a
//! cluster is decided in `health::preflight`.

use super::load::now;
use super::pipeline::{Observation, Pipeline, deadline};
use crate::error::Chain;
use crate::event::{Event, Listener, Outcome};
use crate::health::preflight::{self, ClockReading, EtcdFacts, Facts, Findings, NodeFacts, Scope};
use crate::health::{GateAccess as _, HealthError, Reach};
use crate::inventory::{Node, NodeName};
use crate::observe::fleet;
use crate::plan::Plan;
use crate::resource::Facts as OwnFacts;
use std::collections::BTreeMap;
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
    /// Adds to a plan what is known already and would speak against applying it.
    pub(super) fn note_sickness(&self, plan: &mut Plan, observation: &Observation) {
        if plan.waves.is_empty() && plan.cluster_changes.is_empty() {
            return;
        }
        let scope = Scope::of(plan, &self.inventory);
        let findings = preflight::known(&scope, &known_facts(observation));
        let refusals = findings.refusals.iter();
        plan.notices
            .extend(refusals.map(|refusal| {
                format!("as things are, apply will not begin: {refusal}; {}", refusal.remedy)
            }));
        plan.notices.extend(findings.notices());
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
            |node| ask(node, &scope, is_live(&node.name), reach),
            |_| Outcome::Finished(String::from("looked at")),
            listener,
        );
        let answers = answers.into_iter();
        facts.nodes =
            answers.map(|(node, answer)| (node, answer.map_err(|error| Chain(&error).to_string()))).collect();
        if !reach.control_planes().is_empty() {
            listener(Event::Cluster { step: String::from("look whether etcd is healthy") });
            facts.etcd = etcd(reach);
            facts.listed = listed(reach, &facts.nodes);
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

fn ask(node: &Node, scope: &Scope, is_live: bool, reach: &Reach) -> Result<NodeFacts, HealthError> {
    let touched = scope.touched.get(&node.name);
    let Some(script) = preflight::script(touched, is_live) else { return Ok(NodeFacts::default()) };
    let reply = reach.run(&node.name, &script, deadline(node))?;
    Ok(preflight::parse(&reply, touched))
}

fn etcd(mut reach: &Reach) -> EtcdFacts {
    let mut members = BTreeMap::new();
    for node in reach.control_planes() {
        match reach.etcd_status(node) {
            // Its members are elsewhere.
            Err(HealthError::NoEtcd { .. }) => {}
            answer => {
                members.insert(node.clone(), answer.map_err(|error| Chain(&error).to_string()));
            }
        }
    }
    let mut cluster = None;
    // Those that answer for themselves first.
    let (sound, silent): (Vec<_>, Vec<_>) = members.iter().partition(|(_, answer)| answer.is_ok());
    for (node, _) in sound.into_iter().chain(silent) {
        let answer = reach.etcd_cluster(node).map_err(|error| Chain(&error).to_string());
        let is_known = answer.is_ok();
        cluster = Some(answer);
        if is_known {
            break;
        }
    }
    EtcdFacts { members, cluster }
}

/// What the API lists of the nodes whose runtime could not be asked for its images.
fn listed(
    reach: &Reach,
    nodes: &BTreeMap<NodeName, Result<NodeFacts, String>>,
) -> BTreeMap<NodeName, crate::cluster::NodeImages> {
    let is_unknown = |facts: &NodeFacts| facts.images.as_ref().is_some_and(|images| images.present.is_none());
    let unknown = nodes.iter().filter(|(_, answer)| answer.as_ref().is_ok_and(is_unknown));
    let mut found = BTreeMap::new();
    for (node, _) in unknown {
        for plane in reach.control_planes() {
            if let Ok(images) = reach.ask(plane, |plane| plane.api.node_images(node.as_str())) {
                found.extend(images.map(|images| (node.clone(), images)));
                break;
            }
        }
    }
    found
}
