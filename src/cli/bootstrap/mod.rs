//! `harden bootstrap`: hosts become nodes of a cluster that was never without its hardening. Everything that can be there before
//! kubeadm comes is applied as ever, then kubeadm runs on one host after the other, and at the end the ordinary plan is empty.

mod brought;
mod error;
mod hosts;
mod members;
mod reset;

pub use error::BootstrapVerbError;

use super::apply::{Applying, Consent, Safeguards, carry_out};
use super::pipeline::{Observation, Pipeline};
use super::{Error, Global, Parts, doctor, signal};
use crate::doctor::Check;
use crate::error::ExitCode;
use crate::inventory::{Node, NodeName};
use crate::plan::{ClusterChange, ClusterOperation, Join, JoinKind, Plan};
use crate::store::Unlocked;
use crate::trust;
use crate::ui::{self, Output, Progress, View, count};
use brought::Brought;
use clap::Args;
use hosts::Hosts;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Make a cluster of blank hosts, hardened from its first second, or add hosts to one
///
/// Every host of the inventory that is no node yet becomes one. The hosts have systemd, a container runtime, kubeadm, kubelet and
/// their images; everything else comes from here: CAs and certificates from the store beside the inventory, files and kernel
/// parameters from the templates, kubeadm's configuration with the same flags that `harden apply` keeps. What was interrupted goes
/// on where it was when it is run again; a lock that a run on this machine left when it was killed is broken first, as `harden unlock`
/// would. Nodes that exist are not touched, and a host of another cluster is refused. A host more of an
/// external etcd becomes a learner while all other members are healthy, and votes when it has caught up; the next `harden apply` tells
/// the API servers.
#[derive(Debug, Clone, Args)]
pub struct Bootstrap {
    /// Do not ask; there is no environment variable for it, on purpose
    #[arg(short, long)]
    pub yes: bool,

    /// Take off this host first what an earlier attempt left on it; may be repeated. Without it that is finished
    #[arg(long, value_name = "HOST")]
    pub reset: Vec<String>,

    /// Accept what this check of `harden doctor` finds fatal; may be repeated. kubeadm looks for itself on each host: what it may find
    /// there is `[bootstrap] ignore-preflight-errors` of the inventory, by its own names
    #[arg(long, value_name = "NAME", value_enum)]
    pub skip: Vec<Check>,
}

/// Bootstraps.
pub fn run(arguments: &Bootstrap, global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let pipeline = Pipeline::load(global, &Parts::default(), output)?;
    let consent = Consent { yes: arguments.yes, accepted: &[] };
    // On a host with nothing to lose the way back is still there for whoever would be locked out of it.
    let safeguards =
        Safeguards { no_rollback_timer: false, rollback_after: None, skip_preflight: Vec::new() };
    carry_out(&consent, &safeguards, pipeline, global, output, |applying| begin(applying, arguments))
}

fn begin(applying: &mut Applying<'_>, arguments: &Bootstrap) -> Result<ExitCode, Error> {
    let brought = Brought::read(&applying.pipeline.inventory.bootstrap)?;
    if applying.pipeline.store.pki().map_err(Error::hinted)?.is_none() {
        refuse_members(applying)?;
    }
    applying.pipeline.store.refuse_unsealed_pki().map_err(Error::hinted)?;
    // Its index tells plans what there is; with a cluster that is yet to be made it is made first.
    let mut store = applying.unlock()?;
    let made = make_authorities(applying, &mut store)?;
    applying.pipeline.store = applying.pipeline.open_store()?;
    if !made.is_empty() && !applying.global.quiet {
        let names = made.join(", ");
        applying.output.message(&format!("made in the store beside the inventory: {names}\n"));
    }
    let mut observation = applying.observe_settled()?;
    if !arguments.reset.is_empty() {
        reset::reset(&arguments.reset, applying, &observation)?;
        observation = applying.observe()?;
    }
    let plan = applying.pipeline.plan_hosts(&observation)?;
    refuse_unread(applying, &plan)?;
    refuse_locked(&plan, &observation)?;
    drop(store);
    let brought = if plan.joins.iter().any(|join| join.kind == JoinKind::Init) {
        brought
    } else {
        let Pipeline { inventory, limit, .. } = &applying.pipeline;
        brought.missing(inventory, limit, &observation.reach)?
    };
    if plan.joins.is_empty() {
        applying.output.message("every host of the inventory is a node already\n");
        ask_for_rest(applying, &brought)?;
    } else {
        refuse_unfit(applying, &plan, &arguments.skip)?;
        applying.show(&plan)?;
        ask(applying, &plan)?;
    }
    signal::listen(applying.output);
    let rest = match prepare(applying, &plan, &mut observation)? {
        ControlFlow::Continue(rest) => rest,
        ControlFlow::Break(code) => return Ok(code),
    };
    members::whole(applying, &rest, &observation.reach)?;
    Hosts::new(applying, brought)?.join(&rest, &mut observation.reach)?;
    drop(observation);
    finish(applying, &plan)
}

