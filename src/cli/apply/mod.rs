//! `harden apply`: make the nodes match. Without a file it plans, asks once and goes through all stages; with one it does
//! exactly what was reviewed. It ends with a summary, or with `-o json` with one document and nothing else.

mod accept;
mod error;
mod outcome;
mod safeguards;

pub use error::ApplyError;
pub use safeguards::Safeguards;

use super::materials::Held;
use super::pipeline::{Keep, Observation, Pipeline};
use super::{Error, Format, Global, Parts, keys, plan as plan_verb, process, show, signal};
use crate::apply::{self, Report, Run};
use crate::error::{Chain, ExitCode};
use crate::health::preflight::Preflight;
use crate::plan::{Authority, Operation, Plan};
use crate::resource::SecretRef;
use crate::store::{KeySource, SecretKind, Unlocked, random_key_base64};
use crate::ui::{self, Applied, Output, Progress, count};
use clap::Args;
use safeguards::Rollback;
use std::path::PathBuf;
use std::time::Instant;

/// More stages than any procedure has: a run that plans the same again and again must end.
const MOST_STAGES: usize = 8;

/// Both secretbox and aescbc take keys of 32 bytes.
const ENCRYPTION_KEY_BYTES: usize = 32;

/// Make the nodes match the inventory, or carry out a saved plan
///
/// A lock that a run on this machine left on a node when it was killed is broken first, as `harden unlock` would: what is not
/// confirmed is put back, and the nodes are read anew. Without --yes that is asked for. Any other lock is refused.
#[derive(Debug, Clone, Args)]
pub struct Apply {
    /// A plan saved by `harden plan --out`; exactly that is done, as far as it is not stale
    #[arg(value_name = "FILE", conflicts_with_all = ["controls", "targets"])]
    pub file: Option<PathBuf>,

    /// Do not ask; there is no environment variable for it, on purpose
    #[arg(short, long, visible_alias = "auto-approve")]
    pub yes: bool,

    /// Accept this change although it cannot be undone, as in `absent.super-admin-kubeconfig`; `*`, `?` and `[…]` stand for more
    /// than one, and it may be repeated. Without it apply asks for each, and with --yes it refuses
    #[arg(long, value_name = "CHANGE")]
    pub accept: Vec<String>,

    /// How careful.
    #[command(flatten)]
    pub safeguards: Safeguards,

    /// Which part.
    #[command(flatten)]
    pub parts: Parts,
}

/// What the user has agreed to beforehand.
pub(super) struct Consent<'a> {
    /// The plan as a whole.
    pub(super) yes: bool,
    /// Changes that cannot be undone: patterns of resources.
    pub(super) accepted: &'a [String],
}

/// Applies.
pub fn run(arguments: &Apply, global: &Global, output: &Output) -> Result<ExitCode, Error> {
    // A file that is no plan is refused before anything else is looked at.
    let saved = arguments.file.as_deref().map(show::load).transpose()?;
    let pipeline = Pipeline::load(global, &arguments.parts, output)?;
    let consent = Consent { yes: arguments.yes, accepted: &arguments.accept };
    carry_out(&consent, &arguments.safeguards, pipeline, global, output, |applying| match saved {
        Some(mut plan) => {
            applying.set_rollback_after(&mut plan);
            applying.saved(&plan)
        }
        None => applying.all_stages(),
    })
}

