//! What is to be told, and who was told: an alert is written with what it is about, in one transaction, and stays in each
//! receiver's outbox until it was told. One process at a time tells a receiver.

use super::triage::STATE_NOW;
use super::{Result, Session, Store};
use crate::sweep::store::values;
use std::collections::{BTreeMap, HashMap};

/// A receiver that nobody tells any more is forgotten after this.
const FORGOTTEN: i64 = 30 * 86_400;
/// Alerts about runs and repositories are forgotten after this; those about findings stay with them.
const OLD: i64 = 90 * 86_400;
/// Alerts that are looked at together.
const MOST: i64 = 50_000;

/// What happened.
pub type AlertKind = crate::notify::Kind;

/// An alert that a receiver does not know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Its id.
    pub id: String,
    /// What happened.
    pub kind: AlertKind,
    /// The finding, repository or run.
    pub subject: String,
    /// Tells what happens to one subject more than once apart.
    pub occasion: String,
    /// The run that brought it.
    pub run: String,
    /// When it happened.
    pub made: i64,
    /// A sentence.
    pub detail: String,
    /// Of a finding: its rule.
    pub rule: Option<String>,
    /// Of a finding: how bad it is.
    pub severity: Option<String>,
    /// Of a finding: what people say of it today.
    pub state: Option<String>,
    /// Whether its run is over.
    pub is_over: bool,
}

/// What is told of a finding: no value in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// As reports name it.
    pub fingerprint: String,
    /// The report's JSON.
    pub record: String,
    /// What the report says of the rule.
    pub about: String,
    /// What the provider said, in a word, and the rest as JSON.
    pub validity: (String, String),
    /// Repository and the place's JSON, a few.
    pub places: Vec<(String, String)>,
}

/// What an alert is about: what happened, to whom, and which time.
pub(super) type Cause<'a> = (AlertKind, &'a str, &'a str);

fn id((kind, subject, occasion): Cause<'_>) -> String {
    let mut hasher = blake3::Hasher::new();
    for field in [kind.as_str(), subject, occasion] {
        hasher.update(&(field.len() as u64).to_le_bytes()).update(field.as_bytes());
    }
    hasher.finalize().to_hex()[..32].to_owned()
}

/// Writes an alert and puts it into every outbox; one that was raised before is not raised again.
pub(super) fn raise(session: &mut dyn Session, cause: Cause<'_>, run: &str, detail: &str, now: i64) -> Result<()> {
    if write(session, cause, run, detail, now)? {
        let sql = "INSERT INTO outbox (receiver, alert) SELECT name, CAST($1 AS TEXT) FROM receivers WHERE true \
                   ON CONFLICT (receiver, alert) DO NOTHING";
        session.run(sql, &values![id(cause)])?;
    }
    Ok(())
}

/// Notes that an alert need not be told any more.
pub(super) fn forgo(session: &mut dyn Session, cause: Cause<'_>, run: &str, now: i64) -> Result<()> {
    write(session, cause, run, "", now).map(|_| ())
}

fn write(session: &mut dyn Session, cause: Cause<'_>, run: &str, detail: &str, now: i64) -> Result<bool> {
    let sql = "INSERT INTO alerts (id, kind, subject, occasion, run, made, detail) VALUES ($1, $2, $3, $4, $5, $6, $7) \
               ON CONFLICT (id) DO NOTHING RETURNING id";
    let (kind, subject, occasion) = cause;
    Ok(!session.run(sql, &values![id(cause), kind.as_str(), subject, occasion, run, now, detail])?.is_empty())
}

impl Store {
    /// Makes receivers known: from now on alerts are kept for them. Who was not told anything for a month is forgotten.
    pub fn receivers(&self, names: &[String], now: i64) -> Result<()> {
        let add = "INSERT INTO receivers (name, holder, held, used) VALUES ($1, '', 0, $2) ON CONFLICT (name) \
                   DO UPDATE SET used = excluded.used";
        let forget = [
            "DELETE FROM outbox WHERE receiver IN (SELECT name FROM receivers WHERE used < $1)",
            "DELETE FROM receivers WHERE used < $1",
        ];
        let old = "DELETE FROM alerts WHERE kind = $1 AND made < $2 AND id NOT IN (SELECT alert FROM outbox)";
        self.with(|session| {
            for name in names {
                session.run(add, &values![name, now])?;
            }
            forget.iter().try_for_each(|sql| session.run(sql, &values![now - FORGOTTEN]).map(|_| ()))?;
            session.run(old, &values![AlertKind::SweepFailed.as_str(), now - OLD]).map(|_| ())
        })
    }

    /// Takes a receiver, or keeps it: nobody else tells it meanwhile. False when another has it.
    pub fn hold_receiver(&self, name: &str, holder: &str, now: i64, until: i64) -> Result<bool> {
        let sql = "UPDATE receivers SET holder = $1, held = $2, used = $3 WHERE name = $4 AND (holder = $1 OR held <= $3) \
                   RETURNING name";
        Ok(!self.with(|session| session.run(sql, &values![holder, until, now, name]))?.is_empty())
    }

    /// Lets go of a receiver.
    pub fn free_receiver(&self, name: &str, holder: &str) -> Result<()> {
        let sql = "UPDATE receivers SET held = 0 WHERE name = $1 AND holder = $2";
        self.with(|session| session.run(sql, &values![name, holder])).map(|_| ())
    }

