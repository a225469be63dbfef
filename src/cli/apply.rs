//! `harden apply`: make the nodes match. Without a file it plans, asks once and goes through all stages; with one it does
//! exactly what was reviewed.

use super::materials::Held;
use super::pipeline::{Keep, Observation, Pipeline};
use super::{Error, Global, keys, plan as plan_verb, signal};
use crate::apply::{self, NodeOutcome, Report, Run, Stop};
use crate::error::{Chain, ExitCode, Hint};
use crate::plan::{Operation, Plan, file};
use crate::store::{SecretKind, Unlocked, random_key_base64};
use crate::ui::{self, Output, Progress};
use clap::Args;
use std::path::{Path, PathBuf};

/// More stages than any procedure has: a run that plans the same again and again must end.
const MOST_STAGES: usize = 8;

/// Both secretbox and aescbc take keys of 32 bytes.
const ENCRYPTION_KEY_BYTES: usize = 32;

/// Make the nodes match the inventory, or carry out a saved plan
#[derive(Debug, Clone, Args)]
pub struct Apply {
    /// A plan saved by `harden plan --out`; exactly that is done, as far as it is not stale
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// Do not ask; there is no environment variable for it, on purpose
    #[arg(short, long, visible_alias = "auto-approve")]
    pub yes: bool,
}

/// Why nothing was applied.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// A node could not be read.
    #[error("{0} of the nodes cannot be reached, and nothing was changed")]
    Unreachable(usize),
    /// The user did not say yes.
    #[error("nothing was changed: the answer was not `yes`")]
    Declined,
    /// The plan's file could not be read.
    #[error("read the plan {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The nodes are not as they were when the plan was saved.
    #[error("{} moved since the plan was made, and nothing was changed:\n{}", count, what)]
    Stale {
        /// How many paths.
        count: usize,
        /// Which, a line each.
        what: String,
    },
    /// The plan is of another cluster.
    #[error("the plan is of cluster {plan}, and the inventory of {inventory}")]
    OtherCluster {
        /// The plan's cluster.
        plan: String,
        /// The inventory's cluster.
        inventory: String,
    },
    /// It applied everything and the next plan still had changes, again and again.
    #[error("after {MOST_STAGES} stages there are still changes; the last plan is shown above")]
    NeverEnds,
}

impl Hint for ApplyError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Unreachable(_) => {
                Some(String::from("see `harden plan`; leave them out with --limit '!NODE' if you must"))
            }
            Self::Stale { .. } => Some(String::from("plan again and look at the new plan")),
            Self::NeverEnds => Some(String::from(
                "something else writes the same settings; look for another tool on the nodes",
            )),
            _ => None,
        }
    }
}

/// Applies.
pub fn run(arguments: &Apply, global: &Global, output: &Output) -> Result<ExitCode, Error> {
    let mut pipeline = Pipeline::load(global, output)?;
    if let Some(path) = &arguments.file {
        return apply_file(path, arguments, &mut pipeline, global, output);
    }
    let mut asked = arguments.yes;
    for stage in 0..MOST_STAGES {
        let (observation, plan) = observe_and_plan(&pipeline, global, output)?;
        if stage == 0 || !plan.is_empty() {
            plan_verb::show(&plan, global, output)?;
        }
        if plan.is_empty() {
            return Ok(ExitCode::Success);
        }
        if !asked {
            ask(&plan, output)?;
            asked = true;
        }
        // Keys are made before they are planned with, so that the plan knows their digests.
        let store = open_store(&plan, &mut pipeline, output)?;
        let plan = pipeline.plan(&observation)?;
        let report = execute(&plan, &observation, store, &pipeline, global, output);
        if let Some(failed) = told(&report, output) {
            return Ok(failed);
        }
    }
    Err(Error::hinted(ApplyError::NeverEnds).code(ExitCode::Stopped))
}

fn apply_file(
    path: &Path,
    arguments: &Apply,
    pipeline: &mut Pipeline,
    global: &Global,
    output: &Output,
) -> Result<ExitCode, Error> {
    let text = std::fs::read_to_string(path)
        .map_err(|source| Error::new(ApplyError::Read { path: path.to_owned(), source }))?;
    let plan = file::from_json(&text).map_err(Error::hinted)?;
    let inventory = &pipeline.inventory.cluster.name;
    if plan.cluster != *inventory {
        let (plan, inventory) = (plan.cluster, inventory.clone());
        return Err(Error::new(ApplyError::OtherCluster { plan, inventory }));
    }
    let (observation, _) = observe_and_plan(pipeline, global, output)?;
    let stale = plan.stale(&observation.nodes);
    if !stale.is_empty() {
        let what = stale.iter().map(|moved| format!("  {moved}")).collect::<Vec<_>>().join("\n");
        return Err(Error::hinted(ApplyError::Stale { count: stale.len(), what }));
    }
    plan_verb::show(&plan, global, output)?;
    if plan.waves.is_empty() && plan.cluster_changes.is_empty() {
        return Ok(ExitCode::Success);
    }
    if !arguments.yes {
        ask(&plan, output)?;
    }
    let store = open_store(&plan, pipeline, output)?;
    let report = execute(&plan, &observation, store, pipeline, global, output);
    if let Some(failed) = told(&report, output) {
        return Ok(failed);
    }
    if let Some(next) = plan.remaining.first() {
        output.message(&format!("Applied. The next stage is {}: plan again.\n", next.name));
    }
    Ok(ExitCode::Success)
}

