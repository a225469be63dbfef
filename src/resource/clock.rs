//! Clocks of nodes, and which of them are wrong: certificates and leases rest on them. Pure.

use std::fmt::Display;

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

/// A clock that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClockFault<K> {
    /// Whose; `None` for this machine's.
    pub of: Option<K>,
    /// In words.
    pub fact: String,
    /// What to do about it.
    pub remedy: &'static str,
}

/// The clocks that are too far from the others or from this machine's; where all nodes agree, this machine's is the wrong one.
pub fn clock_faults<K: Copy + Display>(
    readings: impl IntoIterator<Item = (K, ClockReading)>,
) -> Vec<ClockFault<K>> {
    let clocks: Vec<(K, i64, i64)> = readings
        .into_iter()
        .map(|(of, reading)| {
            let (least, most) = reading.ahead();
            (of, least, most)
        })
        .collect();
    let latest = clocks.iter().max_by_key(|(_, least, _)| *least);
    let earliest = clocks.iter().min_by_key(|(.., most)| *most);
    let (Some((late, least, _)), Some((early, _, most))) = (latest, earliest) else { return Vec::new() };
    let apart = least - most;
    let off: Vec<(K, i64)> = clocks
        .iter()
        .map(|(of, least, most)| (*of, gap(*least, *most)))
        .filter(|(_, gap)| gap.abs() > LARGEST_GAP)
        .collect();
    if apart <= LARGEST_GAP && off.len() == clocks.len() && off.len() > 1 {
        let (_, gap) = off[0];
        let fact = format!("this machine's clock is {} every node's", words(-gap));
        return vec![ClockFault { of: None, fact, remedy: "set this machine's clock" }];
    }
    if apart > LARGEST_GAP && off.is_empty() {
        let fact = format!("its clock is {} that of {early}", words(apart));
        return vec![ClockFault { of: Some(*late), fact, remedy: REMEDY }];
    }
    off.into_iter()
        .map(|(of, gap)| {
            let fact = format!("its clock is {} this machine's", words(gap));
            ClockFault { of: Some(of), fact, remedy: REMEDY }
        })
        .collect()
}

/// The least that explains what was read.
fn gap(least: i64, most: i64) -> i64 {
    if least > 0 { least } else { most.min(0) }
}

fn words(gap: i64) -> String {
    format!("{} s {}", gap.abs() / 1000, if gap > 0 { "ahead of" } else { "behind" })
}
