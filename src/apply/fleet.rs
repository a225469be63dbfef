//! Apply's way to real nodes and the real cluster: [`Fleet`] over the sessions and clients of `health`.

use super::{Cordon, DrainError, Fleet, MaterialError, drain, rollout};
use crate::cluster::{ClusterError, Rollout};
use crate::event::{Event, Listener};
use crate::health::{self, GateError, HealthError, Pace, Reach};
use crate::inventory::NodeName;
use crate::plan::{ClusterOperation, Drain, Gate};
use crate::remote::{Reply, Script};
use std::collections::BTreeMap;
use std::time::Duration;

/// Not every stored value begins with what it must.
#[derive(Debug, thiserror::Error)]
#[error("etcd still holds {count} {resource} that do not begin with {prefix}")]
struct NotRewritten {
    resource: String,
    count: usize,
    prefix: String,
}

impl Fleet for Reach {
    fn run(&self, node: &NodeName, script: &Script, deadline: Duration) -> Result<Reply, HealthError> {
        Reach::run(self, node, script, deadline)
    }

    fn reconnect(&self, node: &NodeName) -> Result<(), HealthError> {
        Reach::reconnect(self, node)
    }

    fn wait(
        &self,
        gates: &[Gate],
        stable: Duration,
        listener: &Listener<'_>,
        cancel: &dyn Fn() -> bool,
    ) -> Result<(), GateError> {
        if gates.is_empty() {
            return Ok(());
        }
        let pace = Pace { stable, ..Pace::default() };
        health::wait(gates, &mut &*self, &pace, listener, cancel)
    }

    fn cordon(
        &self,
        node: &NodeName,
        settings: &Drain,
        mark: &str,
        listener: &Listener<'_>,
    ) -> Result<Cordon, DrainError> {
        drain::cordon(self, node, settings, mark, listener)
    }

    fn evict_pods(
        &self,
        node: &NodeName,
        settings: &Drain,
        listener: &Listener<'_>,
        cancel: &dyn Fn() -> bool,
    ) -> Result<(), DrainError> {
        drain::evict_pods(self, node, settings, listener, cancel)
    }

    fn uncordon(&self, node: &NodeName, mark: &str) -> Result<(), HealthError> {
        drain::uncordon(self, node, mark)
    }

    fn change_cluster(
        &self,
        operation: &ClusterOperation,
        listener: &Listener<'_>,
    ) -> Result<(), MaterialError> {
        match operation {
            ClusterOperation::ReplaceConfigMapKey { namespace, name, key, value, resource_version } => self
                .any(|plane| plane.api.replace_config_map_key(namespace, name, key, value, resource_version))
                .map_err(Into::into),
            ClusterOperation::RestartDaemonSet { namespace, name, annotation, value } => {
                self.any(|plane| plane.api.annotate_daemon_set(namespace, name, annotation, value))?;
                self.wait_for_pods(namespace, name, listener)
            }
            ClusterOperation::Uncordon { node, mark } => {
                Fleet::uncordon(self, node, mark).map_err(Into::into)
            }
            ClusterOperation::RewriteEncrypted { resources, prefix } => {
                for resource in resources {
                    self.rewrite(resource, prefix, listener)?;
                }
                Ok(())
            }
        }
    }
}

impl Reach {
    /// Asks the first control-plane node.
    fn any<T>(
        &self,
        question: impl FnOnce(&crate::cluster::ControlPlane) -> Result<T, ClusterError>,
    ) -> Result<T, HealthError> {
        let node = self.control_planes().first().ok_or(HealthError::NoCluster)?;
        self.ask(node, question)
    }

    /// Waits until a DaemonSet's new pods run everywhere.
    fn wait_for_pods(
        &self,
        namespace: &str,
        name: &str,
        listener: &Listener<'_>,
    ) -> Result<(), MaterialError> {
        let tell = |rollout: &Rollout| {
            let step = format!("restart {name}: {} of {} nodes", rollout.updated, rollout.desired);
            listener(Event::Cluster { step });
        };
        let mut look = || self.any(|plane| plane.api.rollout(namespace, name));
        rollout::wait(name, &mut look, &mut |time| Fleet::pause(self, time), &tell).map_err(Into::into)
    }

    /// Writes every object of a resource again, and proves in etcd that each is stored as it must be.
    fn rewrite(&self, resource: &str, prefix: &str, listener: &Listener<'_>) -> Result<(), MaterialError> {
        let progress = |done: usize, total: usize| {
            if done.is_multiple_of(100) || done == total {
                listener(Event::Cluster { step: format!("rewrite {resource}: {done} of {total}") });
            }
        };
        self.any(|plane| plane.api.rewrite(resource, &progress))?;
        let stored: BTreeMap<String, usize> =
            self.any_member(|etcd| etcd.stored_prefixes(resource))?.unwrap_or_default();
        let count: usize = stored.iter().filter(|(found, _)| *found != prefix).map(|(_, count)| count).sum();
        if count > 0 {
            return Err(
                NotRewritten { resource: resource.to_owned(), count, prefix: prefix.to_owned() }.into()
            );
        }
        Ok(())
    }
}
