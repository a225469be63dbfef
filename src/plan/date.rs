//! Seconds since 1970 as a calendar date, UTC. Plans show days; when a process was started is told to the second.

/// `2026-11-24`. By Howard Hinnant's `civil_from_days`, <https://howardhinnant.github.io/date_algorithms.html>.
pub(super) fn date(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    format!("{year:04}-{month:02}-{day:02}")
}

/// `2026-11-24 08:45:00 UTC`.
pub(super) fn moment(seconds: i64) -> String {
    let of_day = seconds.rem_euclid(86_400);
    format!("{} {:02}:{:02}:{:02} UTC", date(seconds), of_day / 3_600, of_day / 60 % 60, of_day % 60)
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
