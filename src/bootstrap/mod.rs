//! Makes nodes of hosts: runs kubeadm with what the plan says, and proves what came of it before the next host is begun.
//!
//! kubeadm runs in a systemd unit on the host, so that it comes to its end whatever becomes of the connection or of this machine.
//! What it left is looked at anew by every run: there is no other memory. Nothing here renders, plans or writes the files that were
//! there before: `apply` does.

mod error;
mod members;
mod script;
#[cfg(test)]
mod tests;

pub use error::BootstrapError;
pub use members::{Members, NewMember};

use crate::cluster::{ControlPlane, Etcd};
use crate::event::{Event, Listener, Outcome};
use crate::health::{self, Pace, Reach};
use crate::inventory::{EtcdTopology, Minor, NodeName};
use crate::plan::manifest::Probe;
use crate::plan::{Gate, Join, JoinKind};
use crate::secret::Secret;
use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// kubeadm gives each of its own waits four minutes.
const KUBEADM: Duration = Duration::from_mins(15);

/// What is the same for all hosts.
pub struct Bootstrap<'a> {
    /// How the API is asked at the cluster's endpoint.
    pub endpoint: Probe,
    /// How etcd runs.
    pub topology: EtcdTopology,
    /// The minor version of Kubernetes, and so of the hosts' kubeadm.
    pub kubernetes: Minor,
    /// The kubeconfig with which the first rules of a cluster are made.
    pub super_admin: Secret<String>,
    /// How many workers at once.
    pub parallelism: NonZeroUsize,
    /// Where events go.
    pub listener: &'a Listener<'a>,
    /// Whether the user asked to stop: the host in hand comes to its end, no other is begun.
    pub interrupted: &'a (dyn Fn() -> bool + Sync),
}

