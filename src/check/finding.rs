//! What a check says: one finding for each control on each node, or on the cluster.

use crate::inventory::NodeName;
use crate::resource::ControlId;
use serde::{Deserialize, Serialize};

/// Everything that one run of `harden check` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// The version of this report's JSON form. The part before the dot changes when a reader must change.
    pub format_version: String,
    /// The cluster's name.
    pub cluster: String,
    /// The benchmark, `cis-1.12`.
    pub benchmark: String,
    /// Its title for people, "CIS Kubernetes Benchmark v1.12".
    pub benchmark_title: String,
    /// When, seconds since 1970.
    pub created: i64,
    /// The findings: by section and control in the benchmark's order, then by node in the inventory's.
    pub findings: Vec<Finding>,
    /// Nodes that could not be read, or the API, and why. The findings say nothing of them.
    pub unreachable: Vec<Unread>,
    /// What the user should know beside the findings, one line each.
    pub notes: Vec<String>,
}

/// A node, or the API, that could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unread {
    /// The node; `None` for the API.
    pub node: Option<NodeName>,
    /// Why.
    pub error: String,
}

/// One control on one node, or on the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Which control.
    pub control: ControlId,
    /// What it demands, in one line.
    pub title: String,
    /// The section that it stands in, "1.2 API Server".
    pub section: String,
    /// The node; `None` for the cluster.
    pub node: Option<NodeName>,
    /// The verdict, as kube-bench would give it for the same facts where it can judge them.
    pub verdict: Verdict,
    /// Whether the benchmark scores it ("Automated"): only a scored control fails, another one warns.
    pub scored: bool,
    /// What was looked at and seen, one line each: "kube-apiserver runs with --profiling=true".
    pub evidence: Vec<String>,
    /// The offending objects or files, all of them: a waiver that accepts some must not accept what is left out. Who shows
    /// them shows as many as a person can read.
    pub objects: Vec<String>,
    /// Where file, process and kubeadm's records differ. A finding of its own, whatever the verdict.
    pub differences: Vec<Difference>,
    /// What to do about it; empty where it passes.
    pub remedy: String,
    /// The resources with which `harden apply` brings it about, `static-pod.kube-apiserver`; empty where it does not.
    pub fixed_by: Vec<String>,
    /// Whether harden's own evaluation, which names objects and goes beyond the benchmark's test, found nothing of the user's that
    /// offends; false also where it could not tell. `None` where there is no evaluation beyond the verdict.
    pub clean: Option<bool>,
    /// The waiver that accepts it.
    pub waiver: Option<Waived>,
}

/// The verdict on one control.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It is as the benchmark demands.
    Pass,
    /// It is not, and the benchmark scores it.
    Fail,
    /// It is not and the benchmark does not score it, or no machine can tell.
    Warn,
}

/// Two places that should say the same and do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Difference {
    /// The file has it and the running process does not: written, but not restarted.
    NotRestarted,
    /// The process has it and the file does not: it is lost when the process starts again.
    LostAtRestart,
    /// The node has it and kubeadm's record does not: it is lost at the next `kubeadm upgrade`.
    LostAtUpgrade,
}

/// An accepted exception, as far as a report tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waived {
    /// Why it is accepted.
    pub reason: String,
    /// The last day on which it counts, `2027-01-31`; `None` for ever.
    pub expires: Option<String>,
    /// Whether that day is over: then it counts no more, and the finding stands.
    pub is_expired: bool,
}

impl Finding {
    /// Whether somebody has to do something: it does not pass, or differs, and no waiver that still counts accepts it. A warning is
    /// not open where harden's own evaluation found nothing; a pass is where that evaluation found what the test overlooks.
    pub fn is_open(&self) -> bool {
        let waived = self.waiver.as_ref().is_some_and(|waiver| !waiver.is_expired);
        let stands = match (self.verdict, self.clean) {
            (Verdict::Fail, _) | (_, Some(false)) | (Verdict::Warn, None) => true,
            (Verdict::Pass, _) | (Verdict::Warn, Some(true)) => false,
        };
        !waived && (stands || !self.differences.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finding(verdict: Verdict, clean: Option<bool>) -> Finding {
        Finding {
            control: ControlId { benchmark: String::from("cis-1.12"), item: String::from("5.2.2") },
            title: String::new(),
            section: String::new(),
            node: None,
            verdict,
            scored: false,
            evidence: Vec::new(),
            objects: Vec::new(),
            differences: Vec::new(),
            remedy: String::new(),
            fixed_by: Vec::new(),
            clean,
            waiver: None,
        }
    }

    #[test]
    fn what_is_open_is_the_verdict_and_what_was_evaluated() {
        for (verdict, clean, open) in [
            (Verdict::Pass, None, false),
            (Verdict::Pass, Some(true), false),
            (Verdict::Pass, Some(false), true),
            (Verdict::Warn, None, true),
            (Verdict::Warn, Some(true), false),
            (Verdict::Warn, Some(false), true),
            (Verdict::Fail, Some(true), true),
        ] {
            assert_eq!(finding(verdict, clean).is_open(), open, "{verdict:?} {clean:?}");
        }
    }

    #[test]
    fn a_waiver_that_counts_closes_it_and_a_difference_opens_it() {
        let mut clean = finding(Verdict::Warn, Some(true));
        clean.differences.push(Difference::NotRestarted);
        assert!(clean.is_open());
        let waiver = |is_expired| Some(Waived { reason: String::from("known"), expires: None, is_expired });
        assert!(!Finding { waiver: waiver(false), ..clean.clone() }.is_open());
        assert!(Finding { waiver: waiver(true), ..clean }.is_open());
    }
}
