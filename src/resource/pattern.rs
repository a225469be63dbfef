//! Patterns of controls, as users write them on the command line. Which controls there are is for the caller to know.

use super::ControlId;
use crate::error::Hint;
use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

/// A choice of controls: `cis-1.12:1.2.*`, `1.2.16`, `5.*`. Without a benchmark in front it is about the present one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ControlPattern {
    benchmark: Option<String>,
    item: String,
}

/// A text chooses no controls.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ControlPatternError {
    /// It is not written as one.
    #[error("`{0}` chooses no controls; it looks like `cis-1.12:1.2.*` or `1.2.16`")]
    Malformed(String),
    /// There is no benchmark of that name.
    #[error("`{pattern}` names the benchmark {benchmark}, which there is not")]
    UnknownBenchmark {
        /// The pattern.
        pattern: String,
        /// What it names.
        benchmark: String,
        /// What there is.
        known: Vec<String>,
    },
    /// The benchmark has no such control.
    #[error("`{pattern}` matches no control of {benchmark}")]
    NoMatch {
        /// The pattern.
        pattern: String,
        /// The benchmark that it is about.
        benchmark: String,
        /// The sections that there are.
        sections: Vec<String>,
    },
}

impl Hint for ControlPatternError {
    fn hint(&self) -> Option<String> {
        match self {
            Self::Malformed(_) => None,
            Self::UnknownBenchmark { known, .. } => Some(format!("the benchmarks are {}", known.join(", "))),
            Self::NoMatch { benchmark, sections, .. } => {
                let patterns: Vec<String> = sections.iter().map(|section| format!("{section}.*")).collect();
                Some(format!("in {benchmark} there are {}", patterns.join(", ")))
            }
        }
    }
}

impl ControlPattern {
    /// The benchmark that it names.
    pub fn benchmark(&self) -> Option<&str> {
        self.benchmark.as_deref()
    }

    /// Whether it is about a control. `present` is the benchmark that is meant where it names none.
    pub fn matches(&self, control: &ControlId, present: &str) -> bool {
        self.benchmark().unwrap_or(present) == control.benchmark && star_matches(&self.item, &control.item)
    }

    /// Those of the known controls that any of the patterns is about. It is an error where one is about none.
    pub fn select(
        patterns: &[Self],
        present: &str,
        known: &[ControlId],
    ) -> Result<BTreeSet<ControlId>, ControlPatternError> {
        let mut selected = BTreeSet::new();
        for pattern in patterns {
            let matching: Vec<_> = known.iter().filter(|control| pattern.matches(control, present)).collect();
            if matching.is_empty() {
                return Err(pattern.about_none(present, known));
            }
            selected.extend(matching.into_iter().cloned());
        }
        Ok(selected)
    }

    fn about_none(&self, present: &str, known: &[ControlId]) -> ControlPatternError {
        let benchmark = self.benchmark().unwrap_or(present).to_owned();
        let of_it: Vec<_> = known.iter().filter(|control| control.benchmark == benchmark).collect();
        let pattern = self.to_string();
        if of_it.is_empty() {
            let known: BTreeSet<_> = known.iter().map(|control| control.benchmark.clone()).collect();
            return ControlPatternError::UnknownBenchmark {
                pattern,
                benchmark,
                known: known.into_iter().collect(),
            };
        }
        let mut sections: Vec<String> = of_it.iter().map(|control| control.section().to_owned()).collect();
        sections.dedup();
        ControlPatternError::NoMatch { pattern, benchmark, sections }
    }
}

impl fmt::Display for ControlPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.benchmark {
            Some(benchmark) => write!(f, "{benchmark}:{}", self.item),
            None => f.write_str(&self.item),
        }
    }
}