impl Bootstrap<'_> {
    /// Makes a control-plane node of a host, and waits until it serves.
    pub fn control_plane(&self, join: &Join, reach: &mut Reach) -> Result<(), BootstrapError> {
        let result = self.kubeadm(join, reach).and_then(|()| {
            reach.serves_api(&join.node);
            self.prove(join, reach)
        });
        tell(self.listener, &join.node, &result);
        result
    }

    /// Makes nodes of hosts that run workloads, some at a time. The first failure begins no further one.
    pub fn workers(&self, joins: &[&Join], reach: &Reach) -> Vec<(NodeName, Result<(), BootstrapError>)> {
        let queue: Mutex<VecDeque<&Join>> = Mutex::new(joins.iter().copied().collect());
        let results = Mutex::new(Vec::new());
        let next = || queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        let work = || {
            while let Some(join) = next() {
                let result = self.kubeadm(join, reach).and_then(|()| self.prove(join, reach));
                tell(self.listener, &join.node, &result);
                if result.is_err() {
                    queue.lock().unwrap_or_else(PoisonError::into_inner).clear();
                }
                results.lock().unwrap_or_else(PoisonError::into_inner).push((join.node.clone(), result));
            }
        };
        std::thread::scope(|scope| {
            // This thread works too.
            for _ in 1..self.parallelism.get().min(joins.len()) {
                let _ = std::thread::Builder::new().name(String::from("join")).spawn_scoped(scope, work);
            }
            work();
        });
        results.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn kubeadm(&self, join: &Join, reach: &Reach) -> Result<(), BootstrapError> {
        if (self.interrupted)() {
            return Err(BootstrapError::Interrupted { node: join.node.clone() });
        }
        if matches!(join.kind, JoinKind::ControlPlane | JoinKind::Worker) {
            self.wait(join, &[self.endpoint_answers(join)], reach)?;
            if join.resumed && self.earlier_attempt(join, reach)? {
                return Ok(());
            }
        }
        let is_member = join.resumed && self.is_member(join, reach);
        let config = if is_member { join.without_etcd(self.kubernetes) } else { join.config.clone() };
        let attempt = join.kind.title();
        step(self.listener, &join.node, attempt);
        let script = script::kubeadm(join, &config, &self.super_admin);
        let node = join.node.clone();
        let reply = reach.run(&join.node, &script, KUBEADM).map_err(|source| BootstrapError::Remote {
            node: node.clone(),
            attempt,
            source: Box::new(source),
        })?;
        if reply.code == 0 {
            return Ok(());
        }
        Err(BootstrapError::Kubeadm { node, attempt, message: reply.last_words() })
    }

    /// An attempt of an earlier run that still goes on is waited for; returns whether it made a node of the host. Of one that did
    /// not the Node goes, where there is one: it is Ready for a while after its kubelet has ended, and kubeadm joins no such host.
    fn earlier_attempt(&self, join: &Join, reach: &Reach) -> Result<bool, BootstrapError> {
        let failed = |attempt, source| BootstrapError::Remote {
            node: join.node.clone(),
            attempt,
            source: Box::new(source),
        };
        let script = script::awaited();
        step(self.listener, &join.node, script.title());
        let reply = reach
            .run(&join.node, &script, KUBEADM)
            .map_err(|source| failed("wait for an earlier attempt", source))?;
        if reply.section("wait").text().trim() == script::JOINED {
            return Ok(true);
        }
        reach
            .any_api(&join.node, |api| api.delete_node(join.node.as_str()))
            .map_err(|source| failed("delete the Node of an earlier attempt", source))?;
        Ok(false)
    }

    /// Whether its etcd member takes part already: kubeadm would make a voting member of it again, and fail. What cannot be told is
    /// left to kubeadm.
    fn is_member(&self, join: &Join, reach: &Reach) -> bool {
        let voters = |plane: &ControlPlane| {
            let members = plane.etcd.as_ref().map(Etcd::members).transpose()?.unwrap_or_default();
            Ok(members.into_iter().filter(|member| !member.is_learner).map(|member| member.name).collect())
        };
        let found = reach.control_planes().iter().find_map(|node| reach.ask(node, voters).ok());
        join.kind == JoinKind::ControlPlane
            && self.topology == EtcdTopology::Stacked
            && found.is_some_and(|names: Vec<String>| names.iter().any(|name| name == join.node.as_str()))
    }

    /// What must hold before the next host is begun. That the node is Ready is not among it: without a network plugin it is not.
    fn prove(&self, join: &Join, reach: &Reach) -> Result<(), BootstrapError> {
        if join.kind == JoinKind::Worker {
            return Ok(());
        }
        let node = || join.node.clone();
        let mut gates = vec![Gate::ApiServerReady { node: node() }, self.endpoint_answers(join)];
        if self.topology == EtcdTopology::Stacked {
            gates.push(Gate::EtcdHealthy { node: node() });
        }
        self.wait(join, &gates, reach)
    }

    fn endpoint_answers(&self, join: &Join) -> Gate {
        Gate::EndpointAnswers { node: join.node.clone(), probe: self.endpoint.clone() }
    }

    fn wait(&self, join: &Join, gates: &[Gate], mut reach: &Reach) -> Result<(), BootstrapError> {
        // Nothing was restarted that could crash a moment later.
        let pace = Pace { stable: Duration::ZERO, steady: Duration::ZERO, ..Pace::default() };
        health::wait(gates, &mut reach, &pace, self.listener, self.interrupted)
            .map_err(|source| BootstrapError::Gate { node: join.node.clone(), source: Box::new(source) })
    }
}

fn step(listener: &Listener<'_>, node: &NodeName, step: &str) {
    listener(Event::Step { node: node.clone(), step: step.to_owned() });
}

fn tell(listener: &Listener<'_>, node: &NodeName, result: &Result<(), BootstrapError>) {
    let outcome = match result {
        Ok(()) => Outcome::Finished(String::from("joined")),
        Err(error) => Outcome::Failed(crate::error::Chain(error).to_string()),
    };
    listener(Event::Done { node: node.clone(), outcome });
}