/// Brings to the hosts everything that can be there before they join. Members that join an etcd which runs are whole before that: the
/// others are looked at anew then. Breaks with the exit code where one could not be prepared.
fn prepare(
    applying: &mut Applying<'_>,
    plan: &Plan,
    observation: &mut Observation,
) -> Result<ControlFlow<ExitCode, Plan>, Error> {
    match members::grow(applying, plan, observation)? {
        ControlFlow::Continue(0) => {}
        ControlFlow::Continue(_) => *observation = applying.observe()?,
        ControlFlow::Break(code) => return Ok(ControlFlow::Break(code)),
    }
    let plan = applying.pipeline.plan_hosts(observation)?;
    members::begin(applying, &plan, &observation.reach)?;
    // Keys are made before they are planned with, so that the plan knows their digests.
    let secrets = applying.open_store(&plan)?;
    let plan = applying.pipeline.plan_hosts(observation)?;
    if !plan.waves.is_empty()
        && let Some(code) = applying.execute(&plan, observation, secrets)
    {
        return Ok(ControlFlow::Break(code));
    }
    Ok(ControlFlow::Continue(plan))
}

/// What kubeadm could not be told is applied as ever; where nothing is left this shows it. A node that was there before is not
/// touched, whatever the inventory asks for it meanwhile: nobody was asked about that.
fn finish(applying: &mut Applying<'_>, joined: &Plan) -> Result<ExitCode, Error> {
    if joined.joins.iter().any(|join| join.kind == JoinKind::Init) {
        return applying.all_stages();
    }
    let joined: BTreeSet<NodeName> = joined.joins.iter().map(|join| join.node.clone()).collect();
    let observation = applying.observe_settled()?;
    let rest = applying.pipeline.plan(&observation)?;
    drop(observation);
    if !touches_others(&rest, &joined) {
        return applying.all_stages();
    }
    applying.output.message(
        "nodes that were there before are not as declared: `harden plan` shows how, and `harden apply` changes them\n",
    );
    if joined.is_empty() {
        return Ok(ExitCode::Success);
    }
    applying.pipeline.limit = joined;
    applying.all_stages()
}

/// Whether a plan is about more than these nodes and kubeadm's records.
fn touches_others(plan: &Plan, nodes: &BTreeSet<NodeName>) -> bool {
    let is_record =
        |change: &ClusterChange| matches!(change.operation, ClusterOperation::ReplaceConfigMapKey { .. });
    !plan.remaining.is_empty()
        || !plan.changes().all(|(node, _)| nodes.contains(node))
        || !plan.cluster_changes.iter().all(is_record)
}

/// New CAs beside the inventory of a cluster that has its own would be in the way of every plan from then on.
fn refuse_members(applying: &Applying<'_>) -> Result<(), Error> {
    let observation = applying.observe()?;
    let joining = applying.pipeline.joining(&observation).nodes;
    let members = observation.nodes.into_keys().filter(|node| !joining.contains(node));
    let nodes: Vec<String> = members.map(|node| node.to_string()).collect();
    if nodes.is_empty() { Ok(()) } else { Err(Error::hinted(BootstrapVerbError::NotTakenOver { nodes })) }
}

