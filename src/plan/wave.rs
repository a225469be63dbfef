//! The order in which nodes are changed, and how many at once.

pub use crate::inventory::{MaxUnavailable, MaxUnavailableError};

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
}
