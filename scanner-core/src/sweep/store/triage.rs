//! What people say of findings: acknowledged for a time, no secret at all, revoked, rotated; and what that means today.

use super::{Result, Store, StoreError};
use crate::sweep::store::values;
use serde::{Deserialize, Serialize};

/// What was said of a finding.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// It is to be dealt with.
    #[default]
    Open,
    /// It is known, and stays for a while.
    Acknowledged,
    /// It is no secret.
    FalsePositive,
    /// It was ended where it was issued.
    Revoked,
    /// It was replaced and ended.
    Rotated,
}

impl State {
    /// Every state.
    pub const ALL: [State; 5] =
        [State::Open, State::Acknowledged, State::FalsePositive, State::Revoked, State::Rotated];

    /// The word in the store, in reports and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Open => "open",
            State::Acknowledged => "acknowledged",
            State::FalsePositive => "false-positive",
            State::Revoked => "revoked",
            State::Rotated => "rotated",
        }
    }

    /// The state of this name.
    pub fn named(word: &str) -> Option<State> {
        State::ALL.into_iter().find(|state| state.as_str() == word)
    }
}

/// What is said, by whom, and for how long.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Triage {
    /// What.
    pub state: State,
    /// Why.
    pub reason: String,
    /// Until then: seconds since 1970. Afterwards it is open again.
    pub until: Option<i64>,
    /// Who says so.
    pub by: String,
}

/// What a state is worth at a time, in SQL: an acknowledgement runs out. The time is the parameter.
pub(super) const STATE_NOW: &str =
    "CASE WHEN state = 'acknowledged' AND until IS NOT NULL AND until <= $1 THEN 'open' ELSE state END";

impl Store {
    /// The one finding that begins with this id or has this fingerprint.
    pub fn find(&self, name: &str) -> Result<String> {
        let sql = "SELECT id FROM findings WHERE fingerprint = $1 OR (id >= $2 AND id < $3) ORDER BY id LIMIT 2";
        let prefix = if name.len() >= 6 { name } else { "~" };
        let rows = self.with(|session| session.run(sql, &values![name, prefix, format!("{prefix}g")]))?;
        match rows.as_slice() {
            [one] => Ok(one.text(0)),
            [] => Err(StoreError::Missing(format!("no finding is called `{name}`"))),
            _ => Err(StoreError::Missing(format!("more than one finding is called `{name}`: use the longer id"))),
        }
    }

    /// What holds of a finding, and the version that names it.
    pub fn stands(&self, id: &str, now: i64) -> Result<(State, Version)> {
        let sql = format!("SELECT {STATE_NOW} AS now, said, returned FROM findings WHERE id = $2");
        let rows = self.with(|session| session.run(&sql, &values![now, id]))?;
        let missing = || StoreError::Missing(format!("no finding is called `{id}`"));
        let row = rows.first().ok_or_else(missing)?;
        Ok((State::named(&row.text(0)).unwrap_or_default(), Version { said: row.int(1), returned: row.int(2) }))
    }

    /// Says something of a finding, if what was said last is still what `seen` names: else nothing is done, and `false`.
    pub fn triage(&self, id: &str, triage: &Triage, seen: Version, now: i64) -> Result<bool> {
        let sql = "UPDATE findings SET state = $1, reason = $2, until = $3, by_whom = $4, changed = $5, returned = NULL, \
                   said = said + 1 WHERE id = $6 AND said = $7 AND COALESCE(returned, 0) = $8 RETURNING id";
        let Triage { state, reason, until, by } = triage;
        let values = values![state.as_str(), reason, *until, by, now, id, seen.said, seen.returned];
        match self.with(|session| session.run(sql, &values))?.is_empty() {
            true => Ok(false),
            false => self.count_day(now).map(|()| true),
        }
    }
}

/// Names what was said last of a finding by how often something was, and when it came back since: `3.0`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Version {
    pub(super) said: i64,
    pub(super) returned: i64,
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.said, self.returned)
    }
}

impl std::str::FromStr for Version {
    type Err = &'static str;

    fn from_str(text: &str) -> std::result::Result<Version, &'static str> {
        let number = |text: &str| text.parse().ok().filter(|number| *number >= 0 && *number < i64::MAX);
        let (said, returned) = text.split_once('.').ok_or("a version is two numbers")?;
        match (number(said), number(returned)) {
            (Some(said), Some(returned)) => Ok(Version { said, returned }),
            _ => Err("a version is two numbers"),
        }
    }
}
