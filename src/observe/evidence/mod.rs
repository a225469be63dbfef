//! What benchmarks ask of a node, read in one round trip: any file's mode and owner, a few texts, the running programs. It
//! judges nothing.

mod parse;
mod probe;

pub use parse::{parse_evidence, parse_processes};
pub use probe::{evidence_probe, process_probe};

use super::{ATTEMPTS, ObserveError};
use crate::remote::Reader;
use crate::resource::{Evidence, Questions};
use std::time::Duration;

/// Reads one node. The deadline is for each attempt; there are up to three when a document is written while it is read, and
/// if it still is after that, it counts as unread.
pub fn evidence(
    reader: &mut dyn Reader,
    questions: &Questions,
    deadline: Duration,
) -> Result<Evidence, ObserveError> {
    let probe = evidence_probe(questions);
    let mut attempt = 1;
    loop {
        let reply = reader.read(&probe, deadline)?;
        let (evidence, is_torn) = parse::parse_reply(&reply, questions)?;
        if !is_torn || attempt == ATTEMPTS {
            return Ok(evidence);
        }
        attempt += 1;
    }
}
