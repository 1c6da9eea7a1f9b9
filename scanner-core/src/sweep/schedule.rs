//! When a sweep is due: cron's five fields, with names, ranges, steps, and a time zone behind them if it is not UTC.

use cronexpr::jiff::Timestamp;
use cronexpr::{Crontab, FallbackTimezoneOption, ParseOptions};

/// A schedule.
#[derive(Clone, Debug)]
pub struct Schedule(Crontab);

impl Schedule {
    /// Reads `30 2 * * 1-5` or `0 3 * * * Europe/Berlin`.
    pub fn parse(text: &str) -> Result<Schedule, String> {
        let mut options = ParseOptions::default();
        options.fallback_timezone_option = FallbackTimezoneOption::UTC;
        let read = cronexpr::parse_crontab_with(text.trim(), options);
        read.map(Schedule).map_err(|error| format!("`{text}` is no schedule: {}", error.to_string().replace('\n', " ")))
    }

    /// The next time after `now`, both in seconds since 1970; none when there is none.
    pub fn after(&self, now: i64) -> Option<i64> {
        let now = Timestamp::from_second(now).ok()?;
        self.0.find_next(now).ok().map(|next| next.timestamp().as_second())
    }
}

#[cfg(test)]
mod tests {
    use super::Schedule;
    use crate::time::{parse_rfc3339, rfc3339};

    #[test]
    fn schedules_are_read_as_cron_does() {
        let table = [
            ("30 2 * * *", "2024-03-01T02:30:00Z", "2024-03-02T02:30:00Z"),
            ("*/15 * * * *", "2024-03-01T02:31:00Z", "2024-03-01T02:45:00Z"),
            ("0 3 * * MON", "2024-03-01T00:00:00Z", "2024-03-04T03:00:00Z"),
            ("0 3 1 1 *", "2024-03-01T00:00:00Z", "2025-01-01T03:00:00Z"),
        ];
        for (text, now, next) in table {
            let schedule = Schedule::parse(text).unwrap();
            assert_eq!(schedule.after(parse_rfc3339(now).unwrap()).map(rfc3339).as_deref(), Some(next), "{text}");
        }
        for wrong in ["", "every day", "61 * * * *", "* * * *"] {
            assert!(Schedule::parse(wrong).is_err(), "{wrong}");
        }
    }
}