impl FromStr for ControlPattern {
    type Err = ControlPatternError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (benchmark, item) = match text.split_once(':') {
            Some((benchmark, item)) => (Some(benchmark), item),
            None => (None, text),
        };
        let is_word = |text: &str, more: char| {
            let sound = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_') || c == more;
            !text.is_empty() && text.chars().all(sound)
        };
        if !is_word(item, '*') || benchmark.is_some_and(|benchmark| !is_word(benchmark, '.')) {
            return Err(ControlPatternError::Malformed(text.to_owned()));
        }
        Ok(Self { benchmark: benchmark.map(str::to_owned), item: item.to_owned() })
    }
}

/// Whether a text matches a pattern in which a star stands for anything.
fn star_matches(pattern: &str, text: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == text };
    let Some(mut text) = text.strip_prefix(first) else { return false };
    let (middle, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in middle.split('*') {
        let Some(at) = text.find(part) else { return false };
        text = &text[at + part.len()..];
    }
    text.ends_with(last)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_choose_controls() {
        let control = |text: &str| text.parse::<ControlId>().unwrap();
        for (pattern, yes, no) in [
            ("1.2.16", "cis-1.12:1.2.16", "cis-1.12:1.2.1"),
            ("1.2.*", "cis-1.12:1.2.1", "cis-1.12:1.20.1"),
            ("5.*", "cis-1.12:5.1.1", "cis-1.12:1.5.1"),
            ("*", "cis-1.12:5.1.1", "cis-2.0:5.1.1"),
            ("cis-2.0:1.2.*", "cis-2.0:1.2.1", "cis-1.12:1.2.1"),
            ("*.1", "cis-1.12:1.2.1", "cis-1.12:1.2.11"),
            ("1.*.*6", "cis-1.12:1.2.16", "cis-1.12:1.2.17"),
            ("1.*2*", "cis-1.12:1.2.1", "cis-1.12:1.1.1"),
        ] {
            let pattern: ControlPattern = pattern.parse().unwrap();
            assert!(pattern.matches(&control(yes), "cis-1.12"), "{pattern} {yes}");
            assert!(!pattern.matches(&control(no), "cis-1.12"), "{pattern} {no}");
        }
        assert!(!star_matches("1*1", "1"), "a star does not make one character two");
        for bad in ["", ":", "cis-1.12:", ":1.2", "1.2 ", "c*s:1.2", "1.2;x", "a:b:c"] {
            assert!(bad.parse::<ControlPattern>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_pattern_that_matches_nothing_says_what_there_is() {
        let known: Vec<ControlId> = ["cis-1.12:1.1.1", "cis-1.12:1.1.2", "cis-1.12:5.1.1", "cis-2.0:1.1.1"]
            .iter()
            .map(|text| text.parse().unwrap())
            .collect();
        let select = |patterns: &[&str]| {
            let patterns: Vec<ControlPattern> = patterns.iter().map(|text| text.parse().unwrap()).collect();
            ControlPattern::select(&patterns, "cis-1.12", &known)
        };
        let texts = |patterns: &[&str]| -> Vec<String> {
            select(patterns).unwrap().iter().map(ToString::to_string).collect()
        };
        assert_eq!(texts(&["1.*", "1.1.1"]), ["cis-1.12:1.1.1", "cis-1.12:1.1.2"]);
        assert_eq!(texts(&["cis-2.0:*", "5.*"]), ["cis-1.12:5.1.1", "cis-2.0:1.1.1"]);
        assert!(texts(&[]).is_empty());
        for (pattern, message, hint) in [
            ("1.1", "`1.1` matches no control of cis-1.12", "in cis-1.12 there are 1.1.*, 5.1.*"),
            (
                "cis-3:1.1.1",
                "`cis-3:1.1.1` names the benchmark cis-3, which there is not",
                "the benchmarks are cis-1.12, cis-2.0",
            ),
        ] {
            let error = select(&["1.*", pattern]).unwrap_err();
            assert_eq!((error.to_string(), error.hint()), (message.to_owned(), Some(hint.to_owned())));
        }
    }
}