/// Does some work as an apply, and tells what came of it.
pub(super) fn carry_out(
    consent: &Consent<'_>,
    safeguards: &Safeguards,
    pipeline: Pipeline,
    global: &Global,
    output: &Output,
    work: impl FnOnce(&mut Applying<'_>) -> Result<ExitCode, Error>,
) -> Result<ExitCode, Error> {
    let record = Applied::new(&pipeline.inventory.cluster.name, pipeline.now);
    let began = Instant::now();
    let mut applying = Applying {
        pipeline,
        global,
        output,
        asked: consent.yes,
        unattended: consent.yes,
        accepted: consent.accepted.to_vec(),
        rollback: safeguards.rollback(),
        skipped: &safeguards.skip_preflight,
        key: None,
        record,
    };
    let result = work(&mut applying);
    let Applying { mut record, .. } = applying;
    // What was applied stays applied, whatever failed behind it.
    let result =
        result.map_err(|error| if record.stages.is_empty() { error } else { error.code(ExitCode::Stopped) });
    record.seconds = began.elapsed().as_secs();
    record.exit_code = result.as_ref().map_or_else(Error::exit_code, |code| *code).number();
    record.error = result.as_ref().err().map(|error| Chain(error).to_string());
    let told = tell(&record, global, output);
    let code = result?;
    told?;
    Ok(code)
}

/// What is prepared on a host that never joins would be half a thing.
fn refuse_hosts(plan: &Plan) -> Result<(), Error> {
    let hosts: Vec<String> = plan.joins.iter().map(|join| join.node.to_string()).collect();
    if hosts.is_empty() { Ok(()) } else { Err(Error::hinted(ApplyError::NoNodes { hosts })) }
}

fn tell(record: &Applied, global: &Global, output: &Output) -> Result<(), Error> {
    let text = match global.output {
        Format::Text => record.summary(),
        Format::Json => Some(ui::json::applied(record)?),
    };
    if let Some(text) = text {
        output.result(&text)?;
    }
    Ok(())
}

/// One run of the verb.
pub(super) struct Applying<'a> {
    pub(super) pipeline: Pipeline,
    pub(super) global: &'a Global,
    pub(super) output: &'a Output,
    /// Whether the user said yes.
    pub(super) asked: bool,
    /// Whether nobody is there to be asked.
    unattended: bool,
    /// What is accepted of what cannot be undone: resources, and patterns of them.
    accepted: Vec<String>,
    /// When nodes put their old state back by themselves.
    rollback: Rollback,
    /// What the user wants to be left aside of what speaks against it.
    skipped: &'a [Preflight],
    /// What opens the store, once it was asked for.
    key: Option<KeySource>,
    pub(super) record: Applied,
}

