//! One node's transaction: gates before, the change, gates after, confirmation by a new login; or the way back. It
//! never leaves a node without having said which of the two it was.

use super::material::{self, Payload};
use super::owner::{self, Holder, Owner};
use super::report::Phase;
use super::report::{NodeError, NodeOutcome};
use super::script::{self, End, code};
use super::{Run, STABLE, authority, drain};
use crate::error::Chain;
use crate::event::{Event, Outcome};
use crate::health::HealthError;
use crate::inventory::NodeName;
use crate::plan::{Gate, NodePlan, deadline, manifest};
use crate::remote::{Reply, Script};
use crate::resource::{Applied, Kind};
use std::time::{Duration, Instant};

/// Between two attempts to reach a node that was lost.
const RECONNECT_PAUSE: Duration = Duration::from_secs(10);
/// A script that does nothing, over a connection that may be dead.
const ALIVE: Duration = Duration::from_secs(10);

/// The steps, as users read them in progress and errors.
const CHANGE: &str = "change files and restart what they need";
const RESTART: &str = "restart units";
const LOG_IN: &str = "log in anew";
const CONFIRM: &str = "confirm";

/// Changes one node, or leaves it as it was.
pub(super) fn transact(plan: &NodePlan, run: &Run<'_>) -> NodeOutcome {
    let outcome = Transaction { id: identifier(jiff::Timestamp::now().as_second()), plan, run }.execute();
    let told = match &outcome {
        NodeOutcome::Applied => Outcome::Finished(match plan.changes.len() {
            1 => String::from("1 change applied"),
            count => format!("{count} changes applied"),
        }),
        NodeOutcome::RolledBack(error) => Outcome::RolledBack(Chain(error).to_string()),
        NodeOutcome::Untouched(error) | NodeOutcome::Broken { error, .. } => {
            Outcome::Failed(Chain(error).to_string())
        }
        NodeOutcome::NotBegun => return outcome,
    };
    (run.listener)(Event::Done { node: plan.node.clone(), outcome: told });
    outcome
}

/// Sorts by the time at which it begins, and is unique enough that two controllers never meet in one directory.
fn identifier(now: i64) -> String {
    let mut random = [0; 4];
    // Without randomness the time alone must do: the directory is made with `mkdir`, which refuses an existing one.
    let _ = openssl::rand::rand_bytes(&mut random);
    format!("{now}-{:08x}", u32::from_be_bytes(random))
}

/// The reply without what the node's own rollback said after the failure.
fn before_rollback(reply: &Reply) -> Reply {
    let stderr = reply.stderr.split("rolling back\n").next().unwrap_or_default().to_owned();
    Reply { stderr, ..reply.clone() }
}

struct Transaction<'a> {
    id: String,
    plan: &'a NodePlan,
    run: &'a Run<'a>,
}

