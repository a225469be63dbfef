//! Evidence from short texts: processes as command lines, files as `600 root:root`.

use harden::check::{Benchmark, Finding, Inputs, Report, judge};
use harden::inventory::{NodeName, Role};
use harden::resource::{ClusterEvidence, ControlId, Evidence, EvidenceFile, Facts, Mode, NodePath, Process};
use std::collections::{BTreeMap, BTreeSet};

/// One node of a cluster.
pub(super) type Node = (NodeName, BTreeSet<Role>, Evidence);

/// A live node without anything on it.
pub(super) fn empty() -> Evidence {
    let facts = Facts { hostname: String::from("cp-1"), live: true, owners: true, ..Facts::default() };
    Evidence { facts, ..Evidence::default() }
}

/// A node's name.
pub(super) fn name(text: &str) -> NodeName {
    serde_json::from_value(text.into()).unwrap()
}

/// A path.
pub(super) fn path(text: &str) -> NodePath {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

/// A process; its program is the last part of the first word.
pub(super) fn process(pid: u32, line: &str) -> Process {
    let command: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
    let program = command[0].rsplit('/').next().unwrap().to_owned();
    Process { program, pid, command, environment: BTreeMap::new() }
}

/// `600 root:root`, with a `d` before the mode of a directory.
pub(super) fn file(text: &str) -> EvidenceFile {
    let (mode, owners) = text.split_once(' ').unwrap();
    let (owner, group) = owners.split_once(':').unwrap();
    EvidenceFile {
        is_directory: mode.starts_with('d'),
        mode: Mode(u32::from_str_radix(mode.trim_start_matches('d'), 8).unwrap()),
        owner: owner.to_owned(),
        group: group.to_owned(),
    }
}

/// The report on these nodes.
pub(super) fn report(
    benchmark: &str,
    nodes: &[Node],
    cluster: Option<&ClusterEvidence>,
    fixes: &BTreeMap<ControlId, BTreeSet<String>>,
) -> Report {
    let benchmark = Benchmark::named(benchmark).unwrap();
    judge(Inputs {
        cluster: "lab",
        benchmark,
        nodes,
        cluster_evidence: cluster,
        unreachable: Vec::new(),
        fixes,
        now: 1_700_000_000,
    })
}

/// The finding on an item, on one node or on the cluster.
pub(super) fn finding<'a>(report: &'a Report, item: &str, node: Option<&str>) -> &'a Finding {
    let mut found = report.findings.iter().filter(|finding| {
        finding.control.item == item && finding.node.as_ref().map(NodeName::as_str) == node
    });
    let first = found.next().unwrap_or_else(|| panic!("no finding on {item}"));
    assert!(found.next().is_none(), "two findings on {item}");
    first
}
