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

/// One moving line of a terminal: the text may be cut where it does not fit, the time may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) text: String,
    pub(super) elapsed: String,
}

#[derive(Debug)]
struct Active {
    doing: Doing,
    since: Duration,
    spoke: Duration,
}

#[derive(Debug)]
enum Doing {
    Step(String),
    /// The gates that do not hold yet, in the order in which they were first asked. Several are waited for at once, and
    /// each poll reports each of them.
    Gates(Vec<Waiting>),
}

#[derive(Debug)]
struct Waiting {
    gate: String,
    last: String,
}

impl Waiting {
    fn text(&self) -> String {
        let gate = line(&self.gate);
        if self.last.is_empty() { gate } else { format!("{gate}: {}", line(&self.last)) }
    }
}

impl Active {
    fn seconds(&self, now: Duration) -> String {
        format!("{} s", now.saturating_sub(self.since).as_secs())
    }

    /// All of it, for a plain line.
    fn whole(&self, now: Duration) -> String {
        let seconds = self.seconds(now);
        match &self.doing {
            Doing::Step(step) => format!("{}: still running after {seconds}", line(step)),
            Doing::Gates(gates) => {
                let pending: Vec<_> = gates.iter().map(Waiting::text).collect();
                format!("still waiting after {seconds} until {}", pending.join("; "))
            }
        }
    }

    /// The most important of it, for one line of a terminal.
    fn short(&self) -> String {
        match &self.doing {
            Doing::Step(step) => line(step),
            Doing::Gates(gates) => {
                let Some(first) = gates.first() else { return String::new() };
                let gate = line(&first.gate);
                let more = match gates.len() - 1 {
                    0 => String::new(),
                    more => format!(" (+{more} more)"),
                };
                let last = if first.last.is_empty() { "" } else { ": " };
                format!("waiting until {gate}{more}{last}{}", line(&first.last))
            }
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
                self.pass(node.as_ref(), gate, now);
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
                said(node.as_ref(), &active.whole(now))
            })
            .collect()
    }

    /// The line of everything active, for a terminal.
    pub(super) fn active(&self, now: Duration) -> Vec<Line> {
        let lines = self.active.iter().map(|(node, active)| Line {
            text: said(node.as_ref(), &active.short()),
            elapsed: active.seconds(now),
        });
        lines.collect()
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
        let active = Active { doing: Doing::Step(step.to_owned()), since: now, spoke: now };
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
        let begun =
            || Active { doing: Doing::Gates(Vec::new()), since: now.saturating_sub(elapsed), spoke: now };
        let active = self.active.entry(node.cloned()).or_insert_with(begun);
        // Gates are asked when the step before them is over.
        if let Doing::Step(_) = active.doing {
            *active = begun();
        }
        let Doing::Gates(gates) = &mut active.doing else { return Vec::new() };
        if let Some(known) = gates.iter_mut().find(|waiting| waiting.gate == gate) {
            last.clone_into(&mut known.last);
            return Vec::new();
        }
        gates.push(Waiting { gate: gate.to_owned(), last: last.to_owned() });
        active.spoke = now;
        vec![said(node, &format!("waiting until {}", line(gate)))]
    }

    fn pass(&mut self, node: Option<&NodeName>, gate: &str, now: Duration) {
        let node = node.cloned();
        let Some(active) = self.active.get_mut(&node) else { return };
        active.spoke = now;
        if let Doing::Gates(gates) = &mut active.doing {
            gates.retain(|waiting| waiting.gate != gate);
        }
        // Gates are asked when the step before them is over.
        if !matches!(&active.doing, Doing::Gates(gates) if !gates.is_empty()) {
            self.active.remove(&node);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_has_one_line_a_node() {
        let node = NodeName(String::from("cp-1"));
        let waiting = |gate: &str, seconds: u64, last: &str| Event::Waiting {
            node: Some(node.clone()),
            gate: gate.to_owned(),
            elapsed: Duration::from_secs(seconds),
            last: last.to_owned(),
        };
        let mut board = Board::default();
        let mut after = |event: &Event, second: u64| {
            let now = Duration::from_secs(second);
            board.take(event, now);
            let lines = board.active(now).into_iter().map(|line| format!("{}  {}", line.text, line.elapsed));
            lines.collect::<Vec<_>>().join("\n")
        };
        let step = Event::Step { node: node.clone(), step: String::from("restart kubelet") };
        assert_eq!(after(&step, 100), "cp-1  restart kubelet  0 s");
        assert_eq!(after(&waiting("a holds", 0, ""), 110), "cp-1  waiting until a holds  0 s");
        after(&waiting("b holds", 0, "not yet"), 110);
        after(&waiting("c holds", 0, "not yet"), 110);
        let line = after(&waiting("a holds", 42, "no leader"), 152);
        assert_eq!(line, "cp-1  waiting until a holds (+2 more): no leader  42 s");
        let passed = |gate: &str| Event::Passed {
            node: Some(node.clone()),
            gate: gate.to_owned(),
            elapsed: Duration::from_secs(50),
        };
        assert_eq!(after(&passed("a holds"), 160), "cp-1  waiting until b holds (+1 more): not yet  50 s");
        after(&passed("b holds"), 160);
        assert_eq!(after(&passed("c holds"), 160), "");
        assert_eq!(after(&step, 170), "cp-1  restart kubelet  0 s");
        assert_eq!(after(&passed("it held at once"), 171), "");
    }
}
