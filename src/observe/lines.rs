//! The sections of a reply, line by line, with errors that say where.

use super::ObserveError;
use crate::remote::Reply;
use std::borrow::Cow;

/// The output of one section.
pub(super) struct Lines<'a> {
    section: &'static str,
    output: &'a [u8],
}

impl<'a> Lines<'a> {
    /// The section of that name, which must have run.
    pub(super) fn of(reply: &'a Reply, section: &'static str) -> Result<Self, ObserveError> {
        match reply.sections.get(section) {
            Some(found) => Ok(Self { section, output: &found.output }),
            None => Err(ObserveError::Missing { section }),
        }
    }

    /// The bytes as they are.
    pub(super) fn bytes(&self) -> &'a [u8] {
        self.output
    }

    /// Numbered lines. Those that are not UTF-8 are left out: only a name that matched a pattern can be so, and no
    /// configuration has such a name.
    pub(super) fn numbered(&self) -> impl Iterator<Item = (usize, &'a str)> + use<'a> {
        self.output
            .split(|byte| *byte == b'\n')
            .enumerate()
            .filter(|(_, line)| !line.is_empty())
            .filter_map(|(index, line)| Some((index + 1, std::str::from_utf8(line).ok()?)))
    }

    /// Numbered lines; what is not UTF-8 in them is replaced.
    pub(super) fn lossy(&self) -> impl Iterator<Item = (usize, Cow<'a, str>)> + use<'a> {
        self.output
            .split(|byte| *byte == b'\n')
            .enumerate()
            .filter(|(_, line)| !line.is_empty())
            .map(|(index, line)| (index + 1, String::from_utf8_lossy(line)))
    }

    /// The error that a line is not as it should be.
    pub(super) fn malformed(&self, line: usize, expected: &'static str, found: &str) -> ObserveError {
        let found = found.chars().take(80).collect();
        ObserveError::Malformed { section: self.section, line, expected, found }
    }
}
