//! The order in which hosts become nodes, and what comes between and behind: the network plugin after the first control-plane node,
//! labels, the wait until all are Ready, further manifests.

use super::BootstrapVerbError;
use crate::apply::{ManifestCounts, apply_manifests};
use crate::bootstrap::{Bootstrap, BootstrapError};
use crate::cli::apply::Applying;
use crate::cli::{Error, signal};
use crate::error::ExitCode;
use crate::event::{Event, Listener};
use crate::health::{self, Pace, Reach};
use crate::inventory::{Inventory, NodeName, Role};
use crate::manifests::{self, Manifest};
use crate::plan::manifest::Probe;
use crate::plan::{Gate, Join, JoinKind, Plan};
use crate::secret::Secret;
use crate::trust;
use crate::ui::Progress;
use std::time::{Duration, Instant};

/// How long the first node may take until it is Ready where nobody has named a network plugin: what is on the image needs no longer.
const NETWORK: Duration = Duration::from_secs(40);

/// What the hosts of one run have in common.
pub(super) struct Hosts<'a> {
    inventory: &'a Inventory,
    cni: Option<Vec<Manifest>>,
    manifests: Vec<Manifest>,
    super_admin: Secret<String>,
    progress: Progress,
    parallelism: std::num::NonZeroUsize,
}

impl<'a> Hosts<'a> {
    /// Reads what is brought to the cluster before anything is begun: a mistake in it must not be found half-way.
    pub(super) fn new(applying: &'a mut Applying<'_>) -> Result<Self, Error> {
        let mut store = applying.unlock()?;
        let (pipeline, now) = (&applying.pipeline, applying.pipeline.now);
        let kubeconfig =
            trust::ensure_break_glass(&mut store, &pipeline.inventory, now).map_err(Error::hinted)?;
        let super_admin = store.get(&kubeconfig.secret.name).map_err(Error::hinted)?;
        let settings = &pipeline.inventory.bootstrap;
        let cni = settings.cni.as_deref().map(manifests::read).transpose().map_err(Error::hinted)?;
        let mut further = Vec::new();
        for path in &settings.manifests {
            further.extend(manifests::read(path).map_err(Error::hinted)?);
        }
        Ok(Self {
            inventory: &pipeline.inventory,
            cni,
            manifests: further,
            super_admin,
            progress: Progress::start(
                applying.output.clone(),
                applying.global.progress,
                applying.global.quiet,
            ),
            parallelism: applying.global.parallelism,
        })
    }

    /// Makes nodes of all hosts of the plan.
    pub(super) fn join(&self, plan: &Plan, reach: &mut Reach) -> Result<(), Error> {
        let listener = |event: Event| {
            signal::note(&event);
            self.progress.emit(&event);
        };
        let engine = self.engine(&listener);
        let of = |kind| plan.joins.iter().filter(|join| join.kind == kind).collect::<Vec<&Join>>();
        engine.members(&of(JoinKind::Etcd), reach).map_err(|error| stopped(plan, error))?;
        let control_planes =
            plan.joins.iter().filter(|join| matches!(join.kind, JoinKind::Init | JoinKind::ControlPlane));
        for join in control_planes {
            engine.control_plane(join, reach).map_err(|error| hosts(vec![(join.node.clone(), error)]))?;
            if join.kind == JoinKind::Init {
                self.network(join, reach, &listener)?;
            }
        }
        let failed: Vec<_> = engine
            .workers(&of(JoinKind::Worker), reach)
            .into_iter()
            .filter_map(|(node, result)| Some((node, result.err()?)))
            .collect();
        if !failed.is_empty() {
            return Err(hosts(failed));
        }
        for join in &plan.joins {
            self.label(join, reach)?;
        }
        wait_until_ready(plan, reach, &listener)?;
        if let Some(first) = plan.joins.iter().find(|join| join.kind == JoinKind::Init) {
            apply(&first.node, reach, &self.manifests, &listener)?;
        }
        Ok(())
    }

