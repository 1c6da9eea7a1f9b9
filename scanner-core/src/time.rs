//! Times as text, in UTC: reports and settings need no more of a calendar than this.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970 now.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    i64::try_from(since).unwrap_or(i64::MAX)
}

/// Seconds since 1970 as RFC 3339 in UTC: `2024-03-01T12:30:00Z`.
pub fn rfc3339(seconds: i64) -> String {
    let (hour, minute, second) = {
        let rest = seconds.rem_euclid(86_400);
        (rest / 3_600, rest / 60 % 60, rest % 60)
    };
    format!("{}T{hour:02}:{minute:02}:{second:02}Z", date(seconds))
}

/// The seconds of what `rfc3339` writes; `None` for anything else.
pub fn parse_rfc3339(text: &str) -> Option<i64> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let is_time = (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24 && minute < 60 && second < 60;
    is_time.then(|| days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second)
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let numbers: Option<Vec<i64>> = text.split(separator).map(|part| part.parse::<u16>().ok().map(i64::from)).collect();
    numbers?.try_into().ok()
}

// The way back: https://howardhinnant.github.io/date_algorithms.html#days_from_civil
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * (if month > 2 { month - 3 } else { month + 9 }) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// Seconds since 1970 as a date in UTC: `2024-03-01`. Dates written so compare as text.
pub fn date(seconds: i64) -> String {
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    format!("{year:04}-{month:02}-{day:02}")
}

// Days to a civil date by counting years from March, so that the leap day ends a year:
// https://howardhinnant.github.io/date_algorithms.html#civil_from_days
fn civil(days: i64) -> (i64, i64, i64) {
    // A hostile commit may carry any time; nothing beyond year 9999 can be written in RFC 3339.
    let days = days.clamp(-719_528, 2_932_896) + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_rfc_3339_in_utc() {
        let table = [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_709_296_200, "2024-03-01T12:30:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
        ];
        for (seconds, expected) in table {
            assert_eq!(rfc3339(seconds), expected);
            assert_eq!(parse_rfc3339(expected), Some(seconds));
        }
    }

    #[test]
    fn every_day_reads_back() {
        for seconds in (-62_167_219_200..253_402_300_800).step_by(86_400 * 13 + 3_601) {
            assert_eq!(parse_rfc3339(&rfc3339(seconds)), Some(seconds));
        }
        for wrong in ["", "2024-03-01", "2024-13-01T00:00:00Z", "2024-03-01T24:00:00Z", "-1-03-01T00:00:00Z"] {
            assert_eq!(parse_rfc3339(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_hostile_time_is_still_a_date() {
        assert_eq!(date(i64::MAX), "9999-12-31");
        assert_eq!(date(i64::MIN), "0000-01-01");
    }
}