fn observe_and_plan(
    pipeline: &Pipeline,
    global: &Global,
    output: &Output,
) -> Result<(Observation, Plan), Error> {
    let progress = Progress::start(output.clone(), global.progress, global.quiet);
    let observation = pipeline.observe(Keep::All, &|event| progress.emit(&event))?;
    let plan = pipeline.plan(&observation)?;
    drop(progress);
    if plan.unreachable.is_empty() {
        return Ok((observation, plan));
    }
    plan_verb::show(&plan, global, output)?;
    Err(Error::hinted(ApplyError::Unreachable(plan.unreachable.len())))
}

/// Asks once, for this stage and those that it named.
fn ask(plan: &Plan, output: &Output) -> Result<(), Error> {
    let summary = plan.summary();
    let stages = match plan.remaining.len() {
        0 => String::new(),
        more => format!(" and go on through {more} more stages"),
    };
    let question = format!(
        "Change {} resources on {} nodes of {}{stages}? Only `yes` is taken: ",
        summary.add + summary.change + summary.remove,
        summary.nodes,
        plan.cluster
    );
    if ui::confirm(output, &question)? { Ok(()) } else { Err(Error::new(ApplyError::Declined)) }
}

/// Opens the store where the plan needs a secret, and makes what does not exist yet. From then on the pipeline plans with
/// the new index.
fn open_store(plan: &Plan, pipeline: &mut Pipeline, output: &Output) -> Result<Option<Unlocked>, Error> {
    let wanted: Vec<_> = plan
        .changes()
        .flat_map(|(_, change)| &change.operations)
        .filter_map(|operation| match operation {
            Operation::Write { content, .. } => Some(&content.secrets),
            _ => None,
        })
        .flatten()
        .collect();
    if wanted.is_empty() {
        return Ok(None);
    }
    let store = pipeline.open_store()?;
    let key = keys::store_key(&store, output)?;
    let mut store = store.unlock(&key).map_err(Error::hinted)?;
    for secret in wanted {
        if secret.sha256.is_none() && store.store().secret_ref(&secret.name).is_none() {
            let value = random_key_base64(ENCRYPTION_KEY_BYTES).map_err(Error::hinted)?;
            store
                .create(&secret.name, SecretKind::EncryptionKey, &value, pipeline.now)
                .map_err(Error::hinted)?;
        }
    }
    pipeline.store = pipeline.open_store()?;
    Ok(Some(store))
}

fn execute(
    plan: &Plan,
    observation: &Observation,
    store: Option<Unlocked>,
    pipeline: &Pipeline,
    global: &Global,
    output: &Output,
) -> Report {
    // Only now: until here a signal may end the process at once.
    signal::listen();
    let progress = Progress::start(output.clone(), global.progress, global.quiet);
    let run = Run {
        fleet: &observation.reach,
        materials: &Held { store, now: pipeline.now },
        by: &signal::who(),
        now: pipeline.now,
        listener: &|event| progress.emit(&event),
        interrupted: &signal::interrupted,
    };
    apply::apply(plan, &run)
}

/// Says how it ended; the exit code where it did not end well.
fn told(report: &Report, output: &Output) -> Option<ExitCode> {
    for (node, outcome) in &report.nodes {
        let (verdict, errors) = match outcome {
            NodeOutcome::Applied | NodeOutcome::NotBegun => continue,
            NodeOutcome::Untouched(error) => ("was not changed", vec![error]),
            NodeOutcome::RolledBack(error) => ("was rolled back and is healthy", vec![error]),
            NodeOutcome::Broken { error, rollback } => (
                "NEEDS A HUMAN: the old state is not proven to be back",
                std::iter::once(error).chain(rollback).collect(),
            ),
        };
        output.message(&format!("{node} {verdict}\n"));
        for error in errors {
            ui::report(output, error, &error.hint().into_iter().collect::<Vec<_>>());
        }
    }
    match report.stopped.as_ref()? {
        Stop::Node => {}
        Stop::Gate(error) => output.message(&format!("the stage is not done: {}\n", Chain(error))),
        Stop::Cluster { subject, source } => {
            output.message(&format!("the stage is not done: {subject}: {}\n", Chain(source.as_ref())));
        }
        Stop::Interrupted => {
            output.message("interrupted: what had begun was finished, nothing else was begun\n");
        }
    }
    let not_begun = report.nodes.values().filter(|outcome| matches!(outcome, NodeOutcome::NotBegun)).count();
    if not_begun > 0 {
        output.message(&format!("{not_begun} nodes were not begun\n"));
    }
    Some(report.exit_code())
}
