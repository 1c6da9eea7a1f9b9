//! The state of things: how far a sweep is, what is not scanned and why, how many findings there are, and how that changed.

use super::repositories::Status;
use super::triage::STATE_NOW;
use super::{Counts, Result, Store};
use crate::report::Verification;
use crate::sweep::store::values;
use crate::time::{date, rfc3339};
use serde::Serialize;
use std::collections::BTreeMap;

/// Everything at a glance.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Overview {
    /// Repositories, by how far they are scanned.
    pub repositories: BTreeMap<String, u64>,
    /// Findings, by what was said of them; an acknowledgement that ran out counts as open.
    pub findings: BTreeMap<String, u64>,
    /// Of the open ones, how many of each severity.
    pub open: BTreeMap<String, u64>,
    /// Of all of them, how many no scan would find again today, by the reason.
    pub stale: BTreeMap<&'static str, u64>,
    /// Of the open ones, how many of each validity.
    pub validity: BTreeMap<String, u64>,
    /// Receivers that do not know of so many alerts.
    pub untold: BTreeMap<String, u64>,
    /// Repositories that are not scanned, or not wholly, and why.
    pub unscanned: Vec<Unscanned>,
    /// Targets and parts of them that could not be listed, by the last run.
    pub unlisted: Vec<Unscanned>,
    /// What needs somebody to look at it.
    pub alerts: Vec<Alert>,
    /// Findings a day and state; the last 90 days.
    pub trend: BTreeMap<String, BTreeMap<String, u64>>,
    /// Jobs of runs that are under way.
    pub jobs: Jobs,
    /// When the last run ended.
    pub last_run: Option<String>,
}

/// As `Counts`, in a report.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct Jobs {
    /// Not begun.
    pub waiting: u64,
    /// Under way.
    pub leased: u64,
    /// Ended well.
    pub done: u64,
    /// Given up.
    pub dead: u64,
}

/// Something that is not scanned.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unscanned {
    /// The repository or target.
    pub name: String,
    /// `unscanned`, `partial`, `waiting`, or the code of what stayed unscanned.
    pub code: String,
    /// What of it; empty for all.
    pub object: String,
    /// Why.
    pub reason: String,
}

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Alert {
    /// `returned`: it was revoked or rotated, and was brought in again. `ran-out`: an acknowledgement is over. `overdue`: it is
    /// open for longer than it may be. `still-live`: it was revoked or rotated, and works.
    pub code: &'static str,
    /// The finding.
    pub finding: String,
    /// The rule.
    pub rule: String,
    /// Since when.
    pub since: String,
}

/// A finding in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its id.
    pub id: String,
    /// As reports name it.
    pub fingerprint: String,
    /// The rule.
    pub rule: String,
    /// How bad it is.
    pub severity: String,
    /// What was said of it, as it holds today.
    pub state: String,
    /// Repositories that hold it.
    pub repositories: u64,
    /// Places in all of them.
    pub places: u64,
    /// Places that stand in `HEAD`.
    pub in_head: u64,
    /// Places that stood there once.
    pub in_history: u64,
    /// Why no scan would find it again today; none where one would.
    pub stale: Option<&'static str>,
    /// When it was first seen.
    pub first_seen: String,
    /// When it was last seen.
    pub last_seen: String,
    /// What the provider said, in a word.
    pub validity: String,
    /// The rest of it: who it opens, or why nobody can tell.
    #[serde(skip_serializing_if = "Verification::is_empty")]
    pub verification: Verification,
    /// When that was.
    pub asked: Option<String>,
    /// Why a question after that got no answer.
    pub unanswered: Option<String>,
    /// When it was first seen dead after it had worked.
    pub died: Option<String>,
    /// Whether its value is kept under a key, so that it is asked about again.
    pub is_kept: bool,
}

/// A repository in a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Repository {
    /// Its name.
    pub key: String,
    /// How far it is scanned.
    pub status: String,
    /// Blobs scanned so far.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that others had scanned.
    pub shared: u64,
    /// When it was scanned.
    pub scanned: Option<String>,
    /// When it was last looked at.
    pub checked: Option<String>,
}

