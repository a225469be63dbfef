//! One probe script out, one reply in, [`Observed`] out. Strictly reading; parsers are pure functions on bytes.
//!
//! The probe asks for everything that is desired of a node in one round trip and a constant number of programs, and sends
//! along the digests that are expected: content comes back only where it differs. [`fleet`] does the same work
//! on many nodes at once; [`observe_cluster`] reads what belongs to no single node. [`evidence()`] reads in the same way what
//! benchmarks ask of a node beyond what harden manages there.

mod cluster;
mod error;
mod evidence;
mod files;
pub mod fleet;
mod lines;
mod parse;
mod probe;
mod public;
mod running;
mod traces;
mod users;
mod wish;

pub use cluster::{ClusterSource, observe_cluster};
pub use error::ObserveError;
pub use evidence::{evidence, evidence_probe, parse_evidence, parse_processes, process_probe};
pub use parse::{ReadCertificate, parse};
pub use probe::probe;
pub use traces::{parse_traces, traces, traces_probe};

use crate::remote::{Probe, Reader, Reply};
use crate::resource::{Desired, Observed};
use std::time::Duration;

/// How often a node is asked when files are being written just then.
const ATTEMPTS: u32 = 3;

/// Reads one node. The deadline is for each attempt; there are up to three when a file is written while it is read,
/// and if it still is after that, that file's state is unknown.
pub fn observe(
    reader: &mut dyn Reader,
    desired: &Desired,
    deadline: Duration,
    read_certificate: &ReadCertificate<'_>,
) -> Result<Observed, ObserveError> {
    read(reader, &probe(desired), desired, deadline, read_certificate).map(|(observed, _)| observed)
}

/// Reads one node as [`observe`] does, and something else before that in the same round trip; the reply has both.
pub fn observe_beside(
    reader: &mut dyn Reader,
    beside: Probe,
    desired: &Desired,
    deadline: Duration,
    read_certificate: &ReadCertificate<'_>,
) -> Result<(Observed, Reply), ObserveError> {
    read(reader, &beside.and(probe(desired)), desired, deadline, read_certificate)
}

fn read(
    reader: &mut dyn Reader,
    probe: &Probe,
    desired: &Desired,
    deadline: Duration,
    read_certificate: &ReadCertificate<'_>,
) -> Result<(Observed, Reply), ObserveError> {
    let mut attempt = 1;
    loop {
        let reply = reader.read(probe, deadline)?;
        let (observed, torn) = parse::parse_reply(&reply, desired, read_certificate)?;
        if !torn || attempt == ATTEMPTS {
            return Ok((observed, reply));
        }
        attempt += 1;
    }
}
