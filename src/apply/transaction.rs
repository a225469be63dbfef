//! One node's transaction: gates before, the change, gates after, confirmation by a new login; or the way back. It
//! never leaves a node without having said which of the two it was.

use super::material::{self, Payload};
use super::report::{NodeError, NodeOutcome};
use super::script::{self, code};
use super::{Issuer, MaterialError, Run};
use crate::event::{Event, Outcome};
use crate::plan::manifest::{self, REVISION_ANNOTATION};
use crate::plan::{Gate, NodePlan};
use crate::remote::{Reply, Script, rooted};
use crate::resource::{Applied, AppliedResource, CertificateSpec, Kind};
use crate::secret::Secret;
use std::time::Duration;

/// For scripts that only read and write files.
const FILES_DEADLINE: Duration = Duration::from_mins(2);
/// What each restarted unit adds to it: systemd's own default for starting one.
const UNIT_DEADLINE: Duration = Duration::from_secs(90);
/// How often, and how long apart, a lost node is tried again before a human is called.
const RECONNECT_TRIES: u32 = 6;
const RECONNECT_PAUSE: Duration = Duration::from_secs(10);

/// Changes one node, or leaves it as it was.
pub(super) fn transact(plan: &NodePlan, run: &Run<'_>) -> NodeOutcome {
    let outcome = Transaction { id: identifier(run.now), plan, run }.execute();
    let told = match &outcome {
        NodeOutcome::Applied => Outcome::Finished(match plan.changes.len() {
            1 => String::from("1 change applied"),
            count => format!("{count} changes applied"),
        }),
        NodeOutcome::RolledBack(error) => Outcome::RolledBack(error.to_string()),
        NodeOutcome::Untouched(error) | NodeOutcome::Broken { error, .. } => {
            Outcome::Failed(error.to_string())
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
        if let Err(error) = self.gates(&self.plan.before) {
            return NodeOutcome::Untouched(error);
        }
        self.step("change files and restart what they need");
        let reply =
            match self.send(&script::change(&self.id, self.run.by, self.plan, &payloads), self.deadline()) {
                Ok(reply) => reply,
                Err(error) => return self.roll_back(error),
            };
        if let Some(outcome) = self.failed(&reply) {
            return outcome;
        }
        let confirmed = self.gates(&self.plan.after).and_then(|()| self.confirm(&reply, &payloads));
        match confirmed {
            Ok(()) => NodeOutcome::Applied,
            Err(error) => self.roll_back(error),
        }
    }

    /// What the change script's own exit code says; `None` when it went through.
    fn failed(&self, reply: &Reply) -> Option<NodeOutcome> {
        let node = self.plan.node.clone();
        let step = || NodeError::Step { node: node.clone(), message: reply.stderr.trim().to_owned() };
        Some(match reply.code {
            0 => return None,
            code::STALE => NodeOutcome::Untouched(NodeError::Stale {
                node,
                moved: reply.section("check").text().lines().map(str::to_owned).collect(),
            }),
            code::LOCKED => NodeOutcome::Untouched(NodeError::Locked {
                node,
                owner: reply.section("state").text().trim().to_owned(),
            }),
            code::UNTOUCHED => NodeOutcome::Untouched(step()),
            code::ROLLED_BACK => self.settled(step()),
            code::BROKEN => NodeOutcome::Broken { error: step(), rollback: None },
            _ => self.roll_back(step()),
        })
    }

    fn confirm(&self, reply: &Reply, payloads: &[Payload]) -> Result<(), NodeError> {
        self.step("confirm by a new login");
        let node = || self.plan.node.clone();
        self.run
            .fleet
            .reconnect(&self.plan.node)
            .map_err(|source| NodeError::Remote { node: node(), source: Box::new(source) })?;
        let state = self.state(&reply.section("state").output, payloads);
        let reply = self.send(&script::confirm(&self.id, &state), FILES_DEADLINE)?;
        match reply.code {
            0 => Ok(()),
            _ => Err(NodeError::Step { node: node(), message: format!("confirm: {}", reply.stderr.trim()) }),
        }
    }

    /// Puts the old state back and waits until it is healthy. It tries for a while to reach a node that was lost.
    fn roll_back(&self, error: NodeError) -> NodeOutcome {
        self.step("roll back");
        let mut last = None;
        for attempt in 0..RECONNECT_TRIES {
            if attempt > 0 {
                std::thread::sleep(RECONNECT_PAUSE);
            }
            let node = self.plan.node.clone();
            if let Err(source) = self.run.fleet.reconnect(&node) {
                last = Some(NodeError::Remote { node, source: Box::new(source) });
                continue;
            }
            match self.send(&script::roll_back(&self.id), self.deadline()) {
                Ok(reply) if reply.code == 0 && reply.section("outcome").text().contains("committed") => {
                    // The confirmation's reply was lost, not the confirmation.
                    return NodeOutcome::Applied;
                }
                Ok(reply) if reply.code == 0 => return self.settled(error),
                Ok(reply) => {
                    let rollback = NodeError::Step { node, message: reply.stderr.trim().to_owned() };
                    return NodeOutcome::Broken { error, rollback: Some(rollback) };
                }
                Err(failed) => last = Some(failed),
            }
        }
        NodeOutcome::Broken { error, rollback: last }
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
        if !gates.is_empty() {
            gates.extend(self.old_pods());
        }
        match self.gates(&gates) {
            Ok(()) => NodeOutcome::RolledBack(error),
            Err(rollback) => NodeOutcome::Broken { error, rollback: Some(rollback) },
        }
    }

    /// The static pods as their old manifests describe them.
    fn old_pods(&self) -> Vec<Gate> {
        let manifests = self.plan.changes.iter().filter(|change| change.resource.kind == Kind::StaticPod);
        manifests
            .filter_map(|change| {
                let component = change.resource.name.clone();
                let before = change.before.as_deref()?;
                Some(Gate::StaticPodRuns {
                    node: self.plan.node.clone(),
                    command: manifest::command(before, &component).ok()?,
                    revision: manifest::annotation(before, REVISION_ANNOTATION)
                        .ok()
                        .flatten()
                        .unwrap_or_default(),
                    component,
                })
            })
            .collect()
    }

    fn payloads(&self) -> Result<Vec<Payload>, NodeError> {
        let mut payloads = Vec::new();
        for change in &self.plan.changes {
            let found = material::payloads(change, self.run.materials, &mut |spec| self.issuer(spec));
            payloads.extend(found.map_err(|source| NodeError::Material {
                node: self.plan.node.clone(),
                resource: change.resource.to_string(),
                source,
            })?);
        }
        Ok(payloads)
    }

    /// Reads a CA from a control-plane node, into memory.
    fn issuer(&self, spec: &CertificateSpec) -> Result<Issuer, MaterialError> {
        let host = self.run.fleet.control_plane().unwrap_or_else(|| self.plan.node.clone());
        let read = Script::new("read the CA")
            .section("certificate", format!("cat -- {}", rooted(spec.issuer_path.as_str())))
            .section("key", format!("cat -- {}", rooted(spec.issuer_key_path.as_str())));
        let reply = self.run.fleet.run(&host, &read, FILES_DEADLINE)?;
        let (certificate, key) = (reply.section("certificate"), reply.section("key"));
        if certificate.code != 0 || key.code != 0 {
            return Err(format!("read the CA on {host}: {}", reply.stderr.trim()).into());
        }
        Ok(Issuer { certificate: certificate.output, key: Secret::new(key.text()) })
    }

    /// The new `state.json`: what stood there, and what this transaction leaves behind.
    fn state(&self, old: &[u8], payloads: &[Payload]) -> String {
        let mut applied: Applied = serde_json::from_slice(old).unwrap_or_default();
        applied.format_version = 1;
        applied.transaction.clone_from(&self.id);
        self.run.by.clone_into(&mut applied.by);
        applied.at = self.run.now;
        for (id, desired) in &self.plan.unchanged {
            applied.resources.entry(id.clone()).or_default().desired.clone_from(desired);
        }
        for change in &self.plan.changes {
            let files = payloads.iter().filter(|payload| payload.resource == change.resource);
            applied.resources.insert(
                change.resource.clone(),
                AppliedResource {
                    desired: change.desired.clone(),
                    files: files.map(|payload| (payload.path.clone(), payload.sha256())).collect(),
                },
            );
        }
        serde_json::to_string_pretty(&applied).unwrap_or_default()
    }

    fn gates(&self, gates: &[Gate]) -> Result<(), NodeError> {
        let node = || self.plan.node.clone();
        self.run
            .fleet
            .wait(gates, self.run.listener)
            .map_err(|source| NodeError::Gate { node: node(), source })
    }

    fn send(&self, script: &Script, deadline: Duration) -> Result<Reply, NodeError> {
        let node = &self.plan.node;
        self.run
            .fleet
            .run(node, script, deadline)
            .map_err(|source| NodeError::Remote { node: node.clone(), source: Box::new(source) })
    }

    fn deadline(&self) -> Duration {
        let units = u32::try_from(self.plan.restart_units.len()).unwrap_or(u32::MAX);
        FILES_DEADLINE.saturating_add(UNIT_DEADLINE.saturating_mul(units))
    }

    fn step(&self, step: &str) {
        (self.run.listener)(Event::Step { node: self.plan.node.clone(), step: step.to_owned() });
    }
}
