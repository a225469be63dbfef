//! A report in the form of JUnit's test results, which every CI shows: a suite for each section, a test for each control
//! and node. What fails or differs is a failure; what only warns or is waived is skipped, with its reason, as kube-bench
//! does it.

use super::fold::place;
use super::standing::{self, Deeper, Standing};
use crate::check::{Finding, Report};
use crate::ui::reports::junit::{Case, Outcome, Suite, document};

/// A report as JUnit XML.
pub fn render(report: &Report) -> String {
    // The findings come by section.
    let sections = report.findings.chunk_by(|left, right| left.section == right.section);
    let mut suites: Vec<_> = sections
        .filter_map(|findings| {
            let name = findings.first()?.section.clone();
            Some(Suite { name, cases: findings.iter().map(case).collect() })
        })
        .collect();
    if !report.unreachable.is_empty() {
        let cases = report.unreachable.iter().map(|unread| Case {
            class: String::from("not read"),
            name: unread.node.as_ref().map_or("the API", |node| node.as_str()).to_owned(),
            outcome: Outcome::Error("unreachable", unread.error.clone()),
            text: String::new(),
        });
        suites.push(Suite { name: String::from("Not read"), cases: cases.collect() });
    }
    document(&format!("{} on {}", report.benchmark_title, report.cluster), report.created, &suites)
}

fn case(finding: &Finding) -> Case {
    let section = finding.section.split(' ').next().unwrap_or_default();
    Case {
        class: format!("{}.{section}", finding.control.benchmark),
        name: format!("{} {} [{}]", finding.control.item, finding.title, place(finding)),
        outcome: outcome(finding),
        text: said(finding),
    }
}

fn outcome(finding: &Finding) -> Outcome {
    let message = |fallback: &str| finding.evidence.first().map_or(fallback, String::as_str).to_owned();
    match Standing::of(finding) {
        Standing::Pass | Standing::Warn if standing::differs(finding) => {
            Outcome::Failed("difference", standing::differences(finding))
        }
        Standing::Pass if standing::is_overlooked(finding) => {
            Outcome::Failed("overlooked", message(&finding.title))
        }
        Standing::Pass => Outcome::Passed,
        Standing::Fail => Outcome::Failed("fail", message(&finding.title)),
        Standing::Warn | Standing::Waived => {
            let waiver = standing::waiver(finding).filter(|_| standing::is_waived(finding));
            Outcome::Skipped(match (waiver, Deeper::of(finding).words()) {
                (Some(waiver), _) => format!("waived: {waiver}"),
                (None, Some(words)) => format!("WARN, {words}"),
                (None, None) => format!("WARN: {}", message("no machine can tell")),
            })
        }
    }
}

/// Everything that there is to say, a line each.
fn said(finding: &Finding) -> String {
    let mut lines = vec![format!("{} on {}", standing::verdict(finding.verdict), place(finding))];
    lines.extend(finding.evidence.iter().cloned());
    lines.extend(finding.objects.iter().map(|object| format!("object: {object}")));
    if !finding.differences.is_empty() {
        lines.push(format!("differs: {}", standing::differences(finding)));
    }
    lines.extend(standing::waiver(finding).map(|waiver| format!("waiver: {waiver}")));
    if finding.is_open() {
        lines.extend(finding.remedy.trim().lines().map(|text| format!("remedy: {text}")));
        lines.extend(finding.fixed_by.iter().map(|id| format!("fixed by harden apply: {id}")));
    }
    lines.join("\n")
}