fn number(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

impl Store {
    /// Everything at a glance.
    pub fn overview(&self, now: i64) -> Result<Overview> {
        let (repositories, findings) = (self.by_status()?, self.by_state(now)?);
        let open = format!("SELECT severity, count(*) FROM findings WHERE {STATE_NOW} = 'open' GROUP BY severity");
        let open = self.with(|session| session.run(&open, &values![now]))?;
        let validity = format!("SELECT validity, count(*) FROM findings WHERE {STATE_NOW} = 'open' GROUP BY validity");
        let validity = self.with(|session| session.run(&validity, &values![now]))?;
        let Counts { waiting, leased, done, dead, .. } = self.counts(None)?;
        let ended = self.with(|session| session.run("SELECT max(ended) FROM runs", &[]))?;
        Ok(Overview {
            repositories,
            findings,
            open: open.iter().map(|row| (row.text(0), number(row.int(1)))).collect(),
            stale: self.stale()?.into_values().fold(BTreeMap::new(), |mut counts, reason| {
                *counts.entry(reason).or_default() += 1;
                counts
            }),
            validity: validity.iter().map(|row| (row.text(0), number(row.int(1)))).collect(),
            untold: self.untold()?,
            unscanned: self.unscanned_parts()?,
            unlisted: self.unlisted()?,
            alerts: self.alerts(now)?,
            trend: self.trend(now)?,
            jobs: Jobs { waiting, leased, done, dead },
            last_run: ended.first().and_then(|row| row.maybe_int(0)).map(rfc3339),
        })
    }

    fn by_status(&self) -> Result<BTreeMap<String, u64>> {
        let sql = "SELECT status, count(*) FROM repositories GROUP BY status";
        let rows = self.with(|session| session.run(sql, &[]))?;
        Ok(rows.iter().map(|row| (row.text(0), number(row.int(1)))).collect())
    }

    /// Findings by what holds of them today.
    pub fn by_state(&self, now: i64) -> Result<BTreeMap<String, u64>> {
        let sql = format!("SELECT {STATE_NOW} AS now, count(*) FROM findings GROUP BY 1");
        let rows = self.with(|session| session.run(&sql, &values![now]))?;
        Ok(rows.iter().map(|row| (row.text(0), number(row.int(1)))).collect())
    }

    /// Every repository that is not scanned as a whole, and why.
    pub fn unscanned_parts(&self) -> Result<Vec<Unscanned>> {
        let whole =
            "SELECT key, status, reason FROM repositories WHERE status IN ('waiting', 'unscanned') ORDER BY key";
        let parts = "SELECT repository, code, object, coverage.reason FROM coverage JOIN repositories ON key = repository \
                     WHERE status <> 'gone' ORDER BY repository, code, object";
        let (whole, parts) = self.with(|session| Ok((session.run(whole, &[])?, session.run(parts, &[])?)))?;
        let reason = |status: &str, reason: Option<String>| match Status::named(status) {
            Status::Waiting => reason.unwrap_or_else(|| "it was not scanned yet".to_owned()),
            _ => reason.unwrap_or_default(),
        };
        let whole = whole.iter().map(|row| Unscanned {
            name: row.text(0),
            code: row.text(1),
            object: String::new(),
            reason: reason(&row.text(1), row.maybe_text(2)),
        });
        let parts = parts.iter().map(|row| Unscanned {
            name: row.text(0),
            code: row.text(1),
            object: row.text(2),
            reason: row.text(3),
        });
        Ok(whole.chain(parts).collect())
    }

    /// What the last listing of each target could not tell.
    pub fn unlisted(&self) -> Result<Vec<Unscanned>> {
        let errors = "SELECT name, error FROM targets WHERE error IS NOT NULL ORDER BY name";
        let last = "SELECT warnings FROM runs WHERE note = 'listed' ORDER BY started DESC LIMIT 1";
        let (errors, last) = self.with(|session| Ok((session.run(errors, &[])?, session.run(last, &[])?)))?;
        let errors = errors.iter().map(|row| Unscanned {
            name: row.text(0),
            code: "unlisted".to_owned(),
            object: String::new(),
            reason: row.text(1),
        });
        let lines: Vec<[String; 3]> =
            last.first().and_then(|row| serde_json::from_str(&row.text(0)).ok()).unwrap_or_default();
        let lines = lines.into_iter().map(|[code, object, reason]| Unscanned {
            name: object,
            code,
            object: String::new(),
            reason,
        });
        Ok(errors.chain(lines).collect())
    }

    fn alerts(&self, now: i64) -> Result<Vec<Alert>> {
        let returned = "SELECT id, rule, returned FROM findings WHERE returned IS NOT NULL ORDER BY id";
        let over = "SELECT id, rule, until FROM findings WHERE state = 'acknowledged' AND until IS NOT NULL AND until <= $1 \
                    ORDER BY id";
        let overdue = format!(
            "SELECT findings.id, findings.rule, max(made) FROM alerts JOIN findings ON findings.id = subject WHERE \
             {STATE_NOW} = 'open' AND (alive IS NULL OR alive = 1) AND kind = 'overdue' GROUP BY findings.id, findings.rule \
             ORDER BY findings.id"
        );
        let live = "SELECT id, rule, asked FROM findings WHERE state IN ('revoked', 'rotated') AND alive = 1 AND asked > changed \
                    ORDER BY id";
        let (returned, over) =
            self.with(|session| Ok((session.run(returned, &[])?, session.run(over, &values![now])?)))?;
        let (overdue, live) =
            self.with(|session| Ok((session.run(&overdue, &values![now])?, session.run(live, &[])?)))?;
        let alert = |code: &'static str| {
            move |row: &super::Row| Alert { code, finding: row.text(0), rule: row.text(1), since: rfc3339(row.int(2)) }
        };
        let lists = [(&returned, "returned"), (&live, "still-live"), (&over, "ran-out"), (&overdue, "overdue")];
        Ok(lists.into_iter().flat_map(|(rows, code)| rows.iter().map(alert(code)).collect::<Vec<_>>()).collect())
    }

    /// Findings a day and state; the last 90 days.
    pub fn trend(&self, now: i64) -> Result<BTreeMap<String, BTreeMap<String, u64>>> {
        let sql = "SELECT day, state, findings FROM days WHERE day >= $1 ORDER BY day, state";
        let rows = self.with(|session| session.run(sql, &values![date(now - 90 * 86_400)]))?;
        let mut days: BTreeMap<String, BTreeMap<String, u64>> = BTreeMap::new();
        for row in rows {
            days.entry(row.text(0)).or_default().insert(row.text(1), number(row.int(2)));
        }
        Ok(days)
    }

    /// Writes today's counts; the last of a day stays.
    pub fn count_day(&self, now: i64) -> Result<()> {
        let (day, mut counts) = (date(now), self.by_state(now)?);
        super::State::ALL.iter().for_each(|state| _ = counts.entry(state.as_str().to_owned()).or_default());
        let fresh = "SELECT count(*) FROM findings WHERE first_seen >= $1";
        let insert = "INSERT INTO days (day, state, findings) VALUES ($1, $2, $3) ON CONFLICT (day, state) \
                      DO UPDATE SET findings = excluded.findings";
        self.with(|session| {
            let fresh = session.run(fresh, &values![now - now.rem_euclid(86_400)])?;
            let fresh = ("new".to_owned(), number(fresh.first().map_or(0, |row| row.int(0))));
            for (state, count) in counts.iter().map(|(state, count)| (state.clone(), *count)).chain([fresh]) {
                session.run(insert, &values![&day, state, count])?;
            }
            Ok(())
        })
    }

    /// Every finding, the worst first.
    pub fn findings(&self, now: i64) -> Result<Vec<Finding>> {
        let sql = format!(
            "SELECT id, fingerprint, rule, severity, {STATE_NOW} AS now, first_seen, last_seen, \
             (SELECT count(DISTINCT repository) FROM places WHERE finding = findings.id), \
             (SELECT count(*) FROM places WHERE finding = findings.id), \
             (SELECT count(*) FROM places WHERE finding = findings.id AND in_head = 1), \
             (SELECT count(*) FROM places WHERE finding = findings.id AND in_head = 0), \
              validity, verification, asked, unanswered, died, CAST(CASE WHEN sealed IS NULL THEN 0 ELSE 1 END AS BIGINT) \
             FROM findings ORDER BY rank, rule, id"
        );
        let rows = self.with(|session| session.run(&sql, &values![now]))?;
        let stale = self.stale()?;
        let finding = |row: &super::Row| Finding {
            id: row.text(0),
            fingerprint: row.text(1),
            rule: row.text(2),
            severity: row.text(3),
            state: row.text(4),
            first_seen: rfc3339(row.int(5)),
            last_seen: rfc3339(row.int(6)),
            repositories: number(row.int(7)),
            places: number(row.int(8)),
            in_head: number(row.int(9)),
            in_history: number(row.int(10)),
            stale: stale.get(&row.text(0)).copied(),
            validity: row.text(11),
            verification: serde_json::from_str(&row.text(12)).unwrap_or_default(),
            asked: row.maybe_int(13).map(rfc3339),
            unanswered: row.maybe_text(14),
            died: row.maybe_int(15).map(rfc3339),
            is_kept: row.int(16) == 1,
        };
        Ok(rows.iter().map(finding).collect())
    }

    /// Every repository.
    pub fn repositories(&self) -> Result<Vec<Repository>> {
        let sql = "SELECT key, status, blobs, bytes, shared, scanned, checked FROM repositories ORDER BY key";
        let rows = self.with(|session| session.run(sql, &[]))?;
        let repository = |row: &super::Row| Repository {
            key: row.text(0),
            status: row.text(1),
            blobs: number(row.int(2)),
            bytes: number(row.int(3)),
            shared: number(row.int(4)),
            scanned: row.maybe_int(5).map(rfc3339),
            checked: row.maybe_int(6).map(rfc3339),
        };
        Ok(rows.iter().map(repository).collect())
    }
}
