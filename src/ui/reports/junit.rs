//! Test results in the form of JUnit's, which every CI shows. The texts are foreign: here they become one line or a block, and XML.

use super::xml;
use crate::ui::moment::rfc3339;
use crate::ui::{block, line};
use std::fmt::Write as _;

/// A group of tests.
pub(in crate::ui) struct Suite {
    /// What it is called.
    pub(in crate::ui) name: String,
    /// Its tests.
    pub(in crate::ui) cases: Vec<Case>,
}

/// A test.
pub(in crate::ui) struct Case {
    /// The class that it stands in, by whose dots a CI makes a tree.
    pub(in crate::ui) class: String,
    /// What it is called.
    pub(in crate::ui) name: String,
    /// How it ended.
    pub(in crate::ui) outcome: Outcome,
    /// Everything that there is to say; empty where the outcome says it.
    pub(in crate::ui) text: String,
}

/// How a test ended, with what there is to say in one line.
pub(in crate::ui) enum Outcome {
    /// As it should.
    Passed,
    /// Not as it should: of which kind.
    Failed(&'static str, String),
    /// It could not be made: of which kind.
    Error(&'static str, String),
    /// It does not count.
    Skipped(String),
}

/// How often each outcome occurs.
#[derive(Default, Clone, Copy)]
struct Numbers {
    tests: usize,
    failures: usize,
    errors: usize,
    skipped: usize,
}

impl Numbers {
    fn of<'a>(cases: impl Iterator<Item = &'a Case>) -> Self {
        let mut numbers = Self::default();
        for case in cases {
            numbers.tests += 1;
            match case.outcome {
                Outcome::Passed => {}
                Outcome::Failed(..) => numbers.failures += 1,
                Outcome::Error(..) => numbers.errors += 1,
                Outcome::Skipped(_) => numbers.skipped += 1,
            }
        }
        numbers
    }

    fn attributes(self) -> String {
        let Self { tests, failures, errors, skipped } = self;
        format!("tests=\"{tests}\" failures=\"{failures}\" errors=\"{errors}\" skipped=\"{skipped}\"")
    }
}

/// The results of a run that was made at a time, seconds since 1970.
pub(in crate::ui) fn document(name: &str, created: i64, suites: &[Suite]) -> String {
    let total = Numbers::of(suites.iter().flat_map(|suite| &suite.cases));
    let suites: Vec<_> = suites.iter().map(|it| suite(it, created)).collect();
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"{}\" {} time=\"0\">\n{}</testsuites>\n",
        xml(&line(name)),
        total.attributes(),
        suites.concat()
    )
}

fn suite(suite: &Suite, created: i64) -> String {
    let cases: Vec<_> = suite.cases.iter().map(case).collect();
    format!(
        "  <testsuite name=\"{}\" {} time=\"0\" timestamp=\"{}\">\n{}  </testsuite>\n",
        xml(&line(&suite.name)),
        Numbers::of(suite.cases.iter()).attributes(),
        // JUnit's own has no time zone.
        rfc3339(created).trim_end_matches('Z'),
        cases.concat()
    )
}

fn case(case: &Case) -> String {
    let mut text = format!(
        "    <testcase classname=\"{}\" name=\"{}\" time=\"0\">\n",
        xml(&line(&case.class)),
        xml(&line(&case.name))
    );
    let told = xml(&block(&case.text));
    let problem = |element: &str, kind: &str, message: &str| {
        let message = xml(&line(message));
        match told.as_str() {
            "" => format!("      <{element} type=\"{kind}\" message=\"{message}\"/>\n"),
            told => format!("      <{element} type=\"{kind}\" message=\"{message}\">{told}</{element}>\n"),
        }
    };
    let output = || match told.as_str() {
        "" => String::new(),
        told => format!("      <system-out>{told}</system-out>\n"),
    };
    let _ = match &case.outcome {
        Outcome::Passed => write!(text, "{}", output()),
        Outcome::Failed(kind, message) => write!(text, "{}", problem("failure", kind, message)),
        Outcome::Error(kind, message) => write!(text, "{}", problem("error", kind, message)),
        Outcome::Skipped(message) => {
            write!(text, "      <skipped message=\"{}\"/>\n{}", xml(&line(message)), output())
        }
    };
    text.push_str("    </testcase>\n");
    text
}
