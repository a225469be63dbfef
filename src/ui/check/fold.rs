//! Nodes of one role mostly get the same verdict for the same reason. Findings are put together by section, control,
//! standing and what there is to say, so that a report of a large cluster stays readable.

use super::standing::{Deeper, Standing};
use crate::check::{Finding, Report};
use crate::resource::ControlId;
use std::collections::BTreeMap;

/// A section of the benchmark.
#[derive(Debug)]
pub(super) struct Section<'a> {
    pub(super) title: &'a str,
    pub(super) controls: Vec<Control<'a>>,
}

/// One control on all nodes.
#[derive(Debug)]
pub(super) struct Control<'a> {
    pub(super) id: &'a ControlId,
    pub(super) title: &'a str,
    pub(super) lines: Vec<Line<'a>>,
}

/// The nodes on which it stands the same; the worst standing comes first.
#[derive(Debug)]
pub(super) struct Line<'a> {
    pub(super) standing: Standing,
    /// What a deeper look came to.
    pub(super) deeper: Deeper,
    pub(super) groups: Vec<Group<'a>>,
}

/// The nodes of which the very same is said.
#[derive(Debug)]
pub(super) struct Group<'a> {
    /// What is said.
    pub(super) finding: &'a Finding,
    /// Of which nodes, in the report's order; the cluster as "cluster".
    pub(super) nodes: Vec<&'a str>,
}

/// What the cluster is called in place of a node.
pub(super) const CLUSTER: &str = "cluster";

/// Where a finding is.
pub(super) fn place(finding: &Finding) -> &str {
    finding.node.as_ref().map_or(CLUSTER, |node| node.as_str())
}

/// The report by section and control, in the report's order.
pub(super) fn fold(report: &Report) -> Vec<Section<'_>> {
    let mut sections: Vec<(&str, Vec<Vec<&Finding>>)> = Vec::new();
    let mut at_section: BTreeMap<&str, usize> = BTreeMap::new();
    let mut at_control: BTreeMap<(&str, &ControlId), usize> = BTreeMap::new();
    for finding in &report.findings {
        let section = *at_section.entry(&finding.section).or_insert_with(|| {
            sections.push((&finding.section, Vec::new()));
            sections.len() - 1
        });
        let Some((_, controls)) = sections.get_mut(section) else { continue };
        let control = *at_control.entry((&finding.section, &finding.control)).or_insert_with(|| {
            controls.push(Vec::new());
            controls.len() - 1
        });
        if let Some(findings) = controls.get_mut(control) {
            findings.push(finding);
        }
    }
    sections
        .into_iter()
        .map(|(title, controls)| Section {
            title,
            controls: controls.iter().filter_map(|it| control(it)).collect(),
        })
        .collect()
}

fn control<'a>(findings: &[&'a Finding]) -> Option<Control<'a>> {
    let first = findings.first()?;
    let mut lines: BTreeMap<_, Vec<&'a Finding>> = BTreeMap::new();
    for finding in findings {
        // The worst first.
        let key = (std::cmp::Reverse(Standing::of(finding)), Deeper::of(finding));
        lines.entry(key).or_default().push(finding);
    }
    let lines = lines.into_iter().map(|((standing, deeper), findings)| Line {
        standing: standing.0,
        deeper,
        groups: groups(&findings),
    });
    Some(Control { id: &first.control, title: &first.title, lines: lines.collect() })
}

fn groups<'a>(findings: &[&'a Finding]) -> Vec<Group<'a>> {
    let mut groups: Vec<Group<'a>> = Vec::new();
    let mut known = BTreeMap::new();
    for finding in findings {
        let waiver = finding.waiver.as_ref().map(|it| (&it.reason, &it.expires, it.is_expired));
        let said = (
            &finding.evidence,
            &finding.objects,
            &finding.differences,
            &finding.remedy,
            &finding.fixed_by,
            (waiver, finding.verdict),
        );
        let at = *known.entry(said).or_insert_with(|| {
            groups.push(Group { finding, nodes: Vec::new() });
            groups.len() - 1
        });
        if let Some(group) = groups.get_mut(at) {
            group.nodes.push(place(finding));
        }
    }
    groups
}
