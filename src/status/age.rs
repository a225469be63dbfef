//! A span of time as people say it.

use std::fmt;
use std::time::Duration;

/// A span of time by its two largest units: `2 h 5 min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age(pub Duration);

impl Age {
    /// The time between two moments, seconds since 1970 each. It is none where the later comes first: clocks are set back
    /// at times.
    pub fn between(earlier: i64, later: i64) -> Self {
        Self(Duration::from_secs(u64::try_from(later.saturating_sub(earlier)).unwrap_or_default()))
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
        match seconds {
            0..60 => write!(f, "{seconds} s"),
            60..3_600 => write!(f, "{minutes} min {} s", seconds % 60),
            3_600..86_400 => write!(f, "{hours} h {} min", minutes % 60),
            _ => write!(f, "{days} d {} h", hours % 24),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_are_told_by_their_two_largest_units() {
        for (seconds, told) in
            [(0, "0 s"), (59, "59 s"), (61, "1 min 1 s"), (7_500, "2 h 5 min"), (190_000, "2 d 4 h")]
        {
            assert_eq!(Age(Duration::from_secs(seconds)).to_string(), told);
        }
        assert_eq!(
            (Age::between(10, 75), Age::between(75, 10)),
            (Age(Duration::from_secs(65)), Age(Duration::ZERO))
        );
    }
}
