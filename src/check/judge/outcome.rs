//! What the test of one control on one node came to.

use super::super::finding::Difference;
use crate::resource::{EvidenceFile, NodePath};

/// As many offending objects as a person can read; the evidence says how many there are.
pub(super) const MANY: usize = 20;

/// What a test came to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// Whether it is as demanded.
    pub passes: bool,
    /// What was looked at and seen.
    pub evidence: Vec<String>,
    /// The offending files.
    pub objects: Vec<String>,
    /// Where places that should say the same differ.
    pub differences: Vec<Difference>,
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
        let evidence = match (files, offending.as_slice()) {
            ([one], []) => line(one),
            ([_], [one]) => format!("{}, wanted {wanted}", line(one)),
            (_, []) => format!("all {} are {wanted}", files.len()),
            (_, some) => format!("{} of {} are not {wanted}", some.len(), files.len()),
        };
        let objects = offending.iter().take(MANY).map(|file| line(file)).collect();
        Self { passes: offending.is_empty(), evidence: vec![evidence], objects, differences: Vec::new() }
    }
}