    /// Who does not know of how many alerts.
    pub fn untold(&self) -> Result<BTreeMap<String, u64>> {
        let sql = "SELECT receiver, count(*) FROM outbox GROUP BY receiver";
        let rows = self.with(|session| session.run(sql, &[]))?;
        Ok(rows.iter().map(|row| (row.text(0), u64::try_from(row.int(1)).unwrap_or(0))).collect())
    }

    /// What a receiver does not know, the oldest first.
    pub fn pending(&self, receiver: &str, now: i64) -> Result<Vec<Pending>> {
        let sql = format!(
            "SELECT alert, kind, subject, occasion, alerts.run, made, detail, findings.rule, findings.severity, \
             CASE WHEN findings.id IS NULL THEN NULL ELSE {STATE_NOW} END, runs.ended, runs.id FROM outbox \
             JOIN alerts ON alerts.id = outbox.alert LEFT JOIN findings ON findings.id = alerts.subject \
             LEFT JOIN runs ON runs.id = alerts.run WHERE receiver = $2 ORDER BY made, alert LIMIT $3"
        );
        let rows = self.with(|session| session.run(&sql, &values![now, receiver, MOST]))?;
        let pending = |row: &super::Row| {
            Some(Pending {
                id: row.text(0),
                kind: AlertKind::parse(&row.text(1))?,
                subject: row.text(2),
                occasion: row.text(3),
                run: row.text(4),
                made: row.int(5),
                detail: row.text(6),
                rule: row.maybe_text(7),
                severity: row.maybe_text(8),
                state: row.maybe_text(9),
                is_over: row.maybe_int(10).is_some() || row.maybe_text(11).is_none(),
            })
        };
        Ok(rows.iter().filter_map(pending).collect())
    }

    /// How many alerts of each run and kind a receiver was told one by one.
    pub fn sent(&self, receiver: &str) -> Result<HashMap<(String, String), u64>> {
        let sql = "SELECT run, kind, number FROM sent WHERE receiver = $1";
        let rows = self.with(|session| session.run(sql, &values![receiver]))?;
        let number = |row: &super::Row| u64::try_from(row.int(2)).unwrap_or(0);
        Ok(rows.iter().map(|row| ((row.text(0), row.text(1)), number(row))).collect())
    }

    /// Notes that a receiver knows these; `one_by_one` names the run and kind that they count for.
    pub fn told(&self, receiver: &str, alerts: &[&str], one_by_one: Option<(&str, AlertKind)>) -> Result<()> {
        let delete = "DELETE FROM outbox WHERE receiver = $1 AND alert = $2 RETURNING alert";
        let count = "INSERT INTO sent (receiver, run, kind, number) VALUES ($1, $2, $3, $4) \
                     ON CONFLICT (receiver, run, kind) DO UPDATE SET number = sent.number + excluded.number";
        self.with(|session| {
            let mut gone = 0_i64;
            for alert in alerts {
                gone += session.run(delete, &values![receiver, *alert])?.len() as i64;
            }
            if let Some((run, kind)) = one_by_one.filter(|_| gone > 0) {
                session.run(count, &values![receiver, run, kind.as_str(), gone])?;
            }
            Ok(())
        })
    }

    /// What there is to tell of a finding; none when there is no such finding.
    pub fn about(&self, id: &str, most: i64) -> Result<Option<About>> {
        let sql = "SELECT fingerprint, record, about, validity, verification FROM findings WHERE id = $1";
        let places =
            "SELECT repository, record FROM places WHERE finding = $1 ORDER BY repository, path, place LIMIT $2";
        let (found, places) =
            self.with(|session| Ok((session.run(sql, &values![id])?, session.run(places, &values![id, most])?)))?;
        Ok(found.first().map(|row| About {
            fingerprint: row.text(0),
            record: row.text(1),
            about: row.text(2),
            validity: (row.text(3), row.text(4)),
            places: places.iter().map(|row| (row.text(0), row.text(1))).collect(),
        }))
    }

    /// Raises an alert for what is open for longer than its severity allows, and was not seen dead; once, and again when it
    /// was closed meanwhile. Seconds for each severity.
    pub fn overdue(&self, limits: &[(&str, i64)], run: &str, now: i64) -> Result<()> {
        const AT_ONCE: usize = 500;
        let sql = format!(
            "SELECT id, changed, first_seen FROM findings WHERE {STATE_NOW} = 'open' AND severity = $2 AND first_seen <= $3 \
             AND (alive IS NULL OR alive = 1) ORDER BY id"
        );
        for (severity, seconds) in limits {
            let due = now.saturating_sub(*seconds);
            let rows = self.with(|session| session.run(&sql, &values![now, *severity, due]))?;
            for some in rows.chunks(AT_ONCE) {
                self.with(|session| {
                    for row in some {
                        let occasion = row.maybe_int(1).map(|changed| changed.to_string()).unwrap_or_default();
                        let days = (now - row.int(2)) / 86_400;
                        let detail = format!("open for {days} {}", if days == 1 { "day" } else { "days" });
                        raise(session, (AlertKind::Overdue, &row.text(0), &occasion), run, &detail, now)?;
                    }
                    Ok(())
                })?;
            }
        }
        Ok(())
    }
}
