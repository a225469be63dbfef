//! Names the running pods that a plan's PodSecurity default would refuse. They are listed only where a plan brings such a default
//! or tightens it: a hardened cluster is planned without.

use super::Error;
use super::pipeline::{Observation, Pipeline};
use crate::error::Chain;
use crate::event::{Event, Listener};
use crate::health::HealthError;
use crate::plan::{Plan, pod_security};
use crate::resource::ClusterObjects;

impl Pipeline {
    /// Adds to a plan what PodSecurity will refuse once it is applied, and the stages that follow it: whoever is asked, is
    /// asked once for all of them.
    pub(super) fn name_refused_pods(
        &self,
        plan: &mut Plan,
        observation: &Observation,
        listener: &Listener<'_>,
    ) -> Result<(), Error> {
        let default = match pod_security::tightened(plan) {
            None if !plan.remaining.is_empty() => pod_security::tightened(&self.plan_whole(observation)?),
            tightened => tightened,
        };
        let Some(default) = default.filter(|_| observation.cluster.is_some()) else { return Ok(()) };
        listener(Event::Cluster { step: String::from("read the running pods") });
        plan.notices.extend(match running_pods(observation) {
            Ok(objects) => pod_security::notice(&default, &objects.namespaces, &objects.pods),
            Err(error) => Some(format!(
                "which of the running pods PodSecurity {} would refuse cannot be told: {}",
                default.enforce,
                Chain(&error)
            )),
        });
        Ok(())
    }
}

/// Asks one control plane after the other until one answers.
fn running_pods(observation: &Observation) -> Result<ClusterObjects, HealthError> {
    let mut result = Err(HealthError::NoCluster);
    for node in observation.reach.control_planes() {
        result = observation.reach.ask(node, |plane| plane.api.running_pods());
        if result.is_ok() {
            break;
        }
    }
    result
}
