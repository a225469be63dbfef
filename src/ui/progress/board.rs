//! What every node is doing now, and the lines that say so. Pure: events and times in, lines out.

use crate::event::{Event, Outcome};
use crate::inventory::NodeName;
use crate::ui::line;
use std::collections::BTreeMap;
use std::time::Duration;

/// How long a node may be silent in plain lines. Some CI systems kill a job that is silent for ten minutes.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// What is active; `None` is the cluster as a whole.
#[derive(Debug, Default)]
pub(super) struct Board {
    active: BTreeMap<Option<NodeName>, Active>,
    changing: bool,
}

#[derive(Debug)]
struct Active {
    step: Option<String>,
    since: Duration,
    spoke: Duration,
    waiting: Option<Waiting>,
}

#[derive(Debug)]
struct Waiting {
    gate: String,
    since: Duration,
    last: String,
}

impl Active {
    fn text(&self, now: Duration) -> String {
        let seconds = |since: Duration| now.saturating_sub(since).as_secs();
        match (&self.waiting, &self.step) {
            (Some(waiting), _) => {
                let text = format!("waiting for {} ({} s)", line(&waiting.gate), seconds(waiting.since));
                if waiting.last.is_empty() { text } else { format!("{text}: {}", line(&waiting.last)) }
            }
            (None, Some(step)) => format!("{} ({} s)", line(step), seconds(self.since)),
            (None, None) => String::new(),
        }
    }
}

impl Board {
    /// Takes an event in; the answer is the plain lines that it is worth.
    pub(super) fn take(&mut self, event: &Event, now: Duration) -> Vec<String> {
        match event {
            Event::Step { node, step } => self.begin(Some(node), step, now),
            Event::Cluster { step } => self.begin(None, step, now),
            Event::Done { node, outcome } => {
                self.active.remove(&Some(node.clone()));
                vec![said(Some(node), &outcome_text(outcome))]
            }
            Event::Wave { number, of, title } => {
                self.changing = true;
                self.active.remove(&None);
                vec![wave(*number, *of, title)]
            }
            Event::Waiting { node, gate, elapsed, last } => {
                self.wait(node.as_ref(), gate, *elapsed, last, now)
            }
            Event::Passed { node, gate, elapsed } => {
                if let Some(active) = self.active.get_mut(node) {
                    active.waiting = None;
                    active.spoke = now;
                    if active.step.is_none() {
                        self.active.remove(node);
                    }
                }
                vec![said(node.as_ref(), &format!("{} ({} s)", line(gate), elapsed.as_secs()))]
            }
            Event::Warning { node, text } => vec![warning(node.as_ref(), text)],
        }
    }

    /// The lines for what has been silent for too long.
    pub(super) fn heartbeat(&mut self, now: Duration) -> Vec<String> {
        let silent =
            self.active.iter_mut().filter(|(_, active)| now.saturating_sub(active.spoke) >= HEARTBEAT);
        silent
            .map(|(node, active)| {
                active.spoke = now;
                let still = if active.waiting.is_some() { "" } else { "still: " };
                said(node.as_ref(), &format!("{still}{}", active.text(now)))
            })
            .collect()
    }

    /// The line of everything active, for a terminal.
    pub(super) fn active(&self, now: Duration) -> Vec<String> {
        self.active.iter().map(|(node, active)| said(node.as_ref(), &active.text(now))).collect()
    }

    /// The line that stays on a terminal after an event. Nodes on which nothing was changed just disappear.
    pub(super) fn kept(&self, event: &Event) -> Option<String> {
        match event {
            Event::Wave { number, of, title } => Some(wave(*number, *of, title)),
            Event::Warning { node, text } => Some(warning(node.as_ref(), text)),
            Event::Done { outcome: Outcome::Finished(_), .. } if !self.changing => None,
            Event::Done { node, outcome } if *outcome != Outcome::InSync => {
                Some(said(Some(node), &outcome_text(outcome)))
            }
            _ => None,
        }
    }

    fn begin(&mut self, node: Option<&NodeName>, step: &str, now: Duration) -> Vec<String> {
        let active = Active { step: Some(step.to_owned()), since: now, spoke: now, waiting: None };
        self.active.insert(node.cloned(), active);
        vec![said(node, &line(step))]
    }

    fn wait(
        &mut self,
        node: Option<&NodeName>,
        gate: &str,
        elapsed: Duration,
        last: &str,
        now: Duration,
    ) -> Vec<String> {
        let active = self.active.entry(node.cloned()).or_insert(Active {
            step: None,
            since: now,
            spoke: now,
            waiting: None,
        });
        let known = active.waiting.as_ref().is_some_and(|waiting| waiting.gate == gate);
        let since = now.saturating_sub(elapsed);
        active.waiting = Some(Waiting { gate: gate.to_owned(), since, last: last.to_owned() });
        if known {
            return Vec::new();
        }
        active.spoke = now;
        vec![said(node, &format!("waiting for {}", line(gate)))]
    }
}

fn said(node: Option<&NodeName>, text: &str) -> String {
    format!("{}  {text}", node.map_or("cluster", NodeName::as_str))
}

fn wave(number: usize, of: usize, title: &str) -> String {
    format!("wave {number} of {of}: {}", line(title))
}

fn warning(node: Option<&NodeName>, text: &str) -> String {
    match node {
        Some(node) => format!("warning: {node}: {}", line(text)),
        None => format!("warning: {}", line(text)),
    }
}

fn outcome_text(outcome: &Outcome) -> String {
    match outcome {
        Outcome::InSync => String::from("in sync"),
        Outcome::Finished(text) => line(text),
        Outcome::RolledBack(text) => format!("rolled back: {}", line(text)),
        Outcome::Failed(text) => format!("failed: {}", line(text)),
    }
}

/// The time of day in UTC, from the time since 1970.
pub(super) fn time_of_day(now: Duration) -> String {
    let seconds = now.as_secs() % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}
