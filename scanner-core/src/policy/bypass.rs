//! Break glass: a block may be passed in an emergency, with a reason, for a limited time, on the record.

use serde::Deserialize;

/// `[policy.bypass]`: who may pass, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Bypass {
    /// Whether it can be done at all.
    pub allowed: bool,
    /// The last day on which it can.
    #[serde(deserialize_with = "day")]
    pub until: Option<String>,
    /// A bypass must say `until=` a day that is at most this many days away.
    pub max_days: Option<u16>,
    /// The least number of characters that is a reason.
    pub min_reason: usize,
}

impl Default for Bypass {
    fn default() -> Bypass {
        Bypass { allowed: true, until: None, max_days: None, min_reason: 1 }
    }
}

/// A bypass that holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Granted {
    /// Why.
    pub reason: String,
    /// Its last day, where it has one.
    pub until: Option<String>,
}

/// Why a bypass does not hold.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BypassError {
    /// The policy forbids it.
    #[error("the policy allows no bypass")]
    Forbidden,
    /// The policy allowed it once.
    #[error("the policy allowed a bypass until {0}")]
    Ended(String),
    /// No reason, or half a one.
    #[error("a bypass needs a reason of at least {0} characters")]
    Reason(usize),
    /// It names no last day.
    #[error("the policy asks a bypass for its last day, at most {0} days away: `until=YYYY-MM-DD the reason`")]
    NoLimit(u16),
    /// Its last day is too far away.
    #[error("the policy allows a bypass for {0} days at most")]
    TooLong(u16),
    /// Its own last day is over.
    #[error("the bypass expired on {0}")]
    Expired(String),
    /// A last day that is none.
    #[error("`until={0}` is no day: write until=2027-01-31")]
    Day(String),
}

impl Bypass {
    /// Judges a bypass, `[until=YYYY-MM-DD] reason`, at a time in seconds since 1970-01-01 UTC.
    pub fn grant(&self, text: &str, now: i64) -> Result<Granted, BypassError> {
        if !self.allowed {
            return Err(BypassError::Forbidden);
        }
        let (until, reason) = match text.trim().strip_prefix("until=") {
            Some(rest) => {
                let (day, reason) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
                (Some(day.to_owned()), reason.trim())
            }
            None => (None, text.trim()),
        };
        if reason.chars().count() < self.min_reason.max(1) {
            return Err(BypassError::Reason(self.min_reason.max(1)));
        }
        let today = crate::time::date(now);
        if let Some(last) = self.until.as_ref().filter(|last| **last < today) {
            return Err(BypassError::Ended(last.clone()));
        }
        if let Some(day) = &until {
            check_day(day, &today)?;
        }
        if let Some(days) = self.max_days {
            let last = crate::time::date(now.saturating_add(i64::from(days) * 86_400));
            match &until {
                None => return Err(BypassError::NoLimit(days)),
                Some(day) if *day > last => return Err(BypassError::TooLong(days)),
                Some(_) => {}
            }
        }
        Ok(Granted { reason: reason.to_owned(), until })
    }
}

fn check_day(day: &str, today: &str) -> Result<(), BypassError> {
    if !day.parse::<toml::value::Datetime>().is_ok_and(is_date) {
        return Err(BypassError::Day(day.to_owned()));
    }
    if day < today { Err(BypassError::Expired(day.to_owned())) } else { Ok(()) }
}

fn is_date(written: toml::value::Datetime) -> bool {
    written.date.is_some() && written.time.is_none()
}

fn day<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let written = toml::value::Datetime::deserialize(deserializer)?;
    let date = written.date.ok_or_else(|| serde::de::Error::custom("`until` needs a date such as 2027-01-31"))?;
    Ok(Some(format!("{:04}-{:02}-{:02}", date.year, date.month, date.day)))
}
