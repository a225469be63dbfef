//! How a finding stands once waivers are counted in, and the numbers of that for a node and for the whole report.

use crate::check::{Difference, Finding, Report, Verdict};
use crate::inventory::NodeName;
use crate::resource::ControlId;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// How a finding stands, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Standing {
    Pass,
    Waived,
    Warn,
    Fail,
}

impl Standing {
    pub(super) fn of(finding: &Finding) -> Self {
        match finding.verdict {
            Verdict::Pass => Self::Pass,
            _ if is_waived(finding) => Self::Waived,
            Verdict::Warn => Self::Warn,
            Verdict::Fail => Self::Fail,
        }
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Pass => "PASS",
            Self::Waived => "WAIVED",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        }
    }
}

/// Whether a waiver that still counts accepts it.
pub(super) fn is_waived(finding: &Finding) -> bool {
    finding.waiver.as_ref().is_some_and(|waiver| !waiver.is_expired)
}

/// Whether it warns and nothing that offends is the user's.
fn is_clean(finding: &Finding) -> bool {
    Deeper::of(finding) == Deeper::Clean && !is_waived(finding)
}

/// Whether it passes, something offends all the same, and nobody has accepted that.
pub(super) fn is_overlooked(finding: &Finding) -> bool {
    Deeper::of(finding) == Deeper::Overlooked && !is_waived(finding)
}

/// Whether it differs and nobody has accepted that.
pub(super) fn differs(finding: &Finding) -> bool {
    !finding.differences.is_empty() && !is_waived(finding)
}

/// Where a deeper look than the benchmark's test came to something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Deeper {
    /// It passes, and something offends that the test does not see.
    Overlooked,
    /// There was no such look, or it says the same.
    Same,
    /// It warns, and nothing that offends is the user's.
    Clean,
}

impl Deeper {
    pub(super) fn of(finding: &Finding) -> Self {
        match (finding.verdict, finding.clean) {
            (Verdict::Pass, Some(false)) => Self::Overlooked,
            (Verdict::Warn | Verdict::Fail, Some(true)) => Self::Clean,
            _ => Self::Same,
        }
    }

    pub(super) fn words(self) -> Option<&'static str> {
        match self {
            Self::Overlooked => Some("overlooked by the test"),
            Self::Same => None,
            Self::Clean => Some("nothing of yours"),
        }
    }
}

/// The verdict's word, waivers not counted in.
pub(super) fn verdict(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "PASS",
        Verdict::Fail => "FAIL",
        Verdict::Warn => "WARN",
    }
}

/// A difference in words.
pub(super) fn difference(difference: Difference) -> &'static str {
    match difference {
        Difference::NotRestarted => "written but not restarted",
        Difference::LostAtRestart => "running but not written: lost at the next restart",
        Difference::LostAtUpgrade => "lost at the next kubeadm upgrade",
    }
}

/// The differences of a finding in words.
pub(super) fn differences(finding: &Finding) -> String {
    finding.differences.iter().map(|it| difference(*it)).collect::<Vec<_>>().join("; ")
}

/// What a waiver says of itself, "accepted until 2027-01-31: reason".
pub(super) fn waiver(finding: &Finding) -> Option<String> {
    let waiver = finding.waiver.as_ref()?;
    let reason = &waiver.reason;
    Some(match (&waiver.expires, waiver.is_expired) {
        (Some(day), true) => format!("expired on {day} and counts no more: {reason}"),
        (None, true) => format!("expired and counts no more: {reason}"),
        (Some(day), false) => format!("accepted until {day}: {reason}"),
        (None, false) => format!("accepted: {reason}"),
    })
}

/// How many findings, or controls, stand how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Tally {
    /// As the benchmark demands.
    pub pass: usize,
    /// Scored, and not as it demands.
    pub fail: usize,
    /// Not scored and not as it demands, or nobody can tell by machine.
    pub warn: usize,
    /// Accepted by a waiver.
    pub waived: usize,
    /// Where file, process and kubeadm's records differ; counted above as well.
    pub differ: usize,
    /// With a waiver that has expired; counted above as well.
    pub expired: usize,
    /// Warnings that are about nothing of the user's; counted above as well.
    pub clean: usize,
    /// What passes although something offends that the benchmark's test does not see; counted above as well.
    pub overlooked: usize,
}

impl Tally {
    fn count(&mut self, standing: Standing) {
        *match standing {
            Standing::Pass => &mut self.pass,
            Standing::Waived => &mut self.waived,
            Standing::Warn => &mut self.warn,
            Standing::Fail => &mut self.fail,
        } += 1;
    }

    fn add(&mut self, finding: &Finding) {
        self.count(Standing::of(finding));
        self.differ += usize::from(differs(finding));
        self.expired += usize::from(finding.waiver.as_ref().is_some_and(|waiver| waiver.is_expired));
        self.clean += usize::from(is_clean(finding));
        self.overlooked += usize::from(is_overlooked(finding));
    }

    /// `68 pass, 12 fail, 51 warn`, and what else there is.
    pub(super) fn words(&self) -> String {
        let mut words = format!("{} pass, {} fail, {} warn", self.pass, self.fail, self.warn);
        let further = [
            (self.waived, "waived"),
            (self.differ, "differ"),
            (self.overlooked, "overlooked"),
            (self.expired, "expired"),
        ];
        for (number, word) in further.into_iter().filter(|(number, _)| *number > 0) {
            let _ = write!(words, ", {number} {word}");
        }
        words
    }
}

/// The numbers of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// Each control once, as it stands where it stands worst.
    pub controls: Tally,
    /// The findings of each node.
    pub nodes: BTreeMap<NodeName, Tally>,
    /// The findings about the cluster as a whole.
    pub cluster: Tally,
    /// How many nodes were asked for; those in `nodes` were read.
    pub of: usize,
}

impl Summary {
    /// Counts.
    pub fn of(report: &Report) -> Self {
        let mut worst: BTreeMap<&ControlId, (Standing, Vec<&Finding>)> = BTreeMap::new();
        let mut nodes: BTreeMap<NodeName, Tally> = BTreeMap::new();
        let mut cluster = Tally::default();
        for finding in &report.findings {
            let standing = Standing::of(finding);
            let (known, findings) = worst.entry(&finding.control).or_insert((standing, Vec::new()));
            *known = standing.max(*known);
            findings.push(finding);
            match &finding.node {
                Some(node) => match nodes.get_mut(node) {
                    Some(tally) => tally.add(finding),
                    None => nodes.entry(node.clone()).or_default().add(finding),
                },
                None => cluster.add(finding),
            }
        }
        let mut controls = Tally::default();
        for (standing, findings) in worst.values() {
            controls.count(*standing);
            let any = |test: fn(&Finding) -> bool| usize::from(findings.iter().any(|finding| test(finding)));
            controls.differ += any(differs);
            controls.overlooked += any(is_overlooked);
            controls.expired +=
                any(|finding| finding.waiver.as_ref().is_some_and(|waiver| waiver.is_expired));
            controls.clean +=
                usize::from(*standing == Standing::Warn && findings.iter().all(|finding| is_clean(finding)));
        }
        let lost: BTreeSet<_> = report.unreachable.iter().filter_map(|unread| unread.node.as_ref()).collect();
        let of = nodes.len() + lost.iter().filter(|node| !nodes.contains_key(node)).count();
        Self { controls, nodes, cluster, of }
    }
}
