//! The order in which nodes are changed, and how many at once.

use std::str::FromStr;

/// How many workers may be changed at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxUnavailable {
    /// So many.
    Count(usize),
    /// So many in a hundred of all workers, rounded down; at least one.
    Percent(u8),
}

impl Default for MaxUnavailable {
    fn default() -> Self {
        Self::Count(1)
    }
}

impl MaxUnavailable {
    /// The number of workers at once, of so many in all; at least one.
    pub fn of(self, count: usize) -> usize {
        match self {
            Self::Count(count) => count.max(1),
            Self::Percent(percent) => (count * usize::from(percent) / 100).max(1),
        }
    }
}

/// A text does not say how many workers may be changed at once.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is neither a number from 1 nor a percentage from 1% to 100%")]
pub struct MaxUnavailableError(String);

impl FromStr for MaxUnavailable {
    type Err = MaxUnavailableError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parsed = match text.strip_suffix('%') {
            Some(percent) => {
                percent.parse().ok().filter(|percent| (1..=100).contains(percent)).map(Self::Percent)
            }
            None => text.parse().ok().filter(|count| *count >= 1).map(Self::Count),
        };
        parsed.ok_or_else(|| MaxUnavailableError(text.to_owned()))
    }
}

/// The sizes of the waves of so many workers: one canary, then batches. `count` is of those that change, `all` of all
/// workers, of which a percentage is taken.
pub fn sizes(count: usize, all: usize, max: MaxUnavailable) -> Vec<usize> {
    if count == 0 {
        return Vec::new();
    }
    let batch = max.of(all);
    let mut sizes = vec![1];
    let mut left = count - 1;
    while left > 0 {
        sizes.push(left.min(batch));
        left -= left.min(batch);
    }
    sizes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_canary_then_batches() {
        let count = MaxUnavailable::Count;
        let percent = MaxUnavailable::Percent;
        for (nodes, max, expected) in [
            (0, count(3), vec![]),
            (1, count(3), vec![1]),
            (2, count(1), vec![1, 1]),
            (2, percent(100), vec![1, 1]),
            (10, count(1), vec![1; 10]),
            (10, count(4), vec![1, 4, 4, 1]),
            (10, percent(25), vec![1, 2, 2, 2, 2, 1]),
            (10, percent(1), vec![1; 10]),
            (15, percent(33), vec![1, 4, 4, 4, 2]),
            (15, percent(100), vec![1, 14]),
            (15, count(0), vec![1; 15]),
        ] {
            assert_eq!(sizes(nodes, nodes, max), expected, "{nodes} {max:?}");
        }
        assert_eq!(sizes(3, 100, percent(10)), [1, 2]);
    }

    #[test]
    fn numbers_and_percentages_are_read() {
        assert_eq!("3".parse(), Ok(MaxUnavailable::Count(3)));
        assert_eq!("25%".parse(), Ok(MaxUnavailable::Percent(25)));
        for bad in ["0", "0%", "101%", "-1", "", "%", "x", "1.5"] {
            assert!(bad.parse::<MaxUnavailable>().is_err(), "{bad}");
        }
    }
}
