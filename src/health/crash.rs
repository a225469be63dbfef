//! Whether the container of a static pod ends soon after each start: certain long before a gate's deadline, and its log says why.
//! What is looked at is on the node itself, since the API server may be the one that crashes.

use super::processes::ContainerReport;
use super::{GateAccess, GateError};
use crate::inventory::NodeName;
use crate::plan::Gate;
use std::collections::BTreeSet;
use std::time::Duration;

/// So many containers that ended are certain. The kubelet starts the second at once and the third 10 s later: it takes a quarter of
/// a minute to know.
const STARTS: usize = 3;
/// What lived so long may still come right by itself: a kube-apiserver gives up on an etcd that is away after 20 s, and the next one
/// may find it. What refuses a flag or a file ends within a second.
const LIVED: Duration = Duration::from_secs(10);
/// A container's log is there before its process.
const GONE: Duration = Duration::from_secs(2);

/// One component of one node while gates are waited for.
pub(super) struct Crashes<'a> {
    node: &'a NodeName,
    component: &'a str,
    command: &'a [String],
    /// The logs of all containers so far; `None` until the first look, whose containers are older than this wait.
    seen: Option<BTreeSet<String>>,
    /// How many containers were started since one of them lived.
    starts: usize,
    /// The logs of those that were started during this wait, the oldest first.
    logs: Vec<String>,
    /// The process that runs, and since when it was seen.
    alive: Option<(String, Duration)>,
    gone_since: Option<Duration>,
}

/// The components that the gates look at, each once.
pub(super) fn of<'a>(gates: &'a [Gate]) -> Vec<Crashes<'a>> {
    let mut found: Vec<Crashes<'a>> = Vec::new();
    for gate in gates {
        let Gate::StaticPodRuns { node, component, command, .. } = gate else { continue };
        // A shell around it, or another name: its process could not be told, and a life would be taken for none.
        let program = command.first().and_then(|program| program.rsplit('/').next());
        if program == Some(component) && !found.iter().any(|known| known.is(node, component)) {
            found.push(Crashes::new(node, component, command));
        }
    }
    found
}

/// The last words of the component that a gate is about, where it was started during this wait.
pub(super) fn last_words(crashes: &[Crashes<'_>], gate: &Gate, access: &mut dyn GateAccess) -> Vec<String> {
    let component = match gate {
        Gate::StaticPodRuns { component, .. } => component.as_str(),
        Gate::ApiServerReady { .. } | Gate::EncryptionLoaded { .. } => "kube-apiserver",
        Gate::EtcdHealthy { .. } | Gate::EtcdWhole { .. } => "etcd",
        Gate::UnitActive { .. }
        | Gate::NodeReady { .. }
        | Gate::KubeletServes { .. }
        | Gate::EndpointAnswers { .. } => return Vec::new(),
    };
    let known = crashes.iter().find(|known| known.is(gate.node(), component));
    known.map(|known| known.last_words(access)).unwrap_or_default()
}

impl<'a> Crashes<'a> {
    fn new(node: &'a NodeName, component: &'a str, command: &'a [String]) -> Self {
        Self {
            node,
            component,
            command,
            seen: None,
            starts: 0,
            logs: Vec::new(),
            alive: None,
            gone_since: None,
        }
    }

    fn is(&self, node: &NodeName, component: &str) -> bool {
        self.node == node && self.component == component
    }

    /// Looks once; an error when it is certain. A look that fails says nothing.
    pub(super) fn look(
        &mut self,
        now: Duration,
        started: Duration,
        access: &mut dyn GateAccess,
    ) -> Result<(), GateError> {
        let Ok(report) = access.container(self.node, self.component) else { return Ok(()) };
        self.note(now, &report);
        let gone = self.gone_since.is_some_and(|since| now.saturating_sub(since) >= GONE);
        if self.starts < STARTS || !gone {
            return Ok(());
        }
        // Without an API server these end by themselves, and run when it is back.
        let depends = !matches!(self.component, "etcd" | "kube-apiserver");
        if depends && !access.readiness(self.node).is_ok_and(|readiness| readiness.ready) {
            self.starts = 0;
            return Ok(());
        }
        Err(GateError::Crashes {
            node: self.node.clone(),
            component: self.component.to_owned(),
            starts: self.starts,
            elapsed: now.saturating_sub(started),
            said: self.last_words(access),
        })
    }

    fn note(&mut self, now: Duration, report: &ContainerReport) {
        let logs: BTreeSet<String> = report.logs.iter().cloned().collect();
        match &mut self.seen {
            None => self.seen = Some(logs),
            Some(seen) => {
                // The oldest comes first.
                let new: Vec<&String> = report.logs.iter().filter(|log| !seen.contains(*log)).collect();
                self.starts += new.len();
                self.logs.extend(new.into_iter().cloned());
                seen.extend(logs);
            }
        }
        let Some(process) = report.processes.iter().find(|process| process.command == self.command) else {
            self.alive = None;
            self.gone_since.get_or_insert(now);
            return;
        };
        self.gone_since = None;
        match &self.alive {
            Some((pid, since)) if *pid == process.pid => {
                if now.saturating_sub(*since) >= LIVED {
                    self.starts = 0;
                }
            }
            _ => self.alive = Some((process.pid.clone(), now)),
        }
    }

    fn last_words(&self, access: &mut dyn GateAccess) -> Vec<String> {
        // The last one may have had no time for a word, and the kubelet removes those before it in its own time.
        let said = self.logs.iter().rev().map(|log| access.last_words(self.node, log).unwrap_or_default());
        said.into_iter().find(|words| !words.is_empty()).unwrap_or_default()
    }
}
