//! Whether somebody has the address that kube-vip is to hold. A connection is opened to it as from the host, through the one that there
//! is: for that the host's kernel asks the network who has the address, and its table of neighbours tells what came of it, also of
//! somebody who refuses. Nothing is installed for it and nothing written.

use super::DoctorError;
use crate::remote::{Script, Session, quote};
use std::net::IpAddr;
use std::time::Duration;

const NEIGHBOURS: &str = include_str!("neighbours.sh");

/// Who has it.
pub(super) fn of(
    session: &mut dyn Session,
    address: IpAddr,
    port: u16,
    deadline: Duration,
) -> Result<Option<String>, DoctorError> {
    // That nobody answers is what is hoped for, and why does not matter.
    let answers = session.dialer().is_ok_and(|dialer| dialer.dial(&address.to_string(), port).is_ok());
    let body = format!("harden_address={}\n{NEIGHBOURS}", quote(&address.to_string()));
    let script =
        Script::new("ask the host's kernel who has the endpoint's address").section("neighbours", body);
    let said = session.run(&script, deadline)?.section("neighbours").text();
    let neighbour = said.lines().next().map(|mac| format!("{mac} has it"));
    Ok(neighbour.or_else(|| answers.then(|| format!("somebody answers on port {port}"))))
}
