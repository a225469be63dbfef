//! What an apply did, for its summary and its JSON form. The numbers are counted here, and nothing is decided.

use super::{count, line};
use crate::health::preflight::Refusal;
use crate::inventory::NodeName;
use crate::plan::{StageTitle, Summary, Unreachable};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The version of the JSON form of an apply. The part before the dot changes when a reader must change.
const FORMAT_VERSION: &str = "1.0";

/// What an apply did.
#[derive(Debug, Clone, Serialize)]
pub struct Applied {
    /// The version of this form.
    pub format_version: &'static str,
    /// The version of harden.
    pub harden_version: &'static str,
    /// The cluster's name.
    pub cluster: String,
    /// When it began, seconds since 1970.
    pub started: i64,
    /// How many seconds it took.
    pub seconds: u64,
    /// The stages that were begun, in order.
    pub stages: Vec<AppliedStage>,
    /// The stages that are left, as far as they are known.
    pub remaining: Vec<StageTitle>,
    /// Whether a plan after the last stage has found nothing left to change.
    pub nothing_left: bool,
    /// What spoke against changing the cluster, where that ended it.
    pub refusals: Vec<Refusal>,
    /// What spoke against it and was left aside by `--skip-preflight`.
    pub skipped_preflights: Vec<Refusal>,
    /// The nodes that could not be read.
    pub unreachable: Vec<Unreachable>,
    /// The error that ended it, where it was not one of a node.
    pub error: Option<String>,
    /// The process's exit code.
    pub exit_code: u8,
}

/// What was done in one stage.
#[derive(Debug, Clone, Serialize)]
pub struct AppliedStage {
    /// Which stage.
    pub stage: StageTitle,
    /// The numbers of its plan.
    pub summary: Summary,
    /// Every node of its plan.
    pub nodes: BTreeMap<NodeName, AppliedNode>,
    /// How many of the cluster's own records were changed.
    pub cluster_changes: usize,
    /// Why the stage was not finished, where that was not a node.
    pub stopped: Option<String>,
}

/// What was done on one node.
#[derive(Debug, Clone, Serialize)]
pub struct AppliedNode {
    /// How it ended.
    pub outcome: NodeEnd,
    /// How many changes were planned; all of them or none are in place, unless a human is needed.
    pub changes: usize,
    /// The error.
    pub error: Option<String>,
}

/// How it ended on a node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeEnd {
    /// Changed, proven and confirmed.
    Applied,
    /// It failed before the first change.
    Unchanged,
    /// It failed; the old state is back and healthy.
    RolledBack,
    /// It failed and the old state is not proven to be back.
    NeedsHuman,
    /// It was not its turn yet.
    NotBegun,
}

impl NodeEnd {
    /// The ends that a summary lists, in the order of their weight.
    const LISTED: [(Self, &'static str); 4] = [
        (Self::NeedsHuman, "needs a human"),
        (Self::RolledBack, "rolled back"),
        (Self::Unchanged, "not changed"),
        (Self::NotBegun, "not begun"),
    ];
}

/// Names of nodes that the summary lists; of more there is only the number.
const NAMES_SHOWN: usize = 5;

impl Applied {
    /// An apply that has done nothing yet.
    pub fn new(cluster: &str, started: i64) -> Self {
        Self {
            format_version: FORMAT_VERSION,
            harden_version: env!("CARGO_PKG_VERSION"),
            cluster: cluster.to_owned(),
            started,
            seconds: 0,
            stages: Vec::new(),
            remaining: Vec::new(),
            nothing_left: false,
            refusals: Vec::new(),
            skipped_preflights: Vec::new(),
            unreachable: Vec::new(),
            error: None,
            exit_code: 0,
        }
    }

    /// The last lines of an apply: what was skipped, and what was done.
    pub fn summary(&self) -> Option<String> {
        let names: BTreeSet<&str> =
            self.skipped_preflights.iter().map(|refusal| refusal.preflight.name()).collect();
        let names: Vec<&str> = names.into_iter().collect();
        let closing = self.closing()?;
        Some(match names.as_slice() {
            [] => closing,
            names => format!(
                "Skipped preflights: {} ({}).\n{closing}",
                names.join(", "),
                count(self.skipped_preflights.len(), "refusal")
            ),
        })
    }