impl Applying<'_> {
    pub(super) fn all_stages(&mut self) -> Result<ExitCode, Error> {
        for stage in 0..MOST_STAGES {
            if signal::interrupted() {
                self.output.message("interrupted between two stages\n");
                return Ok(ExitCode::Interrupted);
            }
            let (observation, mut plan) = self.observe_and_plan()?;
            if stage == 0 {
                let progress = Progress::start(self.output.clone(), self.global.progress, self.global.quiet);
                self.pipeline.name_refused_pods(&mut plan, &observation, &|event| progress.emit(&event))?;
            }
            self.record.remaining.clone_from(&plan.remaining);
            if stage == 0 || !plan.is_empty() {
                self.show(&plan)?;
            }
            if plan.is_empty() {
                self.record.nothing_left = true;
                return Ok(ExitCode::Success);
            }
            refuse_hosts(&plan)?;
            // What comes in a later stage is refused before the first one is written.
            let is_whole = stage > 0 || plan.remaining.is_empty();
            let whole = if is_whole { None } else { Some(self.pipeline.plan_whole(&observation)?) };
            let no_return = accept::all(&plan, whole.as_ref());
            if stage == 0 {
                self.refuse_unknown_patterns(whole.as_ref().unwrap_or(&plan))?;
            }
            self.refuse_unaccepted(&no_return)?;
            if stage == 0 {
                self.refuse_unfit(&plan, &observation)?;
            }
            self.ask(&plan)?;
            self.ask_for_each(&no_return)?;
            // Keys are made before they are planned with, so that the plan knows their digests.
            let store = self.open_store(&plan)?;
            let plan = self.plan(&observation)?;
            if let Some(failed) = self.execute(&plan, &observation, store) {
                return Ok(failed);
            }
        }
        Err(Error::hinted(ApplyError::NeverEnds).code(ExitCode::Stopped))
    }

    fn saved(&mut self, plan: &Plan) -> Result<ExitCode, Error> {
        let inventory = &self.pipeline.inventory.cluster.name;
        if plan.cluster != *inventory {
            let (plan, inventory) = (plan.cluster.clone(), inventory.clone());
            return Err(Error::hinted(ApplyError::OtherCluster { plan, inventory }));
        }
        refuse_hosts(plan)?;
        let (observation, _) = self.observe_and_plan()?;
        let stale = plan.stale(&observation.nodes);
        if !stale.is_empty() {
            let moved = stale.iter().map(ToString::to_string).collect();
            return Err(Error::hinted(ApplyError::Stale { moved }));
        }
        let reasons = self.pipeline.unproven(plan, &observation);
        if !reasons.is_empty() {
            return Err(Error::hinted(ApplyError::Unproven { reasons }));
        }
        self.as_it_is(plan, &observation)
    }

    /// Shows a plan, asks, and does exactly that.
    pub(super) fn as_it_is(&mut self, plan: &Plan, observation: &Observation) -> Result<ExitCode, Error> {
        self.record.remaining.clone_from(&plan.remaining);
        self.show(plan)?;
        if plan.waves.is_empty() && plan.cluster_changes.is_empty() {
            return Ok(ExitCode::Success);
        }
        let no_return = plan.no_return();
        self.refuse_unknown_patterns(plan)?;
        self.refuse_unaccepted(&no_return)?;
        self.refuse_unfit(plan, observation)?;
        self.ask(plan)?;
        self.ask_for_each(&no_return)?;
        let store = self.open_store(plan)?;
        Ok(self.execute(plan, observation, store).unwrap_or(ExitCode::Success))
    }

    /// Reads the nodes as they are.
    pub(super) fn observe(&self) -> Result<Observation, Error> {
        let progress = Progress::start(self.output.clone(), self.global.progress, self.global.quiet);
        self.pipeline.observe(Keep::All, &|event| progress.emit(&event))
    }

    fn observe_and_plan(&mut self) -> Result<(Observation, Plan), Error> {
        let observation = self.observe_settled()?;
        let plan = self.plan(&observation)?;
        if plan.unreachable.is_empty() {
            return Ok((observation, plan));
        }
        self.show(&plan)?;
        let (nodes, done) = (plan.unreachable.len(), self.record.stages.len());
        self.record.unreachable = plan.unreachable;
        Err(Error::hinted(ApplyError::Unreachable { nodes, done }))
    }

    fn plan(&self, observation: &Observation) -> Result<Plan, Error> {
        let mut plan = self.pipeline.plan(observation)?;
        self.set_rollback_after(&mut plan);
        Ok(plan)
    }

    pub(super) fn set_rollback_after(&self, plan: &mut Plan) {
        match self.rollback {
            Rollback::AsPlanned => {}
            Rollback::After(time) => plan.set_rollback_after(Some(time.as_secs())),
            Rollback::Never => plan.set_rollback_after(None),
        }
    }

    /// Looks once whether the cluster is fit to be changed, before anybody is asked for a yes that would be in vain.
    fn refuse_unfit(&mut self, plan: &Plan, observation: &Observation) -> Result<(), Error> {
        let mut findings = {
            let progress = Progress::start(self.output.clone(), self.global.progress, self.global.quiet);
            self.pipeline.preflight(plan, observation, &|event| progress.emit(&event))
        };
        self.record.skipped_preflights = findings.skip(self.skipped);
        let skipped = self.record.skipped_preflights.iter();
        let skipped = skipped.map(|refusal| format!("skipped, {refusal}; {}", refusal.remedy));
        if !self.global.quiet {
            for notice in skipped.chain(findings.notices()) {
                self.output.message(&format!("Notice: {}\n", ui::line(&notice)));
            }
        }
        if findings.refusals.is_empty() {
            return Ok(());
        }
        self.record.refusals.clone_from(&findings.refusals);
        Err(Error::hinted(ApplyError::Unfit { refusals: findings.refusals }))
    }

    /// Shows a plan: as a result, or where results are JSON only to whoever will be asked about it.
    pub(super) fn show(&self, plan: &Plan) -> Result<(), Error> {
        let stages_before = self.record.stages.len();
        match self.global.output {
            Format::Text => {
                let view = self.output.view(self.global.verbose > 0);
                self.output.result(&ui::plan::render_stage(plan, stages_before, view))?;
            }
            Format::Json if self.asked => {}
            Format::Json => plan_verb::show_for_question(plan, self.global, self.output),
        }
        Ok(())
    }

    /// Asks once, for this stage and those that it named.
    fn ask(&mut self, plan: &Plan) -> Result<(), Error> {
        if self.asked {
            return Ok(());
        }
        let summary = plan.summary();
        let stages = match plan.remaining.len() {
            0 => String::new(),
            more => format!(" and go on through {}", count(more, "more stage")),
        };
        let question = format!(
            "Change {} on {} of {}{stages}?",
            count(summary.add + summary.change + summary.remove, "resource"),
            count(summary.nodes, "node"),
            plan.cluster
        );
        if !ui::confirm(self.output, &question)? {
            return Err(Error::new(ApplyError::Declined));
        }
        self.asked = true;
        Ok(())
    }

    /// Opens the store where the plan needs a secret, and makes what does not exist yet. From then on the pipeline plans
    /// with the new index.
    pub(super) fn open_store(&mut self, plan: &Plan) -> Result<Option<Unlocked>, Error> {
        let operations = plan.changes().flat_map(|(_, change)| &change.operations);
        let wanted: Vec<_> = operations.flat_map(secrets).collect();
        if wanted.is_empty() {
            return Ok(None);
        }
        let mut store = self.unlock()?;
        for secret in wanted {
            if secret.sha256.is_none() && store.store().secret_ref(&secret.name).is_none() {
                let value = random_key_base64(ENCRYPTION_KEY_BYTES).map_err(Error::hinted)?;
                store
                    .create(&secret.name, SecretKind::EncryptionKey, &value, self.pipeline.now)
                    .map_err(Error::hinted)?;
            }
        }
        self.pipeline.store = self.pipeline.open_store()?;
        Ok(Some(store))
    }

    /// Opens the store; who knows its passphrase is asked once in a run.
    pub(super) fn unlock(&mut self) -> Result<Unlocked, Error> {
        let store = self.pipeline.open_store()?;
        let key = match self.key.take() {
            Some(key) => key,
            None => keys::store_key(&store, self.output)?,
        };
        let store = store.unlock(&key).map_err(Error::hinted)?;
        self.key = Some(key);
        Ok(store)
    }

    /// Does it; the exit code where it did not end well.
    pub(super) fn execute(
        &mut self,
        plan: &Plan,
        observation: &Observation,
        store: Option<Unlocked>,
    ) -> Option<ExitCode> {
        // Only now: until here a signal may end the process at once.
        signal::listen(self.output);
        let report: Report = {
            let progress = Progress::start(self.output.clone(), self.global.progress, self.global.quiet);
            let own = process::own();
            let run = Run {
                fleet: &observation.reach,
                materials: &Held { store, now: self.pipeline.now },
                by: &signal::who(),
                process: own.as_ref(),
                now: self.pipeline.now,
                retention: self.pipeline.inventory.apply.retention,
                listener: &|event| {
                    signal::note(&event);
                    progress.emit(&event);
                },
                interrupted: &signal::interrupted,
            };
            apply::apply(plan, &run)
        };
        outcome::tell(&report, self.output);
        self.record.stages.push(outcome::stage(plan, &report));
        let clean = report.stopped.is_none() && report.exit_code() == ExitCode::Success;
        (!clean).then(|| report.exit_code())
    }
}

/// The secrets that an operation needs.
fn secrets(operation: &Operation) -> &[SecretRef] {
    match operation {
        Operation::Write { content, .. } => &content.secrets,
        Operation::Issue { authority: Authority::Store(pair), .. } => std::slice::from_ref(&pair.key),
        _ => &[],
    }
}
