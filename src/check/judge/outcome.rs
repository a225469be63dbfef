//! What the test of one control on one node came to.

use super::super::finding::Difference;
use crate::resource::{EvidenceFile, NodePath};

/// Of so many offending files the evidence says what is wrong with each; of the rest how many there are.
const SHOWN: usize = 5;

/// What a test came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Whether it is as demanded.
    pub passes: bool,
    /// What was looked at and seen.
    pub evidence: Vec<String>,
    /// The offending files, all of them: a waiver for some must not accept what is left out.
    pub objects: Vec<String>,
    /// Where places that should say the same differ.
    pub differences: Vec<Difference>,
    /// Whether an evaluation deeper than the verdict found nothing to blame; `None` where there is none.
    pub clean: Option<bool>,
}

impl Outcome {
    /// One that does not pass, with one line of evidence.
    pub(super) fn against(line: impl Into<String>) -> Self {
        Self { evidence: vec![line.into()], ..Self::default() }
    }

    /// Of files that are all looked at: those that do not hold, and what one file has and should have, in words.
    pub(super) fn of_files(
        files: &[(&NodePath, &EvidenceFile)],
        holds: impl Fn(&EvidenceFile) -> bool,
        has: impl Fn(&EvidenceFile) -> String,
        wanted: &str,
    ) -> Self {
        let offending: Vec<_> = files.iter().filter(|(_, file)| !holds(file)).collect();
        let line = |(path, file): &(&NodePath, &EvidenceFile)| format!("{path} {}", has(file));
        let mut evidence = vec![match (files, offending.as_slice()) {
            ([one], []) => line(one),
            ([_], [one]) => format!("{}, wanted {wanted}", line(one)),
            (_, []) => format!("all {} are {wanted}", files.len()),
            (_, some) => format!("{} of {} are not {wanted}", some.len(), files.len()),
        }];
        if files.len() > 1 {
            evidence.extend(offending.iter().take(SHOWN).map(|file| line(file)));
        }
        let objects = offending.iter().map(|(path, _)| path.to_string()).collect();
        Self { passes: offending.is_empty(), evidence, objects, ..Self::default() }
    }
}
