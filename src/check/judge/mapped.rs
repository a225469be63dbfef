//! Findings of a benchmark that maps onto CIS items: the worst verdict of the items of each recommendation, node by node.

use super::super::benchmark::{Benchmark, mapped};
use super::super::control::{Control, Test};
use super::super::finding::{Finding, Verdict};
use super::Bench;
use super::outcome::Outcome;
use crate::inventory::NodeName;
use std::collections::{BTreeMap, BTreeSet};

/// The findings of such a benchmark; `None` for one that has tests of its own.
pub(super) fn findings(bench: &Bench<'_>, benchmark: &Benchmark) -> Option<Vec<Finding>> {
    let items = |control: &Control| match &control.test {
        Test::Items(items) => Some(items.clone()),
        _ => None,
    };
    let recommendations: Vec<(&Control, BTreeSet<String>)> =
        benchmark.controls().map(|control| Some((control, items(control)?))).collect::<Option<_>>()?;
    let wanted: BTreeSet<&String> = recommendations.iter().flat_map(|(_, items)| items).collect();
    let controls = mapped().controls().filter(|control| wanted.contains(&control.item));
    let judged: BTreeMap<&str, Vec<Finding>> =
        controls.map(|control| (control.item.as_str(), bench.findings(&mapped().name, control))).collect();
    let mut findings = Vec::new();
    for (control, items) in &recommendations {
        // In the benchmark's order, not in that of texts, where 1.2.10 comes before 1.2.2.
        let order = mapped().controls().filter(|control| items.contains(&control.item));
        let all: Vec<&Finding> =
            order.filter_map(|control| judged.get(control.item.as_str())).flatten().collect();
        let nodes = bench.nodes.iter().map(|node| Some(node.name)).chain([None]);
        for node in nodes {
            let here: Vec<&Finding> =
                all.iter().filter(|finding| finding.node.as_ref() == node).copied().collect();
            if !here.is_empty() {
                findings.push(worst(bench, &benchmark.name, control, node, &here));
            }
        }
        if items.is_empty() {
            let outcome = Outcome::against(control.tested.clone());
            findings.push(bench.finding(&benchmark.name, control, None, outcome));
        }
    }
    Some(findings)
}

/// The offending objects of all items. A waiver that accepts all objects accepts the finding: where some items name objects,
/// one that is wrong without naming any stands among them itself.
fn objects(items: &[&Finding]) -> Vec<String> {
    let mut objects: BTreeSet<String> = items.iter().flat_map(|finding| &finding.objects).cloned().collect();
    if !objects.is_empty() {
        let is_wrong = |finding: &&&Finding| {
            finding.objects.is_empty()
                && (finding.verdict == Verdict::Fail || !finding.differences.is_empty())
        };
        objects.extend(items.iter().filter(is_wrong).map(|finding| finding.control.to_string()));
    }
    objects.into_iter().collect()
}

/// One recommendation's finding from those of its items.
fn worst(
    bench: &Bench<'_>,
    benchmark: &str,
    control: &Control,
    node: Option<&NodeName>,
    items: &[&Finding],
) -> Finding {
    let is = |verdict: Verdict| items.iter().any(|finding| finding.verdict == verdict);
    let verdict = match (is(Verdict::Fail), is(Verdict::Warn)) {
        (true, _) => Verdict::Fail,
        (false, true) => Verdict::Warn,
        (false, false) => Verdict::Pass,
    };
    let (passed, open): (Vec<&Finding>, Vec<&Finding>) =
        items.iter().partition(|finding| finding.verdict == Verdict::Pass && finding.differences.is_empty());
    let mut evidence: Vec<String> = open
        .iter()
        .flat_map(|finding| finding.evidence.iter().map(move |line| format!("{}: {line}", finding.control)))
        .collect();
    if !passed.is_empty() {
        let names: Vec<_> = passed.iter().map(|finding| finding.control.to_string()).collect();
        evidence.push(format!("passed: {}", names.join(", ")));
    }
    let differences: BTreeSet<_> = items.iter().flat_map(|finding| &finding.differences).copied().collect();
    let mut finding = bench.finding(benchmark, control, node, Outcome::default());
    // Clean where the items that warn are; one that passes by its test alone and offends otherwise makes it unclean.
    finding.clean = match items.iter().filter_map(|item| item.clean).reduce(|all, clean| all && clean) {
        Some(true) if items.iter().any(|item| item.verdict == Verdict::Warn && item.clean.is_none()) => None,
        clean => clean,
    };
    finding.verdict = verdict;
    finding.scored = items.iter().any(|finding| finding.scored);
    finding.evidence = evidence;
    finding.objects = objects(items);
    finding.differences = differences.into_iter().collect();
    if verdict == Verdict::Pass {
        finding.remedy.clear();
    }
    finding.fixed_by = bench.fixed_by(benchmark, items.iter().map(|finding| &finding.control.item));
    finding
}
