//! `harden unlock`: the locks that applies left behind are shown, and after one yes every transaction that holds one is brought
//! to its end by the node's own rollback.

use super::nodes::Nodes;
use super::{Error, Format, Global};
use crate::apply::{self, UnlockError, Unlocked};
use crate::error::{Chain, ExitCode, Hint};
use crate::event::{Listener, Outcome};
use crate::inventory::{Node, NodeName, Role};
use crate::observe::fleet;
use crate::remote::{self, Access};
use crate::status::{Consequence, Depth, Report};
use crate::ui::status::{UnlockEnd, UnlockedNode};
use crate::ui::{self, Output, Progress, count};
use clap::Args;
use std::collections::BTreeMap;
use std::num::NonZeroUsize;

/// Break the locks that applies left behind: what is not confirmed is put back
///
/// Shows for every locked node who locked it and when, whether it still runs, and what unlocking does: a transaction that is
/// not confirmed is put back by the node's own rollback, a confirmed one stays. Control planes are unlocked one by one. Exits
/// with 0 when nothing is locked any more, with 1 where a node was not unlocked or could not be read, and with 4 where the old
/// state is not proven to be back.
#[derive(Debug, Clone, Args)]
pub struct Unlock {
    /// Do not ask; there is no environment variable for it, on purpose
    #[arg(short, long)]
    pub yes: bool,
}

/// The user did not say yes.
#[derive(Debug, thiserror::Error)]
#[error("nothing was unlocked: the answer was not `yes`")]
struct Declined;

/// Shows, asks, unlocks, tells.
pub fn run(arguments: &Unlock, global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let nodes = Nodes::load(global, output)?;
    let report = {
        let progress = Progress::start(output.clone(), global.progress, global.quiet);
        nodes.status(Depth::Last, &|event| progress.emit(&event))
    };
    let view = output.view(global.verbose > 0);
    match global.output {
        Format::Text => {
            output.result(&ui::status::locks(&report, view))?;
        }
        Format::Json if arguments.yes => {}
        Format::Json => output.message(&ui::status::locks(&report, view)),
    }
    let locks = locks(&report);
    let ready = locks.values().filter(|target| target.is_some()).count();
    if ready > 0 && !arguments.yes {
        let question = format!("Unlock {} of {}?", count(ready, "node"), report.cluster);
        if !ui::confirm(output, &question)? {
            return Err(Error::new(Declined));
        }
    }
    let ends = {
        let progress = Progress::start(output.clone(), global.progress, global.quiet);
        let selected: Vec<&Node> =
            nodes.selected().into_iter().filter(|node| locks.contains_key(&node.name)).collect();
        let way = Way {
            access: &nodes.access,
            parallelism: nodes.parallelism,
            step: "unlock",
            listener: &|event| progress.emit(&event),
        };
        unlock(&selected, &locks, &way)
    };
    match global.output {
        Format::Text if ends.is_empty() => {}
        Format::Text => {
            output.result(&ui::status::unlocked(&ends, view))?;
        }
        Format::Json => {
            output.result(&ui::status::unlocked_json(&report, &ends)?)?;
        }
    }
    Ok(exit_code(&ends, report.unreachable.len()))
}

/// Where the locks lead; `None` for one that cannot be broken, since harden did not make it.
fn locks(report: &Report) -> BTreeMap<NodeName, Option<String>> {
    let of = |node: &crate::status::NodeStatus| {
        let lock = node.state.lock.as_ref()?;
        let is_ours = node.state.consequence() != Some(Consequence::Nothing);
        Some((node.node.clone(), lock.target.clone().filter(|_| is_ours)))
    };
    report.nodes.iter().filter_map(of).collect()
}

/// How nodes are reached, and what users read of it meanwhile.
pub(super) struct Way<'a> {
    pub(super) access: &'a Access,
    pub(super) parallelism: NonZeroUsize,
    /// In the imperative.
    pub(super) step: &'a str,
    pub(super) listener: &'a Listener<'a>,
}

/// Control planes one after the other, and none after one that failed; then the others together.
pub(super) fn unlock(
    selected: &[&Node],
    locks: &BTreeMap<NodeName, Option<String>>,
    way: &Way<'_>,
) -> Vec<UnlockedNode> {
    let target = |node: &Node| locks.get(&node.name).cloned().flatten();
    let (planes, others): (Vec<&Node>, Vec<&Node>) = selected
        .iter()
        .copied()
        .filter(|node| target(node).is_some())
        .partition(|node| node.roles.contains(&Role::ControlPlane));
    let mut groups: Vec<Vec<&Node>> = planes.into_iter().map(|node| vec![node]).collect();
    groups.push(others);
    let mut results: BTreeMap<NodeName, Result<Unlocked, UnlockError>> = BTreeMap::new();
    for group in groups {
        if results.values().any(Result::is_err) {
            break;
        }
        results.extend(fleet::each_node(
            &group,
            way.parallelism,
            way.step,
            |node| {
                let mut session = remote::connect(node, way.access)?;
                apply::unlock(session.as_mut(), &target(node).unwrap_or_default())
            },
            |unlocked| Outcome::Finished(ended(*unlocked).words().to_owned()),
            way.listener,
        ));
    }
    let end = |node: &Node| {
        let (outcome, error) = match results.get(&node.name) {
            Some(Ok(unlocked)) => (ended(*unlocked), None),
            Some(Err(error)) => {
                let outcome = if error.needs_human() { UnlockEnd::NeedsHuman } else { UnlockEnd::Locked };
                let hint = error.hint().map(|hint| format!(" (hint: {hint})")).unwrap_or_default();
                (outcome, Some(format!("{}{hint}", Chain(error))))
            }
            None if target(node).is_none() => (UnlockEnd::Locked, None),
            None => (UnlockEnd::NotBegun, None),
        };
        UnlockedNode { node: node.name.clone(), outcome, error }
    };
    selected.iter().copied().map(end).collect()
}

fn ended(unlocked: Unlocked) -> UnlockEnd {
    match unlocked {
        Unlocked::PutBack => UnlockEnd::PutBack,
        Unlocked::Kept => UnlockEnd::Kept,
        Unlocked::Untouched => UnlockEnd::Untouched,
        Unlocked::Removed => UnlockEnd::Removed,
        Unlocked::Free => UnlockEnd::Free,
    }
}

fn exit_code(ends: &[UnlockedNode], unreachable: usize) -> ExitCode {
    match () {
        () if ends.iter().any(|end| end.outcome == UnlockEnd::NeedsHuman) => ExitCode::NeedsHuman,
        () if unreachable > 0 || ends.iter().any(|end| !end.outcome.is_free()) => ExitCode::Error,
        () => ExitCode::Success,
    }
}
