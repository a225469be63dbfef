//! From the facts of all hosts to findings. Pure: one file for what belongs together, one function for each check.

mod fleet;
mod network;
mod programs;
mod standing;
mod storage;
mod system;

use super::{Check, DoctorError, FORMAT_VERSION, Finding, Host, HostFacts, Report, Severity, Standing};
use crate::error::{Chain, Hint as _};
use crate::inventory::{Inventory, Node, NodeName, Role};
use crate::resource::ClockReading;
use std::collections::BTreeMap;

/// What one host answered, and when it was asked and had answered, in milliseconds since 1970.
pub type Asked = Result<(HostFacts, i64, i64), DoctorError>;

/// One host, as the checks see it.
struct Subject<'a> {
    inventory: &'a Inventory,
    node: &'a Node,
    facts: &'a HostFacts,
    standing: &'a Standing,
}

/// Findings while they are collected.
#[derive(Default)]
struct Findings(Vec<Finding>);

impl Findings {
    fn add(
        &mut self,
        node: Option<&NodeName>,
        check: Check,
        severity: Severity,
        fact: impl Into<String>,
        remedy: impl Into<String>,
    ) {
        let remedy = Some(remedy.into()).filter(|remedy: &String| !remedy.is_empty());
        let (node, fact) = (node.cloned(), fact.into());
        self.0.push(Finding { node, check, severity, accepted: false, fact, remedy });
    }
}

impl Subject<'_> {
    fn fatal(&self, found: &mut Findings, check: Check, fact: impl Into<String>, remedy: impl Into<String>) {
        found.add(Some(&self.node.name), check, Severity::Fatal, fact, remedy);
    }

    fn warn(&self, found: &mut Findings, check: Check, fact: impl Into<String>, remedy: impl Into<String>) {
        found.add(Some(&self.node.name), check, Severity::Warning, fact, remedy);
    }

    fn note(&self, found: &mut Findings, check: Check, fact: impl Into<String>) {
        found.add(Some(&self.node.name), check, Severity::Note, fact, "");
    }

    /// What keeps a host from joining, and is no more than a warning where it runs already.
    fn before_joining(&self) -> Severity {
        if self.standing.is_member() { Severity::Warning } else { Severity::Fatal }
    }
}

/// Judges the hosts that were asked.
pub fn judge(inventory: &Inventory, mut answers: BTreeMap<NodeName, Asked>, created: i64) -> Report {
    let mut found = Findings::default();
    let (mut hosts, mut facts) = (Vec::new(), BTreeMap::new());
    let mut clocks: Vec<(&NodeName, ClockReading)> = Vec::new();
    for node in &inventory.nodes {
        let Some(answer) = answers.remove(&node.name) else { continue };
        let standing = match answer {
            Ok((answer, asked, answered)) => {
                clocks.extend(answer.clock(asked, answered).map(|reading| (&node.name, reading)));
                let standing = standing::of(node, inventory, &answer);
                one(&Subject { inventory, node, facts: &answer, standing: &standing }, &mut found);
                facts.insert(node.name.clone(), answer);
                standing
            }
            Err(error) => {
                let remedy = error.hint().unwrap_or_else(|| {
                    String::from("see whether it runs, and whether its address and port are the inventory's")
                });
                let fact = Chain(&error).to_string();
                found.add(Some(&node.name), error.check(), Severity::Fatal, fact, remedy);
                Standing::Unknown
            }
        };
        hosts.push(Host { node: node.name.clone(), roles: roles(node), standing });
    }
    fleet::judge(inventory, &hosts, &facts, &clocks, &mut found);
    let place = |finding: &Finding| {
        let at = |name: &NodeName| hosts.iter().position(|host| host.node == *name);
        finding.node.as_ref().map(at)
    };
    let mut findings = found.0;
    findings.sort_by_key(|finding| (place(finding), finding.severity, finding.check));
    let cluster = inventory.cluster.name.clone();
    Report {
        format_version: FORMAT_VERSION,
        harden_version: env!("CARGO_PKG_VERSION"),
        cluster,
        created,
        hosts,
        findings,
        facts,
    }
}

fn roles(node: &Node) -> String {
    node.roles.iter().map(Role::to_string).collect::<Vec<_>>().join(", ")
}

fn one(subject: &Subject<'_>, found: &mut Findings) {
    if !subject.facts.live {
        let fact = "it is a directory tree, which runs nothing: only what is in its files was looked at";
        subject.note(found, Check::System, fact);
        return;
    }
    system::judge(subject, found);
    network::judge(subject, found);
    programs::judge(subject, found);
    storage::judge(subject, found);
}
