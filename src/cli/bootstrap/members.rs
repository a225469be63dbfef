//! Members of an external etcd on the way from hosts to an etcd that is whole. One that joins those that run is finished before the next
//! one, and before anything that would ask it: etcd takes one without a vote at a time, and names are rendered from who is there.

use super::hosts::failed;
use crate::bootstrap::{BootstrapError, Members, NewMember};
use crate::cli::apply::Applying;
use crate::cli::pipeline::Observation;
use crate::cli::{Error, members, signal};
use crate::error::ExitCode;
use crate::event::Event;
use crate::health::Reach;
use crate::inventory::{EtcdTopology, NodeName, Role};
use crate::plan::{Join, JoinKind, Plan};
use crate::ui::Progress;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Makes members of the hosts whose member joins an etcd that runs, one after the other. Returns how many there were; breaks
/// with the exit code where one could not be prepared.
pub(super) fn grow(
    applying: &mut Applying<'_>,
    plan: &Plan,
    observation: &mut Observation,
) -> Result<ControlFlow<ExitCode, usize>, Error> {
    let new = newcomers(applying, plan, observation);
    for (join, member) in &new {
        with(applying, &member.node, |engine| {
            engine.begin(join, &observation.reach)?;
            engine.announce(member, &observation.reach)
        })?;
        let inventory = &applying.pipeline.inventory;
        observation.etcd_joins = members::joins(inventory, &observation.nodes, &observation.reach);
        let alone = || BTreeSet::from([member.node.clone()]);
        let plan = applying.pipeline.plan_these_hosts(observation, alone())?;
        let secrets = applying.open_store(&plan)?;
        let plan = applying.pipeline.plan_these_hosts(observation, alone())?;
        if !plan.waves.is_empty()
            && let Some(code) = applying.execute(&plan, observation, secrets)
        {
            return Ok(ControlFlow::Break(code));
        }
        with(applying, &member.node, |engine| {
            engine.promote(member, &observation.reach)?;
            engine.end(join, &observation.reach)
        })?;
    }
    Ok(ControlFlow::Continue(new.len()))
}

/// Marks hosts before anything is written to them: a run that is cut leaves hosts that the next one finds.
pub(super) fn begin(applying: &Applying<'_>, plan: &Plan, reach: &Reach) -> Result<(), Error> {
    plan.joins.iter().try_for_each(|join| with(applying, &join.node, |engine| engine.begin(join, reach)))
}

/// Waits until the members that began together are whole.
pub(super) fn whole(applying: &Applying<'_>, plan: &Plan, reach: &Reach) -> Result<(), Error> {
    let joins: Vec<&Join> = plan.joins.iter().filter(|join| join.kind == JoinKind::Etcd).collect();
    let Some(first) = joins.first() else { return Ok(()) };
    with(applying, &first.node, |engine| engine.whole(&joins, reach))
}

fn with(
    applying: &Applying<'_>,
    node: &NodeName,
    work: impl FnOnce(&Members<'_>) -> Result<(), BootstrapError>,
) -> Result<(), Error> {
    let progress = Progress::start(applying.output.clone(), applying.global.progress, applying.global.quiet);
    let listener = |event: Event| {
        signal::note(&event);
        progress.emit(&event);
    };
    let all = applying.pipeline.inventory.with_role(Role::Etcd).map(|node| node.name.clone()).collect();
    let engine = Members { all, listener: &listener, interrupted: &signal::interrupted };
    work(&engine).map_err(|error| failed(vec![(node.clone(), error)]))
}

/// The hosts whose member joins an etcd that runs. Those that it knows already come first: it would take no other one as long as they
/// are not finished.
fn newcomers<'p>(
    applying: &Applying<'_>,
    plan: &'p Plan,
    observation: &Observation,
) -> Vec<(&'p Join, NewMember)> {
    let inventory = &applying.pipeline.inventory;
    if inventory.etcd.topology != EtcdTopology::External {
        return Vec::new();
    }
    let member = |join: &'p Join| {
        let node = inventory.node(&join.node).filter(|node| node.roles.contains(&Role::Etcd))?;
        let has_data = observation.nodes.get(&join.node).is_some_and(members::has_data);
        Some((join, NewMember { node: join.node.clone(), peer_url: node.etcd_peer_url(), has_data }))
    };
    let mut new: Vec<_> = plan.joins.iter().filter_map(member).collect();
    if new.is_empty() {
        return new;
    }
    let Some(running) = members::running_etcd(inventory, &observation.nodes, &observation.reach) else {
        return Vec::new();
    };
    let is_known =
        |new: &NewMember| running.members.iter().any(|member| member.peer_urls.contains(&new.peer_url));
    new.sort_by_key(|(_, member)| !is_known(member));
    new
}