    fn engine<'e>(&'e self, listener: &'e Listener<'e>) -> Bootstrap<'e> {
        let endpoint = self.inventory.api_endpoint();
        let (host, port) = endpoint.rsplit_once(':').unwrap_or((&endpoint, "6443"));
        Bootstrap {
            endpoint: Probe {
                tls: true,
                host: host.trim_matches(['[', ']']).to_owned(),
                port: port.parse().unwrap_or(6443),
                path: String::from("/readyz"),
            },
            topology: self.inventory.etcd.topology,
            members: self.inventory.with_role(Role::Etcd).map(|node| node.name.clone()).collect(),
            super_admin: Some(self.super_admin.clone()),
            parallelism: self.parallelism,
            listener,
            interrupted: &signal::interrupted,
        }
    }

    /// The network plugin, so that nodes become Ready while others still join; without one in the inventory it has to be on the
    /// hosts already.
    fn network(&self, join: &Join, reach: &Reach, listener: &Listener<'_>) -> Result<(), Error> {
        if let Some(cni) = &self.cni {
            return apply(&join.node, reach, cni, listener);
        }
        let gate = Gate::NodeReady { node: join.node.clone() };
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
        Err(Error::hinted(BootstrapVerbError::NoNetwork { reason }).code(ExitCode::Stopped))
    }

    fn label(&self, join: &Join, reach: &Reach) -> Result<(), Error> {
        let node = self.inventory.node(&join.node);
        let taints = node.and_then(|node| node.taints.as_deref());
        if join.kind == JoinKind::Etcd || (join.labels.is_empty() && taints.is_none()) {
            return Ok(());
        }
        let set = reach.any_api(&join.node, |api| api.set_node(join.node.as_str(), &join.labels, taints));
        set.map(drop).map_err(|source| {
            let error = BootstrapError::Node { node: join.node.clone(), source: Box::new(source) };
            hosts(vec![(join.node.clone(), error)])
        })
    }
}

fn apply(node: &NodeName, reach: &Reach, objects: &[Manifest], listener: &Listener<'_>) -> Result<(), Error> {
    if objects.is_empty() {
        return Ok(());
    }
    let counts = apply_manifests(reach, node, objects, listener)
        .map_err(|error| Error::hinted(error).code(ExitCode::Stopped))?;
    let ManifestCounts { created, changed, unchanged } = counts;
    let step = format!("manifests: {created} made, {changed} changed, {unchanged} as they were");
    listener(Event::Cluster { step });
    Ok(())
}

fn wait_until_ready(plan: &Plan, reach: &Reach, listener: &Listener<'_>) -> Result<(), Error> {
    let joined = plan.joins.iter().filter(|join| join.kind != JoinKind::Etcd);
    let gates: Vec<Gate> = joined.map(|join| Gate::NodeReady { node: join.node.clone() }).collect();
    let mut access = reach;
    health::wait(&gates, &mut access, &pace(), listener, &signal::interrupted).map_err(|source| {
        let node = source.node().clone();
        let error = BootstrapError::Gate { node: node.clone(), source: Box::new(source) };
        hosts(vec![(node, error)])
    })
}

/// Nothing was restarted that could crash a moment later.
fn pace() -> Pace {
    Pace { stable: Duration::ZERO, steady: Duration::ZERO, ..Pace::default() }
}

fn stopped(plan: &Plan, error: BootstrapError) -> Error {
    let first = plan.joins.iter().map(|join| join.node.clone()).next();
    hosts(first.map(|node| (node, error)).into_iter().collect())
}

/// What has joined stays; the next run goes on from there.
fn hosts(failed: Vec<(NodeName, BootstrapError)>) -> Error {
    let code = if failed.iter().any(|(_, error)| matches!(error, BootstrapError::Interrupted { .. })) {
        ExitCode::Interrupted
    } else {
        ExitCode::Stopped
    };
    Error::hinted(BootstrapVerbError::Hosts { failed }).code(code)
}
