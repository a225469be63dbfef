//! `--rollback-after`, `--deadline`, `--jitter` and `--report-deadline`: a time on the command line.

use super::text;
use std::str::FromStr;
use std::time::Duration;

/// Shorter than this no change is proven: a kubelet alone takes some seconds to be Ready again.
const SHORTEST: Duration = Duration::from_secs(30);

/// From 30 seconds to a day: `90s`, `10m`, `1h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadline(pub Duration);

/// A text is no such time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write a number and a unit, from `30s` to `24h`")]
pub struct DeadlineError;

impl FromStr for Deadline {
    type Err = DeadlineError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let time = text::deadline(text).map_err(|_| DeadlineError)?;
        if time < SHORTEST { Err(DeadlineError) } else { Ok(Self(time)) }
    }
}

/// From a second to a day, of which a random part is waited.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Jitter(pub Duration);

/// From a second to a day, for which a receiver of a report is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReportDeadline(pub Duration);

/// A text is no such time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("write a number and a unit, from `1s` to `24h`")]
pub struct JitterError;

impl FromStr for Jitter {
    type Err = JitterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text::deadline(text).map(Self).map_err(|_| JitterError)
    }
}

impl FromStr for ReportDeadline {
    type Err = JitterError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse().map(|Jitter(time)| Self(time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jitter_may_be_short() {
        assert_eq!("1s".parse(), Ok(Jitter(Duration::from_secs(1))));
        for bad in ["", "0s", "1", "25h"] {
            assert_eq!(bad.parse::<Jitter>(), Err(JitterError), "{bad}");
        }
    }

    #[test]
    fn times_are_read_with_their_unit() {
        assert_eq!("90s".parse(), Ok(Deadline(Duration::from_secs(90))));
        assert_eq!("24h".parse(), Ok(Deadline(Duration::from_hours(24))));
        for bad in ["", "90", "29s", "25h", "-1m", "0s", "1.5m", "m"] {
            assert_eq!(bad.parse::<Deadline>(), Err(DeadlineError), "{bad}");
        }
    }
}