/// Makes CAs, key pair and the kubeconfig for emergencies where they are missing; returns what was made.
fn make_authorities(applying: &Applying<'_>, store: &mut Unlocked) -> Result<Vec<String>, Error> {
    let (pipeline, now) = (&applying.pipeline, applying.pipeline.now);
    let missing = trust::missing(store.store(), &pipeline.inventory.pki, now).map_err(Error::hinted)?;
    let mut made: Vec<String> = missing.iter().map(|secret| secret.name.clone()).collect();
    store.create_all(&missing, now).map_err(Error::hinted)?;
    let kubeconfig = trust::ensure_break_glass(store, &pipeline.inventory, now).map_err(Error::hinted)?;
    made.extend(kubeconfig.is_new.then_some(kubeconfig.secret.name));
    Ok(made)
}

fn refuse_unread(applying: &mut Applying<'_>, plan: &Plan) -> Result<(), Error> {
    if plan.unreachable.is_empty() {
        return Ok(());
    }
    applying.show(plan)?;
    let hosts = plan.unreachable.len();
    applying.record.unreachable.clone_from(&plan.unreachable);
    Err(Error::hinted(BootstrapVerbError::Unreachable { hosts }))
}

/// A host that somebody's transaction holds may have everything already, and lose it again when that is put back: nothing would be
/// planned there that its lock could refuse.
fn refuse_locked(plan: &Plan, observation: &Observation) -> Result<(), Error> {
    let locked = |join: &Join| {
        let state = observation.transactions.get(&join.node).filter(|state| state.lock.is_some())?;
        let owner = state.holder().map(|holder| holder.owner.clone()).filter(|owner| !owner.is_empty());
        let owner = owner.unwrap_or_else(|| String::from("something that is gone"));
        Some(BootstrapVerbError::Locked { host: join.node.clone(), owner })
    };
    plan.joins.iter().find_map(locked).map_or(Ok(()), |error| Err(Error::hinted(error)))
}

/// Looks at the hosts once, before anybody is asked for a yes that would be in vain.
fn refuse_unfit(applying: &Applying<'_>, plan: &Plan, skipped: &[Check]) -> Result<(), Error> {
    let Applying { pipeline, global, output, .. } = applying;
    let inventory = &pipeline.inventory;
    let hosts: Vec<&Node> = plan.joins.iter().filter_map(|join| inventory.node(&join.node)).collect();
    let mut report = {
        let progress = Progress::start((*output).clone(), global.progress, global.quiet);
        doctor::examine(inventory, &hosts, &pipeline.access, pipeline.parallelism, &|event| {
            progress.emit(&event);
        })
    };
    report.accept(skipped);
    let fatal = report.fatal().count();
    let summary = report.summary();
    if fatal + summary.accepted > 0 {
        let view = View { paint: output.stderr_paint(), ..output.view(false) };
        output.message(&ui::doctor::table(&report, view));
    } else if summary.warnings > 0 && !global.quiet {
        let warnings = count(summary.warnings, "warning");
        output.message(&format!("Notice: the hosts are fit, with {warnings}; `harden doctor` tells them\n"));
    }
    if fatal == 0 { Ok(()) } else { Err(Error::hinted(BootstrapVerbError::Unfit { findings: fatal })) }
}

fn ask(applying: &mut Applying<'_>, plan: &Plan) -> Result<(), Error> {
    let question = format!("Make nodes of {} of {}?", count(plan.joins.len(), "host"), plan.cluster);
    confirm(applying, &question)
}

/// All hosts are nodes, and a run before this one was cut, or the inventory names something new.
fn ask_for_rest(applying: &mut Applying<'_>, brought: &Brought) -> Result<(), Error> {
    let Some(text) = brought.text() else { return Ok(()) };
    applying.output.message(&format!("not in the cluster yet: {}\n", ui::line(&text)));
    let question = format!("Bring that to {}?", applying.pipeline.inventory.cluster.name);
    confirm(applying, &question)
}

fn confirm(applying: &mut Applying<'_>, question: &str) -> Result<(), Error> {
    if applying.asked {
        return Ok(());
    }
    if !ui::confirm(applying.output, question)? {
        return Err(Error::new(BootstrapVerbError::Declined));
    }
    applying.asked = true;
    Ok(())
}
