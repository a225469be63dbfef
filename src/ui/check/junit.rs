//! A report in the form of JUnit's test results, which every CI shows: a suite for each section, a test for each control
//! and node. What fails or differs is a failure; what only warns or is waived is skipped, with its reason, as kube-bench
//! does it.

use super::escape::xml;
use super::fold::place;
use super::standing::{self, Deeper, Standing};
use crate::check::{Finding, Report};
use crate::ui::moment::rfc3339;
use crate::ui::{block, line};
use std::fmt::Write as _;

/// How often each outcome occurs.
#[derive(Default, Clone, Copy)]
struct Numbers {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Numbers {
    fn attributes(self) -> String {
        let Self { tests, failures, errors, skipped } = self;
        format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\"")
    }

    fn add(&mut self, other: Self) {
        self.tests += other.tests;
        self.failures += other.failures;
        self.errors += other.errors;
        self.skipped += other.skipped;
    }
}

/// A report as JUnit XML.
pub fn render(report: &Report) -> String {
    let mut total = Numbers::default();
    let mut suites = String::new();
    // The findings come by section.
    for findings in report.findings.chunk_by(|left, right| left.section == right.section) {
        let Some(first) = findings.first() else { continue };
        let mut numbers = Numbers::default();
        let mut cases = String::new();
        for finding in findings {
            cases.push_str(&case(finding, &mut numbers));
        }
        suites.push_str(&suite(&first.section, numbers, report, &cases));
        total.add(numbers);
    }
    if !report.unreachable.is_empty() {
        let mut numbers = Numbers::default();
        let mut cases = String::new();
        for unread in &report.unreachable {
            let node = unread.node.as_ref().map_or("the API", |node| node.as_str());
            numbers.tests += 1;
            numbers.errors += 1;
            let _ = writeln!(
                cases,
                "    <testcase classname=\"not read\" name=\"{}\" time=\"0\">\n      <error type=\"unreachable\" \
                 message=\"{}\"/>\n    </testcase>",
                xml(node),
                xml(&line(&unread.error))
            );
        }
        suites.push_str(&suite("Not read", numbers, report, &cases));
        total.add(numbers);
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{} on {}\" {} time=\"0\">\n{suites}</testsuites>\n",
        xml(&line(&report.benchmark_title)),
        xml(&line(&report.cluster)),
        total.attributes()
    )
}

fn suite(name: &str, numbers: Numbers, report: &Report, cases: &str) -> String {
    format!(
        "  <testsuite name=\"{}\" {} time=\"0\" timestamp=\"{}\">\n{cases}  </testsuite>\n",
        xml(&line(name)),
        numbers.attributes(),
        rfc3339(report.created).trim_end_matches('Z')
    )
}

fn case(finding: &Finding, numbers: &mut Numbers) -> String {
    numbers.tests += 1;
    let name = format!("{} {} [{}]", finding.control.item, finding.title, place(finding));
    let section = finding.section.split(' ').next().unwrap_or_default();
    let class = format!("{}.{section}", finding.control.benchmark);
    let said = said(finding);
    let text = xml(&block(&said));
    let message = |fallback: &str| xml(&line(finding.evidence.first().map_or(fallback, String::as_str)));
    let body = match Standing::of(finding) {
        Standing::Pass | Standing::Warn if standing::differs(finding) => {
            numbers.failures += 1;
            let message = xml(&standing::differences(finding));
            format!("      <failure type=\"difference\" message=\"{message}\">{text}</failure>\n")
        }
        Standing::Pass if standing::is_overlooked(finding) => {
            numbers.failures += 1;
            format!(
                "      <failure type=\"overlooked\" message=\"{}\">{text}</failure>\n",
                message(&finding.title)
            )
        }
        Standing::Pass => format!("      <system-out>{text}</system-out>\n"),
        Standing::Fail => {
            numbers.failures += 1;
            format!("      <failure type=\"fail\" message=\"{}\">{text}</failure>\n", message(&finding.title))
        }
        Standing::Warn | Standing::Waived => {
            numbers.skipped += 1;
            let message = match standing::waiver(finding).filter(|_| standing::is_waived(finding)) {
                Some(waiver) => xml(&line(&format!("waived: {waiver}"))),
                None => match Deeper::of(finding).words() {
                    Some(words) => format!("WARN, {words}"),
                    None => format!("WARN: {}", message("no machine can tell")),
                },
            };
            format!("      <skipped message=\"{message}\"/>\n      <system-out>{text}</system-out>\n")
        }
    };
    format!(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"0\">\n{body}    </testcase>\n",
        xml(&line(&class)),
        xml(&line(&name))
    )
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
