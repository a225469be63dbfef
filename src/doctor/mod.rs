//! Whether hosts are fit for Kubernetes: one script that only reads asks a host in one round trip, [`parse()`] turns the reply into
//! [`HostFacts`], and [`judge()`] says what of all hosts' facts speaks against them, with remedies. Asking and judging are apart:
//! the judgement is pure. A host that is a member of a cluster already is judged as one: what runs there holds its ports by right.
//!
//! It pulls nothing and asks the network for nothing but the addresses of names, and whether kube-vip's is free. Whether a host's standing allows to make a
//! cluster on it is decided by who makes one.

mod claim;
mod error;
mod facts;
mod finding;
mod judge;
mod needs;
mod parse;
mod question;
mod version;

pub use error::DoctorError;
pub use facts::{
    Answer, Cgroup, Disk, HostFacts, Images, Listener, Lookup, Module, Programs, Runtime, System,
};
pub use finding::{Check, FORMAT_VERSION, Finding, Host, Report, Severity, Standing, Summary};
pub use judge::{Asked, judge};
pub use parse::parse;
pub use question::Question;
pub use version::Version;

use crate::remote::Session;
use std::time::Duration;

/// Asks one host, in one round trip; and where kube-vip is to hold an address, who has that now.
pub fn ask(
    session: &mut dyn Session,
    question: &Question,
    deadline: Duration,
) -> Result<HostFacts, DoctorError> {
    let mut facts = parse(&session.run(&question.script(), deadline)?)?;
    if let Some((address, port)) = question.virtual_address.filter(|_| facts.live) {
        facts.claimed = claim::of(session, address, port, deadline)?;
    }
    Ok(facts)
}
