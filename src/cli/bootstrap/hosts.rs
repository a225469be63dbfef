//! The order in which hosts become nodes, and what comes between and behind: the network plugin after the first control-plane node,
//! labels, the wait until all are Ready, further manifests.

use super::BootstrapVerbError;
use super::brought::Brought;
use crate::apply::{ManifestCounts, apply_manifests};
use crate::bootstrap::{Bootstrap, BootstrapError};
use crate::cli::apply::Applying;
use crate::cli::{Error, signal};
use crate::error::ExitCode;
use crate::event::{Event, Listener};
use crate::health::{self, Pace, Reach};
use crate::inventory::{Inventory, Node, NodeName, Role, Taint};
use crate::manifests::Manifest;
use crate::plan::manifest::Probe;
use crate::plan::{Gate, Join, JoinKind, Plan};
use crate::secret::Secret;
use crate::trust;
use crate::ui::Progress;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// How long the first node may take until it is Ready where nobody has named a network plugin: what is on the image needs no longer.
const NETWORK: Duration = Duration::from_secs(40);

/// The kubelet's word for it.
const NO_NETWORK: &str = "NetworkReady=false";

/// What the hosts of one run have in common.
pub(super) struct Hosts<'a> {
    inventory: &'a Inventory,
    brought: Brought,
    super_admin: Secret<String>,
    progress: Progress,
    parallelism: std::num::NonZeroUsize,
}

impl<'a> Hosts<'a> {
    /// With the kubeconfig that the first rules are made with.
    pub(super) fn new(applying: &'a mut Applying<'_>, brought: Brought) -> Result<Self, Error> {
        let mut store = applying.unlock()?;
        let (pipeline, now) = (&applying.pipeline, applying.pipeline.now);
        let kubeconfig =
            trust::ensure_break_glass(&mut store, &pipeline.inventory, now).map_err(Error::hinted)?;
        let super_admin = store.get(&kubeconfig.secret.name).map_err(Error::hinted)?;
        Ok(Self {
            inventory: &pipeline.inventory,
            brought,
            super_admin,
            progress: Progress::start(
                applying.output.clone(),
                applying.global.progress,
                applying.global.quiet,
            ),
            parallelism: applying.global.parallelism,
        })
    }

    /// Makes nodes of all hosts of the plan, and brings what there is to bring.
    pub(super) fn join(&self, plan: &Plan, reach: &mut Reach) -> Result<(), Error> {
        let listener = |event: Event| {
            signal::note(&event);
            self.progress.emit(&event);
        };
        let engine = self.engine(&listener);
        let of = |kind| plan.joins.iter().filter(|join| join.kind == kind).collect::<Vec<&Join>>();
        let begins = !of(JoinKind::Init).is_empty();
        if let Some(node) = reach.control_planes().first().filter(|_| !begins) {
            self.network(node, reach, &listener)?;
        }
        let control_planes =
            plan.joins.iter().filter(|join| matches!(join.kind, JoinKind::Init | JoinKind::ControlPlane));
        for join in control_planes {
            engine.control_plane(join, reach).map_err(|error| failed(vec![(join.node.clone(), error)]))?;
            if join.kind == JoinKind::Init {
                self.network(&join.node, reach, &listener)?;
            }
        }
        let failed: Vec<_> = engine
            .workers(&of(JoinKind::Worker), reach)
            .into_iter()
            .filter_map(|(node, result)| Some((node, result.err()?)))
            .collect();
        if !failed.is_empty() {
            return Err(self::failed(failed));
        }
        for join in plan.joins.iter().filter(|join| join.kind != JoinKind::Etcd) {
            let taints = self.inventory.node(&join.node).and_then(|node| node.taints.as_deref());
            label(&join.node, &join.labels, taints, reach)?;
        }
        for node in self.brought.unlabelled.iter().filter_map(|name| self.inventory.node(name)) {
            label(&node.name, &node.labels, None, reach)?;
        }
        wait_until_ready(&self.expected(plan, begins), reach, &listener)?;
        match reach.control_planes().first() {
            Some(node) => apply(node, reach, &self.brought.manifests, &listener),
            None => Ok(()),
        }
    }

