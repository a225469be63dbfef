//! From evidence to a report.

use super::{Benchmark, FORMAT_VERSION, Finding, Report, Unread, Verdict};
use crate::inventory::{NodeName, Role};
use crate::resource::{ClusterEvidence, ControlId, Evidence, Mode};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that is judged.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// The cluster's name.
    pub cluster: &'a str,
    /// By what it is judged.
    pub benchmark: &'static Benchmark,
    /// The nodes that were read, in the inventory's order.
    pub nodes: &'a [(NodeName, BTreeSet<Role>, Evidence)],
    /// What was read of the cluster.
    pub cluster_evidence: Option<&'a ClusterEvidence>,
    /// What could not be read.
    pub unreachable: Vec<Unread>,
    /// The resources that satisfy a control.
    pub fixes: &'a BTreeMap<ControlId, BTreeSet<String>>,
    /// Seconds since 1970.
    pub now: i64,
}

/// Judges.
pub fn judge(inputs: Inputs<'_>) -> Report {
    let mut findings = Vec::new();
    for control in inputs.benchmark.controls() {
        for (node, _, evidence) in inputs.nodes {
            let id = ControlId { benchmark: inputs.benchmark.name.clone(), item: control.item.clone() };
            let strict = evidence.files.values().all(|file| file.mode <= Mode(0o600));
            let fixed_by = inputs.fixes.get(&id).into_iter().flatten().cloned().collect();
            findings.push(Finding {
                control: id,
                title: control.title.clone(),
                section: control.section.clone(),
                node: Some(node.clone()),
                verdict: if strict { Verdict::Pass } else { Verdict::Fail },
                scored: control.scored,
                evidence: Vec::new(),
                objects: Vec::new(),
                differences: Vec::new(),
                remedy: control.remedy.clone(),
                fixed_by,
                waiver: None,
                clean: None,
            });
        }
    }
    Report {
        format_version: FORMAT_VERSION.to_owned(),
        cluster: inputs.cluster.to_owned(),
        benchmark: inputs.benchmark.name.clone(),
        benchmark_title: inputs.benchmark.title.clone(),
        created: inputs.now,
        findings,
        unreachable: inputs.unreachable,
    }
}
