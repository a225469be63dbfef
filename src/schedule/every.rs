//! How often something runs: a time that divides the hour or the day, since cron knows no other, and what follows from it.

use std::fmt;
use std::str::FromStr;

const MINUTE: u32 = 60;
const HOUR: u32 = 3_600;
const DAY: u32 = 86_400;

/// Every so many minutes or hours, or every day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Every {
    seconds: u32,
}

impl Default for Every {
    fn default() -> Self {
        Self { seconds: 15 * MINUTE }
    }
}

/// A text that is no such time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("write minutes that divide an hour or hours that divide a day: 5m, 15m, 1h, 6h, 1d")]
pub struct EveryError;

impl FromStr for Every {
    type Err = EveryError;

    fn from_str(text: &str) -> Result<Self, EveryError> {
        let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or(EveryError)?;
        if number.is_empty() || !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(EveryError);
        }
        let number: u32 = number.parse().map_err(|_| EveryError)?;
        let unit = match unit {
            "m" => MINUTE,
            "h" => HOUR,
            "d" => DAY,
            _ => return Err(EveryError),
        };
        let seconds = number.checked_mul(unit).filter(|seconds| *seconds > 0).ok_or(EveryError)?;
        let divides = match seconds {
            ..=HOUR => HOUR.is_multiple_of(seconds),
            _ => seconds.is_multiple_of(HOUR) && DAY.is_multiple_of(seconds),
        };
        if divides { Ok(Self { seconds }) } else { Err(EveryError) }
    }
}

impl fmt::Display for Every {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.seconds {
            DAY => f.write_str("1d"),
            seconds if seconds >= HOUR => write!(f, "{}h", seconds / HOUR),
            seconds => write!(f, "{}m", seconds / MINUTE),
        }
    }
}

impl Every {
    /// Seconds from one run to the next.
    pub fn seconds(self) -> u32 {
        self.seconds
    }

    /// For systemd's `OnCalendar=`.
    pub fn calendar(self) -> String {
        match self.seconds {
            DAY => String::from("daily"),
            HOUR => String::from("hourly"),
            seconds if seconds > HOUR => format!("*-*-* 00/{}:00:00", seconds / HOUR),
            seconds => format!("*-*-* *:00/{}:00", seconds / MINUTE),
        }
    }

    /// For cron: five fields.
    pub fn cron(self) -> String {
        match self.seconds {
            DAY => String::from("0 0 * * *"),
            HOUR => String::from("0 * * * *"),
            seconds if seconds > HOUR => format!("0 */{} * * *", seconds / HOUR),
            MINUTE => String::from("* * * * *"),
            seconds => format!("*/{} * * * *", seconds / MINUTE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_that_cron_knows() {
        for (text, calendar, cron) in [
            ("1m", "*-*-* *:00/1:00", "* * * * *"),
            ("5m", "*-*-* *:00/5:00", "*/5 * * * *"),
            ("60m", "hourly", "0 * * * *"),
            ("1h", "hourly", "0 * * * *"),
            ("6h", "*-*-* 00/6:00:00", "0 */6 * * *"),
            ("120m", "*-*-* 00/2:00:00", "0 */2 * * *"),
            ("24h", "daily", "0 0 * * *"),
            ("1d", "daily", "0 0 * * *"),
        ] {
            let every: Every = text.parse().unwrap();
            assert_eq!((every.calendar().as_str(), every.cron().as_str()), (calendar, cron), "{text}");
            assert_eq!(every.to_string().parse(), Ok(every));
        }
    }

    #[test]
    fn others_are_refused() {
        for text in
            ["", "m", "0m", "7m", "45m", "90m", "5h", "7h", "2d", "15", "15s", "-5m", "99999999999h", "5ü"]
        {
            assert_eq!(text.parse::<Every>(), Err(EveryError), "{text}");
        }
    }
}
