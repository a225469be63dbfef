//! How many of some differences are what.

use crate::drift::{Class, Item};

/// The numbers of some differences. One that is drift and pending counts as both.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tally {
    /// Drift that counts.
    pub(super) drift: usize,
    /// Declared and not applied yet.
    pub(super) pending: usize,
    /// Drift that is to be ignored.
    pub(super) ignored: usize,
    /// Drift that was reported before.
    pub(super) known: usize,
}

impl Tally {
    /// Counts.
    pub(super) fn of<'a>(items: impl IntoIterator<Item = &'a Item>) -> Self {
        let mut tally = Self::default();
        for item in items {
            let is_drift = item.class.is_drift();
            tally.drift += usize::from(item.counts());
            tally.pending += usize::from(item.class != Class::Drift);
            tally.ignored += usize::from(is_drift && item.ignored.is_some());
            tally.known += usize::from(is_drift && item.ignored.is_none() && item.known);
        }
        tally
    }

    /// `2 drifted, 1 pending`: what there is; empty where there is nothing.
    pub(super) fn words(self) -> String {
        let all = [
            (self.drift, "drifted"),
            (self.pending, "pending"),
            (self.ignored, "ignored"),
            (self.known, "reported before"),
        ];
        let words = all.into_iter().filter(|(number, _)| *number > 0);
        words.map(|(number, word)| format!("{number} {word}")).collect::<Vec<_>>().join(", ")
    }
}