    fn engine<'e>(&'e self, listener: &'e Listener<'e>) -> Bootstrap<'e> {
        Bootstrap {
            endpoint: Probe::of_endpoint(&self.inventory.api_endpoint()),
            topology: self.inventory.etcd.topology,
            kubernetes: self.inventory.cluster.kubernetes,
            super_admin: self.super_admin.clone(),
            parallelism: self.parallelism,
            listener,
            interrupted: &signal::interrupted,
        }
    }

    /// The nodes that have to be Ready: those that join, and all where none of them had a network before.
    fn expected(&self, plan: &Plan, begins: bool) -> Vec<NodeName> {
        let joined =
            plan.joins.iter().filter(|join| join.kind != JoinKind::Etcd).map(|join| join.node.clone());
        if begins || self.brought.cni.iter().flatten().next().is_none() {
            return joined.collect();
        }
        let runs_a_kubelet =
            |node: &&Node| node.roles.contains(&Role::ControlPlane) || node.roles.contains(&Role::Worker);
        self.inventory.nodes.iter().filter(runs_a_kubelet).map(|node| node.name.clone()).collect()
    }

    /// The network plugin, so that nodes become Ready while others still join; without one in the inventory it has to be on the
    /// hosts already.
    fn network(&self, node: &NodeName, reach: &Reach, listener: &Listener<'_>) -> Result<(), Error> {
        if let Some(cni) = &self.brought.cni {
            return apply(node, reach, cni, listener);
        }
        let gate = Gate::NodeReady { node: node.clone() };
        let began = Instant::now();
        let late = || signal::interrupted() || began.elapsed() > NETWORK;
        let mut access = reach;
        if health::wait(std::slice::from_ref(&gate), &mut access, &pace(), listener, &late).is_ok() {
            return Ok(());
        }
        let reason = match health::check(&gate, &mut access) {
            Ok(_) => return Ok(()),
            Err(pending) => pending.0,
        };
        // Where it is something else that keeps it from being Ready, that is found when all are waited for.
        if !reason.contains(NO_NETWORK) {
            return Ok(());
        }
        Err(Error::hinted(BootstrapVerbError::NoNetwork { reason }).code(ExitCode::Stopped))
    }
}

fn label(
    name: &NodeName,
    labels: &BTreeMap<String, String>,
    taints: Option<&[Taint]>,
    reach: &Reach,
) -> Result<(), Error> {
    if labels.is_empty() && taints.is_none() {
        return Ok(());
    }
    let set = reach.any_api(name, |api| api.set_node(name.as_str(), labels, taints));
    set.map(drop).map_err(|source| {
        let error = BootstrapError::Node { node: name.clone(), source: Box::new(source) };
        failed(vec![(name.clone(), error)])
    })
}

fn apply(node: &NodeName, reach: &Reach, objects: &[Manifest], listener: &Listener<'_>) -> Result<(), Error> {
    if objects.is_empty() {
        return Ok(());
    }
    let began = Instant::now();
    let counts = apply_manifests(reach, node, objects, listener)
        .map_err(|error| Error::hinted(error).code(ExitCode::Stopped))?;
    let ManifestCounts { created, changed, unchanged } = counts;
    let gate = format!("manifests are applied: {created} made, {changed} changed, {unchanged} as they were");
    listener(Event::Passed { node: None, gate, elapsed: began.elapsed() });
    Ok(())
}

fn wait_until_ready(nodes: &[NodeName], reach: &Reach, listener: &Listener<'_>) -> Result<(), Error> {
    let gates: Vec<Gate> = nodes.iter().map(|node| Gate::NodeReady { node: node.clone() }).collect();
    let mut access = reach;
    health::wait(&gates, &mut access, &pace(), listener, &signal::interrupted).map_err(|source| {
        let node = source.node().clone();
        let error = BootstrapError::Gate { node: node.clone(), source: Box::new(source) };
        failed(vec![(node, error)])
    })
}

/// Nothing was restarted that could crash a moment later.
fn pace() -> Pace {
    Pace { stable: Duration::ZERO, steady: Duration::ZERO, ..Pace::default() }
}

/// What has joined stays; the next run goes on from there.
pub(super) fn failed(failed: Vec<(NodeName, BootstrapError)>) -> Error {
    let code = if failed.iter().any(|(_, error)| matches!(error, BootstrapError::Interrupted { .. })) {
        ExitCode::Interrupted
    } else {
        ExitCode::Stopped
    };
    Error::hinted(BootstrapVerbError::Hosts { failed }).code(code)
}