    /// The last line of an apply: `Applied: 48 changes on 4 nodes in 3 stages (2 m 14 s). No changes are left.` It begins
    /// with `Stopped` where it did not come to its end, and is missing where an error said all before anything began.
    fn closing(&self) -> Option<String> {
        let succeeded = self.exit_code == 0;
        if self.stages.is_empty() {
            return succeeded.then(|| String::from("Nothing to apply.\n"));
        }
        let (changes, nodes) = self.done();
        let place =
            if nodes == 0 { String::from("in the cluster") } else { format!("on {}", count(nodes, "node")) };
        let done = format!(
            "{} {place} in {} ({})",
            count(changes, "change"),
            count(self.stages.len(), "stage"),
            time(self.seconds)
        );
        if !succeeded && changes == 0 {
            return Some(format!(
                "Stopped with nothing changed ({}){}.\n",
                time(self.seconds),
                self.others()
            ));
        }
        if !succeeded {
            return Some(format!("Stopped after {done}{}.\n", self.others()));
        }
        let left = match self.remaining.first() {
            _ if self.nothing_left => String::from(" No changes are left."),
            Some(next) => format!(" The next stage is {}: plan again.", line(&next.name)),
            None => String::new(),
        };
        Some(format!("Applied: {done}.{left}\n"))
    }

    /// The changes that are in place, and the nodes that they are on.
    fn done(&self) -> (usize, usize) {
        let mut nodes = BTreeSet::new();
        let mut changes = 0;
        for stage in &self.stages {
            changes += stage.cluster_changes;
            for (name, node) in stage.nodes.iter().filter(|(_, node)| node.outcome == NodeEnd::Applied) {
                nodes.insert(name);
                changes += node.changes;
            }
        }
        (changes, nodes.len())
    }

    /// The nodes of the last stage on which it ended otherwise.
    fn others(&self) -> String {
        let Some(last) = self.stages.last() else { return String::new() };
        let listed = NodeEnd::LISTED.iter().filter_map(|(end, word)| {
            let nodes = last.nodes.iter().filter(|(_, node)| node.outcome == *end);
            let names: Vec<_> = nodes.map(|(name, _)| name.as_str()).collect();
            match names.len() {
                0 => None,
                1..=NAMES_SHOWN => Some(format!("; {word}: {}", names.join(", "))),
                many => Some(format!("; {word}: {}", count(many, "node"))),
            }
        });
        listed.collect()
    }
}

/// `14 s`, `2 m 14 s`, `1 h 2 m`.
fn time(seconds: u64) -> String {
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, 0) => String::from("less than 1 s"),
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} m {seconds} s"),
        (hours, minutes, _) => format!("{hours} h {minutes} m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stage(nodes: &[(&str, NodeEnd, usize)], cluster_changes: usize) -> AppliedStage {
        let node = |(name, outcome, changes): &(&str, NodeEnd, usize)| {
            let node = AppliedNode { outcome: *outcome, changes: *changes, error: None };
            (NodeName((*name).to_owned()), node)
        };
        AppliedStage {
            stage: StageTitle { name: String::from("s"), title: String::new() },
            summary: Summary::default(),
            nodes: nodes.iter().map(node).collect(),
            cluster_changes,
            stopped: None,
        }
    }

    fn summary(stages: Vec<AppliedStage>, exit_code: u8, alter: impl FnOnce(&mut Applied)) -> String {
        let mut applied = Applied { stages, exit_code, seconds: 134, ..Applied::new("prod", 0) };
        alter(&mut applied);
        applied.summary().unwrap_or_default()
    }

    #[test]
    fn the_summary_counts_what_is_in_place() {
        use NodeEnd::{Applied as Done, NeedsHuman, NotBegun, RolledBack};
        let first = || stage(&[("cp-1", Done, 20), ("w-1", Done, 5)], 2);
        assert_eq!(
            summary(vec![first(), stage(&[("cp-1", Done, 1)], 0)], 0, |it| it.nothing_left = true),
            "Applied: 28 changes on 2 nodes in 2 stages (2 m 14 s). No changes are left.\n"
        );
        assert_eq!(
            summary(vec![stage(&[], 1)], 0, |it| {
                it.seconds = 0;
                it.remaining = vec![StageTitle { name: String::from("next"), title: String::new() }];
            }),
            "Applied: 1 change in the cluster in 1 stage (less than 1 s). The next stage is next: plan again.\n"
        );
        let stopped = stage(
            &[
                ("cp-1", Done, 1),
                ("cp-2", RolledBack, 3),
                ("w-1", NotBegun, 1),
                ("w-2", NotBegun, 1),
                ("w-9", NeedsHuman, 1),
            ],
            0,
        );
        assert_eq!(
            summary(vec![first(), stopped], 4, |it| it.seconds = 3720),
            "Stopped after 28 changes on 2 nodes in 2 stages (1 h 2 m); needs a human: w-9; rolled back: cp-2; \
             not begun: w-1, w-2.\n"
        );
        assert_eq!(
            summary(vec![stage(&[("cp-1", RolledBack, 2)], 0)], 3, |_| ()),
            "Stopped with nothing changed (2 m 14 s); rolled back: cp-1.\n"
        );
        assert_eq!(summary(Vec::new(), 0, |_| ()), "Nothing to apply.\n");
        assert_eq!(summary(Vec::new(), 1, |_| ()), "");
    }
}