impl Transaction<'_> {
    fn execute(&self) -> NodeOutcome {
        self.step("prepare");
        let payloads = match self.payloads() {
            Ok(payloads) => payloads,
            Err(error) => return NodeOutcome::Untouched(error),
        };
        if let Err(error) = self.gates(&self.plan.before, Phase::Before) {
            return NodeOutcome::Untouched(error);
        }
        let drained = match drain::drain(self.plan, &self.id, self.run) {
            Ok(Some(drained)) => drained,
            Ok(None) => return self.change(&payloads),
            Err(error) => return NodeOutcome::Untouched(error),
        };
        // That took its time, in which the cluster may have become sick.
        let outcome = match self.gates(&self.plan.before, Phase::Before) {
            Ok(()) => self.change(&payloads),
            Err(error) => NodeOutcome::Untouched(error),
        };
        drained.end(&outcome);
        outcome
    }

    fn change(&self, payloads: &[Payload]) -> NodeOutcome {
        self.step(CHANGE);
        let (text, process) = (owner::text(self.run), owner::process(self.run));
        let owner = Owner { text: &text, process: &process };
        let script = script::change(&self.id, owner, self.plan, payloads);
        let reply = match self.send(CHANGE, &script, self.plan.script_deadline()) {
            Ok(reply) => reply,
            Err(error) => return self.roll_back(error, false),
        };
        if let Some(outcome) = self.failed(CHANGE, &reply) {
            return outcome;
        }
        if let Some(script) = script::restart_units(&self.id, self.plan, payloads) {
            let restarted = self.gates(&self.plan.between, Phase::Between).and_then(|()| {
                self.step(RESTART);
                self.send(RESTART, &script, self.plan.script_deadline())
            });
            match restarted.map(|reply| self.failed(RESTART, &reply)) {
                Ok(None) => {}
                Ok(Some(outcome)) => return outcome,
                Err(error) => return self.roll_back(error, true),
            }
        }
        let proven = self.log_in().and_then(|()| self.gates(&self.plan.after, Phase::After));
        match proven.and_then(|()| self.confirm(&reply, payloads)) {
            Ok(()) => NodeOutcome::Applied,
            Err(error) => self.roll_back(error, true),
        }
    }

    /// What a change script's own exit code says; `None` when it went through.
    fn failed(&self, attempt: &'static str, reply: &Reply) -> Option<NodeOutcome> {
        let node = self.node();
        Some(match reply.code {
            0 => return None,
            code::STALE => NodeOutcome::Untouched(NodeError::Stale {
                node,
                moved: reply.section("check").text().lines().map(str::to_owned).collect(),
            }),
            code::LOCKED => {
                let Holder { owner, age, remedy } = owner::holder(reply);
                NodeOutcome::Untouched(NodeError::Locked { node, owner, age, remedy })
            }
            code::UNTOUCHED => NodeOutcome::Untouched(self.refused(attempt, reply)),
            code::ROLLED_BACK => self.settled(self.refused(attempt, &before_rollback(reply))),
            code::BROKEN => NodeOutcome::Broken {
                error: self.refused(attempt, &before_rollback(reply)),
                rollback: Some(NodeError::RollBack { node, message: reply.last_words() }),
            },
            _ => self.roll_back(self.refused(attempt, reply), attempt != CHANGE),
        })
    }

    /// A new connection, a new login and a new step to root: whoever locked us out with the change, it was we. An SSH server
    /// that was restarted may need a moment.
    fn log_in(&self) -> Result<(), NodeError> {
        self.step(LOG_IN);
        let mut left = deadline::RECONNECT;
        loop {
            let result = self.run.fleet.reconnect(&self.plan.node);
            left = left.saturating_sub(RECONNECT_PAUSE);
            match result {
                Ok(()) => return Ok(()),
                Err(source) if left.is_zero() => return Err(self.remote(LOG_IN, source)),
                Err(_) => self.run.fleet.pause(RECONNECT_PAUSE),
            }
        }
    }

    fn confirm(&self, reply: &Reply, payloads: &[Payload]) -> Result<(), NodeError> {
        self.step(CONFIRM);
        let state = self.state(&reply.section("state").output, payloads);
        let reply =
            self.send(CONFIRM, &script::confirm(&self.id, &state, self.run.retention), deadline::FILES)?;
        match (reply.code, script::end(&reply)) {
            (0, Some(End::Committed)) => {
                self.warn(&reply);
                Ok(())
            }
            _ => Err(self.refused(CONFIRM, &reply)),
        }
    }

    /// Puts the old state back and waits until it is healthy. It tries for a while to reach a node that was lost. `changed`
    /// says that the change is known to have gone through.
    fn roll_back(&self, error: NodeError, changed: bool) -> NodeOutcome {
        self.step("roll back");
        let reply = match self.reach() {
            Ok(reply) => reply,
            Err(source) => {
                let rollback = NodeError::Lost { node: self.node(), source, timer: self.armed().is_some() };
                return NodeOutcome::Broken { error, rollback: Some(rollback) };
            }
        };
        match script::end(&reply).filter(|_| reply.code == 0) {
            Some(End::Untouched) if !changed => NodeOutcome::Untouched(error),
            Some(End::Reverted) => self.settled(error),
            Some(End::Committed) => {
                // The confirmation's reply was lost, not the confirmation.
                self.warn(&reply);
                NodeOutcome::Applied
            }
            Some(End::Untouched) | None => {
                let rollback = NodeError::RollBack { node: self.node(), message: reply.last_words() };
                NodeOutcome::Broken { error, rollback: Some(rollback) }
            }
        }
    }

    /// The node's own answer to the order to roll back. The connection from before the change may be all that is left; without
    /// one new connections are tried, for as long as it takes until the node has put its old state back by itself.
    fn reach(&self) -> Result<Reply, Box<HealthError>> {
        let (fleet, node) = (self.run.fleet, &self.plan.node);
        let script = script::roll_back(&self.id);
        if fleet.run(node, &script::nothing(), ALIVE).is_ok()
            && let Ok(reply) = fleet.run(node, &script, self.plan.script_deadline())
        {
            return Ok(reply);
        }
        let once = || {
            fleet.reconnect(node)?;
            fleet.run(node, &script, self.plan.script_deadline())
        };
        let mut result = once();
        let began = Instant::now();
        let patience = match self.armed() {
            Some(after) => after + self.plan.script_deadline(),
            None => deadline::RECONNECT,
        };
        if let (Err(_), Some(after)) = (&result, self.armed()) {
            let minutes = after.as_secs().div_ceil(60);
            self.step(&format!(
                "wait for a sign of life; it puts its old state back by itself within {minutes} min"
            ));
        }
        let mut paused = Duration::ZERO;
        while result.is_err() && paused.max(began.elapsed()) < patience {
            fleet.pause(RECONNECT_PAUSE);
            paused += RECONNECT_PAUSE;
            result = once();
        }
        result.map_err(Box::new)
    }

    /// The old files are back: is the node healthy with them?
    fn settled(&self, error: NodeError) -> NodeOutcome {
        let mut gates = self.plan.before.clone();
        gates.extend(
            self.plan
                .restart_units
                .iter()
                .map(|unit| Gate::UnitActive { node: self.plan.node.clone(), unit: unit.clone() }),
        );
        gates.extend(self.old_pods());
        match self.gates(&gates, Phase::RolledBack) {
            Ok(()) => NodeOutcome::RolledBack(error),
            Err(rollback) => NodeOutcome::Broken { error, rollback: Some(rollback) },
        }
    }

    /// The static pods as their old manifests describe them, of those that can be waited for at all.
    fn old_pods(&self) -> Vec<Gate> {
        let waited = |name: &String| {
            self.plan
                .after
                .iter()
                .any(|gate| matches!(gate, Gate::StaticPodRuns { component, .. } if component == name))
        };
        self.plan
            .changes
            .iter()
            .filter(|change| change.resource.kind == Kind::StaticPod && waited(&change.resource.name))
            .filter_map(|change| {
                let component = change.resource.name.clone();
                let before = change.before.as_deref()?;
                Some(Gate::StaticPodRuns {
                    node: self.node(),
                    command: manifest::command(before, &component).ok()?,
                    // It may never have been replaced.
                    manifest: None,
                    probe: manifest::probe(before, &component).ok()?,
                    component,
                })
            })
            .collect()
    }

    fn payloads(&self) -> Result<Vec<Payload>, NodeError> {
        let mut payloads = Vec::new();
        for change in &self.plan.changes {
            let found = material::payloads(change, self.run.materials, &mut |spec, authority| {
                authority::issuer(self.run.fleet, &self.plan.node, spec, authority)
            });
            payloads.extend(found.map_err(|source| NodeError::Material {
                node: self.plan.node.clone(),
                resource: change.resource.to_string(),
                source,
            })?);
        }
        Ok(payloads)
    }

    /// The new `state.json`: what stood there, and what this transaction leaves behind. What is not wanted any more stays in
    /// it, since it is still on the node.
    fn state(&self, old: &[u8], payloads: &[Payload]) -> String {
        let mut applied: Applied = serde_json::from_slice(old).unwrap_or_default();
        applied.format_version = 1;
        applied.transaction.clone_from(&self.id);
        self.run.by.clone_into(&mut applied.by);
        applied.at = self.run.now;
        applied.rendered_with.clone_from(&self.plan.rendered_with);
        if let Some(undoes) = &self.plan.undoes {
            // As before: what the inventory wants of them is pending again, and no drift.
            for (id, before) in &undoes.applied {
                match before {
                    Some(before) => applied.resources.insert(id.clone(), before.clone()),
                    None => applied.resources.remove(id),
                };
            }
            return serde_json::to_string_pretty(&applied).unwrap_or_default();
        }
        let changed = self.plan.changes.iter().map(|change| (&change.resource, &change.desired));
        for (id, desired) in self.plan.unchanged.iter().chain(changed) {
            applied.resources.entry(id.clone()).or_default().desired.clone_from(desired);
        }
        for payload in payloads {
            let left = applied.resources.entry(payload.resource.clone()).or_default();
            left.files.insert(payload.path.clone(), payload.sha256());
            left.attributes.insert(payload.path.clone(), payload.ownership.clone());
        }
        serde_json::to_string_pretty(&applied).unwrap_or_default()
    }

    fn gates(&self, gates: &[Gate], phase: Phase) -> Result<(), NodeError> {
        if gates.is_empty() {
            return Ok(());
        }
        let stable = match phase {
            // The node before it was proven a moment ago, and every node was read; what follows waits for the same again.
            Phase::Before | Phase::Between => Duration::ZERO,
            Phase::After | Phase::RolledBack => STABLE,
        };
        // Whether the old state is healthy is asked to the end: who asked to stop must know it.
        let cancel = || phase != Phase::RolledBack && (self.run.interrupted)();
        self.run.fleet.wait(gates, stable, self.run.listener, &cancel).map_err(|source| NodeError::Gate {
            node: self.node(),
            phase,
            source: Box::new(source),
        })
    }

    fn send(&self, attempt: &'static str, script: &Script, deadline: Duration) -> Result<Reply, NodeError> {
        self.run.fleet.run(&self.plan.node, script, deadline).map_err(|source| self.remote(attempt, source))
    }

    fn remote(&self, attempt: &'static str, source: HealthError) -> NodeError {
        NodeError::Remote { node: self.node(), attempt, source: Box::new(source) }
    }

    fn refused(&self, attempt: &'static str, reply: &Reply) -> NodeError {
        NodeError::Step { node: self.node(), attempt, message: reply.last_words() }
    }

    /// Confirmed, and yet something did not work: the record, or the lock.
    fn warn(&self, reply: &Reply) {
        let text = reply.last_words();
        if !text.is_empty() {
            (self.run.listener)(Event::Warning { node: Some(self.node()), text });
        }
    }

    /// After how long the node puts its old state back by itself, if it does.
    fn armed(&self) -> Option<Duration> {
        self.plan.rollback_after.map(Duration::from_secs)
    }

    fn node(&self) -> NodeName {
        self.plan.node.clone()
    }

    fn step(&self, step: &str) {
        (self.run.listener)(Event::Step { node: self.plan.node.clone(), step: step.to_owned() });
    }
}
