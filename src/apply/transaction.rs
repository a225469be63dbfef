//! One node's transaction: gates before, the change, gates after, confirmation by a new login; or the way back. It
//! never leaves a node without having said which of the two it was.

use super::material::{self, Payload};
use super::report::Phase;
use super::report::{NodeError, NodeOutcome};
use super::script::{self, End, code};
use super::{Run, STABLE, authority};
use crate::error::Chain;
use crate::event::{Event, Outcome};
use crate::health::HealthError;
use crate::inventory::NodeName;
use crate::plan::manifest;
use crate::plan::{Gate, NodePlan, Operation};
use crate::remote::{Reply, Script};
use crate::resource::{Applied, Kind};
use std::time::Duration;

/// For scripts that only read and write files.
pub(super) const FILES_DEADLINE: Duration = Duration::from_mins(2);
/// What each restarted unit adds to it: systemd's own default for starting one.
const UNIT_DEADLINE: Duration = Duration::from_secs(90);
/// What each pod that is stopped first adds to it: what `transaction.sh` waits, and some time to look.
const STOP_DEADLINE: Duration = Duration::from_mins(2);
/// How often, and how long apart, a lost node is tried again before a human is called.
const RECONNECT_TRIES: u32 = 6;
const RECONNECT_PAUSE: Duration = Duration::from_secs(10);

/// The steps, as users read them in progress and errors.
const CHANGE: &str = "change files and restart what they need";
const RESTART: &str = "restart units";
const CONFIRM: &str = "confirm by a new login";

/// Changes one node, or leaves it as it was.
pub(super) fn transact(plan: &NodePlan, run: &Run<'_>) -> NodeOutcome {
    let outcome = Transaction { id: identifier(run.now), plan, run }.execute();
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

/// Sorts by time, and is unique enough that two controllers never meet in one directory.
fn identifier(now: i64) -> String {
    let mut random = [0; 4];
    // Without randomness the time alone must do: the directory is made with `mkdir`, which refuses an existing one.
    let _ = openssl::rand::rand_bytes(&mut random);
    format!("{now}-{:08x}", u32::from_be_bytes(random))
}

/// What the lock shows to whoever finds it: `user@host (pid 4711, started 2026-11-24T08:45:00Z)`.
fn owner(run: &Run<'_>) -> String {
    let started = jiff::Timestamp::from_second(run.now).unwrap_or_default();
    format!("{} (pid {}, started {started})", run.by, std::process::id())
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
        self.step(CHANGE);
        let script = script::change(&self.id, &owner(self.run), self.plan, &payloads);
        let reply = match self.send(CHANGE, &script, self.deadline()) {
            Ok(reply) => reply,
            Err(error) => return self.roll_back(error, false),
        };
        if let Some(outcome) = self.failed(CHANGE, &reply) {
            return outcome;
        }
        if let Some(script) = script::restart_units(&self.id, self.plan, &payloads) {
            let restarted = self.gates(&self.plan.between, Phase::Between).and_then(|()| {
                self.step(RESTART);
                self.send(RESTART, &script, self.deadline())
            });
            match restarted.map(|reply| self.failed(RESTART, &reply)) {
                Ok(None) => {}
                Ok(Some(outcome)) => return outcome,
                Err(error) => return self.roll_back(error, true),
            }
        }
        let proven = self.gates(&self.plan.after, Phase::After);
        match proven.and_then(|()| self.confirm(&reply, &payloads)) {
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
                let script::Holder { owner, age, remedy } = script::holder(reply);
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

    fn confirm(&self, reply: &Reply, payloads: &[Payload]) -> Result<(), NodeError> {
        self.step(CONFIRM);
        self.run.fleet.reconnect(&self.plan.node).map_err(|source| NodeError::Remote {
            node: self.node(),
            attempt: "log in anew",
            source: Box::new(source),
        })?;
        let state = self.state(&reply.section("state").output, payloads);
        let reply = self.send(CONFIRM, &script::confirm(&self.id, &state), FILES_DEADLINE)?;
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
                let rollback = NodeError::Lost { node: self.node(), source };
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

    /// The node's own answer to the order to roll back, tried for a while over new connections.
    fn reach(&self) -> Result<Reply, Box<HealthError>> {
        let fleet = self.run.fleet;
        let script = script::roll_back(&self.id);
        let once = || {
            fleet.reconnect(&self.plan.node)?;
            fleet.run(&self.plan.node, &script, self.deadline())
        };
        let mut result = once();
        for _ in 1..RECONNECT_TRIES {
            if result.is_ok() {
                break;
            }
            fleet.pause(RECONNECT_PAUSE);
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
                    annotations: manifest::annotations(before).ok()?,
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
        let changed = self.plan.changes.iter().map(|change| (&change.resource, &change.desired));
        for (id, desired) in self.plan.unchanged.iter().chain(changed) {
            applied.resources.entry(id.clone()).or_default().desired.clone_from(desired);
        }
        for payload in payloads {
            let files = &mut applied.resources.entry(payload.resource.clone()).or_default().files;
            files.insert(payload.path.clone(), payload.sha256());
        }
        serde_json::to_string_pretty(&applied).unwrap_or_default()
    }

    fn gates(&self, gates: &[Gate], phase: Phase) -> Result<(), NodeError> {
        if gates.is_empty() {
            return Ok(());
        }
        let stable = match phase {
            // The node before it was proven a moment ago, and every node was read.
            Phase::Before => Duration::from_secs(1),
            // What follows waits for the same again.
            Phase::Between => Duration::ZERO,
            Phase::After | Phase::RolledBack => STABLE,
        };
        self.run.fleet.wait(gates, stable, self.run.listener).map_err(|source| NodeError::Gate {
            node: self.node(),
            phase,
            source,
        })
    }

    fn send(&self, attempt: &'static str, script: &Script, deadline: Duration) -> Result<Reply, NodeError> {
        self.run.fleet.run(&self.plan.node, script, deadline).map_err(|source| NodeError::Remote {
            node: self.node(),
            attempt,
            source: Box::new(source),
        })
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

    fn node(&self) -> NodeName {
        self.plan.node.clone()
    }

    fn deadline(&self) -> Duration {
        let units = u32::try_from(self.plan.restart_units.len()).unwrap_or(u32::MAX);
        let operations = self.plan.changes.iter().flat_map(|change| &change.operations);
        let stops = operations.filter(|operation| matches!(operation, Operation::StopPod { .. })).count();
        let stops = u32::try_from(stops).unwrap_or(u32::MAX);
        FILES_DEADLINE
            .saturating_add(UNIT_DEADLINE.saturating_mul(units))
            .saturating_add(STOP_DEADLINE.saturating_mul(stops))
    }

    fn step(&self, step: &str) {
        (self.run.listener)(Event::Step { node: self.plan.node.clone(), step: step.to_owned() });
    }
}
