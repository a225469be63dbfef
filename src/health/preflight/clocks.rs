//! Clocks: certificates and leases rest on them.

use super::{Facts, Findings, Preflight, Scope};
use crate::inventory::NodeName;

/// How far two clocks may be apart, in milliseconds.
const LARGEST_GAP: i64 = 30_000;

const REMEDY: &str = "see `timedatectl` there: its time should come from the same source as the others'";

/// A node's clock, and this machine's around the moment at which it was read, as milliseconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ClockReading {
    /// Before the node was asked.
    pub asked: i64,
    /// The node's, in whole seconds, rounded down.
    pub node: i64,
    /// After the node had answered.
    pub answered: i64,
}

impl ClockReading {
    /// How far it is ahead of this machine's, at least and at most: nobody knows when within the round trip it was read.
    fn ahead(self) -> (i64, i64) {
        (self.node - self.answered, self.node + 999 - self.asked)
    }
}

pub(super) fn judge(scope: &Scope, facts: &Facts, findings: &mut Findings) {
    let is_concerned =
        |node: &NodeName| scope.touched.contains_key(node) || scope.control_planes.contains(node);
    let clocks: Vec<(&NodeName, i64, i64)> = facts
        .clocks
        .iter()
        .filter(|(node, _)| is_concerned(node))
        .map(|(node, reading)| (node, reading.ahead().0, reading.ahead().1))
        .collect();
    let latest = clocks.iter().max_by_key(|(_, least, _)| *least);
    let earliest = clocks.iter().min_by_key(|(.., most)| *most);
    let (Some((late, least, _)), Some((early, _, most))) = (latest, earliest) else { return };
    let apart = least - most;
    let off: Vec<(&NodeName, i64)> = clocks
        .iter()
        .map(|(node, least, most)| (*node, gap(*least, *most)))
        .filter(|(_, gap)| gap.abs() > LARGEST_GAP)
        .collect();
    if apart <= LARGEST_GAP && off.len() == clocks.len() && off.len() > 1 {
        let (_, gap) = off[0];
        let fact = format!("this machine's clock is {} every node's", words(-gap));
        findings.refuse(Preflight::Clocks, None, fact, "set this machine's clock");
        return;
    }
    for (node, gap) in &off {
        let fact = format!("its clock is {} this machine's", words(*gap));
        findings.refuse(Preflight::Clocks, Some(node), fact, REMEDY);
    }
    if apart > LARGEST_GAP && off.is_empty() {
        let fact = format!("its clock is {} that of {early}", words(apart));
        findings.refuse(Preflight::Clocks, Some(late), fact, REMEDY);
    }
}

/// The least that explains what was read.
fn gap(least: i64, most: i64) -> i64 {
    if least > 0 { least } else { most.min(0) }
}

fn words(gap: i64) -> String {
    format!("{} s {}", gap.abs() / 1000, if gap > 0 { "ahead of" } else { "behind" })
}
