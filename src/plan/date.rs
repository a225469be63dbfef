//! Seconds since 1970 as a calendar date, UTC. Plans show days; when a process was started is told to the second.

/// `2026-11-24`.
pub(super) fn date(seconds: i64) -> String {
    formatted(seconds, "%Y-%m-%d")
}

/// `2026-11-24 08:45:00 UTC`.
pub fn moment(seconds: i64) -> String {
    formatted(seconds, "%Y-%m-%d %H:%M:%S UTC")
}

/// A time beyond the calendar is the number that it is.
fn formatted(seconds: i64, format: &str) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| seconds.to_string(), |at| at.strftime(format).to_string())
}

#[cfg(test)]
mod tests {
    use super::{date, moment};

    #[test]
    fn days_are_the_calendar_s() {
        assert_eq!(date(0), "1970-01-01");
        assert_eq!(date(951_782_399), "2000-02-28");
        assert_eq!(date(951_782_400), "2000-02-29");
        assert_eq!(date(1_795_478_400), "2026-11-24");
        assert_eq!(date(-1), "1969-12-31");
        assert_eq!(moment(1_795_478_400 + 31_505), "2026-11-24 08:45:05 UTC");
        assert_eq!(moment(-1), "1969-12-31 23:59:59 UTC");
    }
}
