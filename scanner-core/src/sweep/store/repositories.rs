//! Repositories: what was listed, how far each is scanned, and what of it is not.

use super::alerts::{self, AlertKind};
use super::{Result, Row, Session, Store, Value};
use crate::blob::ObjectId;
use crate::sweep::store::values;
use crate::sweep::targets::{Kind, Repo};
use crate::warning::Warning;
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};

/// How far a repository is scanned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Listed, and never scanned.
    #[default]
    Waiting,
    /// All of it.
    Scanned,
    /// All but what its ledger names.
    Partial,
    /// Not as it is now: it failed as often as it may.
    Unscanned,
    /// There is nothing behind its name, as with a wiki without a page.
    Absent,
    /// It is no longer listed, or left out by a filter.
    Gone,
}

impl Status {
    const NAMES: [(Status, &'static str); 6] = [
        (Status::Waiting, "waiting"),
        (Status::Scanned, "scanned"),
        (Status::Partial, "partial"),
        (Status::Unscanned, "unscanned"),
        (Status::Absent, "absent"),
        (Status::Gone, "gone"),
    ];

    /// The word in the store and in reports.
    pub fn as_str(self) -> &'static str {
        Self::NAMES.iter().find(|(status, _)| *status == self).map_or("waiting", |(_, name)| name)
    }

    pub(super) fn named(word: &str) -> Status {
        Self::NAMES.iter().find(|(_, name)| *name == word).map_or(Status::Waiting, |(status, _)| *status)
    }
}

/// What is remembered of a repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// What tells whether something is new: a hash of the references, an image's digest, how far texts were read.
    pub refs: Option<String>,
    /// What they pointed to.
    pub tips: Vec<ObjectId>,
    /// The rules it was scanned with.
    pub rules: Option<String>,
    /// Everything that decides what counts.
    pub settings: Option<String>,
    /// How far.
    pub status: Status,
    /// How often it failed in a row.
    pub failures: i64,
}

/// What a scan leaves.
#[derive(Clone, Debug, Default)]
pub struct Left {
    /// As in `Known`.
    pub refs: String,
    /// As in `Known`.
    pub tips: Vec<ObjectId>,
    /// As in `Known`.
    pub rules: String,
    /// As in `Known`.
    pub settings: String,
    /// The commit that `HEAD` named.
    pub head: Option<String>,
    /// Blobs scanned.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Objects that were not scanned again: a fork, a mirror or an earlier try had them.
    pub shared: u64,
    /// What was not scanned.
    pub warnings: Vec<Warning>,
    /// What of that which was not scanned before is told anew.
    pub anew: Anew,
    /// When the scan of everything began that ends with this.
    pub whole: Option<i64>,
}

/// What a scan tells anew of what was not scanned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Anew {
    /// It looked at what is new alone: what was missing before still is.
    #[default]
    Nothing,
    /// All warnings whose code begins so: what they are about was asked for again.
    Codes(&'static str),
    /// Everything was looked at.
    Everything,
}

/// The name of a repository in the store.
pub fn store_key(repo: &Repo) -> String {
    match repo.kind {
        Kind::Git => repo.key.clone(),
        kind => format!("{}#{}", repo.key, kind.as_str()),
    }
}

/// Rows of one statement: few enough for every database's limit of parameters.
const AT_ONCE: usize = 500;

/// Notes that nothing is new.
pub(super) const UNCHANGED: &str = "UPDATE repositories SET checked = $1, failures = 0 WHERE key = $2";

/// What is remembered, in the columns that come first.
pub(super) fn known(row: &Row) -> Known {
    Known {
        refs: row.maybe_text(0),
        tips: row.bytes(1).chunks_exact(20).filter_map(|id| Some(ObjectId(id.try_into().ok()?))).collect(),
        rules: row.maybe_text(2),
        settings: row.maybe_text(3),
        status: Status::named(&row.text(4)),
        failures: row.int(5),
    }
}

/// `$3, $4, $5`: so many parameters from one on.
pub(super) fn places(first: usize, count: usize) -> String {
    let places: Vec<String> = (first..first + count).map(|place| format!("${place}")).collect();
    places.join(", ")
}

impl Store {
    /// What is remembered of these repositories, but for what their references pointed to.
    pub fn known(&self, keys: &[String]) -> Result<HashMap<String, Known>> {
        let mut all = HashMap::with_capacity(keys.len());
        for some in keys.chunks(AT_ONCE) {
            let sql = format!(
                "SELECT refs, NULL, rules, settings, status, failures, key FROM repositories WHERE key IN ({})",
                places(1, some.len())
            );
            let values: Vec<Value> = some.iter().map(Value::from).collect();
            let rows = self.with(|session| session.run(&sql, &values))?;
            all.extend(rows.iter().map(|row| (row.text(6), known(row))));
        }
        Ok(all)
    }

    /// Notes of repositories of a target that nothing is new, all at once.
    pub fn unchanged(&self, run: &str, target: &str, keys: &[String], now: i64) -> Result<()> {
        self.with(|session| {
            for some in keys.chunks(AT_ONCE) {
                let sql = format!(
                    "UPDATE repositories SET checked = $1, failures = 0, run = $2, target = $3 WHERE key IN ({})",
                    places(4, some.len())
                );
                let own: [Value; 3] = values![now, run, target];
                let values: Vec<Value> = own.into_iter().chain(some.iter().map(Value::from)).collect();
                session.run(&sql, &values)?;
            }
            Ok(())
        })
    }

    /// Notes that there is nothing behind a name.
    pub fn absent(&self, key: &str, now: i64) -> Result<()> {
        let sql = "UPDATE repositories SET checked = $1, failures = 0, status = $2 WHERE key = $3";
        self.with(|session| session.run(sql, &values![now, Status::Absent.as_str(), key])).map(|_| ())
    }

    /// Counts a failure; gives how many there were in a row.
    pub fn failed(&self, key: &str, reason: &str) -> Result<i64> {
        let update = "UPDATE repositories SET failures = failures + 1, reason = $1 WHERE key = $2 RETURNING failures";
        let rows = self.with(|session| session.run(update, &values![reason, key]))?;
        Ok(rows.first().map_or(1, |row| row.int(0)))
    }

    /// Notes that a repository is not scanned as it is now; the first time that is an alert.
    pub fn unscanned(&self, (key, run): (&str, &str), reason: &str, now: i64) -> Result<()> {
        let was = "SELECT status, COALESCE(scanned, 0) FROM repositories WHERE key = $1";
        let sql =
            "UPDATE repositories SET status = $1, reason = $2, checked = $3, failures = 0, refs = NULL WHERE key = $4";
        let unscanned = Status::Unscanned.as_str();
        self.with(|session| {
            let was = session.run(was, &values![key])?;
            if let Some(was) = was.first().filter(|row| row.text(0) != unscanned) {
                let cause = (AlertKind::SweepFailed, key, &*was.int(1).to_string());
                alerts::raise(session, cause, run, &format!("it was given up: {reason}"), now)?;
            }
            session.run(sql, &values![unscanned, reason, now, key]).map(|_| ())
        })
    }
}

/// Keeps how far it is: what is read from a time on goes on there after an interruption.
pub fn mark(session: &mut dyn Session, key: &str, mark: &str) -> Result<()> {
    session.run("UPDATE repositories SET refs = $1 WHERE key = $2", &values![mark, key]).map(|_| ())
}

/// Forgets what was not scanned: it is all looked at again.
pub fn forget_missed(session: &mut dyn Session, key: &str) -> Result<()> {
    session.run("DELETE FROM coverage WHERE repository = $1", &values![key]).map(|_| ())
}

/// Writes what was not scanned.
pub fn miss(session: &mut dyn Session, key: &str, warnings: &[Warning], now: i64) -> Result<()> {
    let insert = "INSERT INTO coverage (repository, code, object, reason, seen) VALUES ($1, $2, $3, $4, $5) \
                  ON CONFLICT (repository, code, object) DO UPDATE SET reason = excluded.reason, seen = excluded.seen";
    for warning in warnings.iter().filter(|warning| warning.unscanned) {
        session.run(insert, &values![key, warning.code, &warning.object, &warning.message, now])?;
    }
    Ok(())
}

/// Writes what a scan left.
pub fn leave(session: &mut dyn Session, key: &str, left: &Left, now: i64) -> Result<()> {
    match left.anew {
        Anew::Nothing => {}
        Anew::Codes(codes) => {
            let sql = "DELETE FROM coverage WHERE repository = $1 AND code LIKE $2";
            session.run(sql, &values![key, format!("{codes}%")])?;
        }
        Anew::Everything => forget_missed(session, key)?,
    }
    if left.whole.is_some() {
        session.run("UPDATE repositories SET whole = $1 WHERE key = $2", &values![left.whole, key])?;
    }
    miss(session, key, &left.warnings, now)?;
    let holes = session.run("SELECT count(*) FROM coverage WHERE repository = $1", &values![key])?;
    let is_partial = holes.first().is_some_and(|row| row.int(0) > 0);
    let status = if is_partial { Status::Partial } else { Status::Scanned };
    let tips: Vec<u8> = left.tips.iter().flat_map(|id| id.0).collect();
    let update = "UPDATE repositories SET refs = $1, tips = $2, rules = $3, settings = $4, head = $5, status = $6, \
                  reason = NULL, failures = 0, checked = $7, scanned = $7, blobs = blobs + $8, bytes = bytes + $9, \
                  shared = shared + $10 WHERE key = $11";
    let values: [Value; 11] = values![
        &left.refs,
        tips,
        &left.rules,
        &left.settings,
        left.head.as_deref(),
        status.as_str(),
        now,
        left.blobs,
        left.bytes,
        left.shared,
        key
    ];
    session.run(update, &values).map(|_| ())
}

/// Writes repositories down as they were listed.
pub fn list(session: &mut dyn Session, repos: &[Repo], target: &str, run: &str) -> Result<()> {
    // One statement writes a row once.
    let mut seen = HashSet::new();
    let repos: Vec<&Repo> = repos.iter().filter(|repo| seen.insert(store_key(repo))).collect();
    for some in repos.chunks(AT_ONCE / 5) {
        let rows: Vec<String> = (0..some.len()).map(|row| format!("({})", places(row * 5 + 1, 5))).collect();
        let insert = format!(
            "INSERT INTO repositories (key, detail, target, status, run) VALUES {} ON CONFLICT (key) DO UPDATE SET \
             detail = excluded.detail, target = excluded.target, run = excluded.run, \
             status = CASE WHEN repositories.status = 'gone' THEN 'waiting' ELSE repositories.status END",
            rows.join(", ")
        );
        let row = |repo: &&Repo| {
            let detail = serde_json::to_string(repo).unwrap_or_default();
            values![store_key(repo), detail, target, Status::Waiting.as_str(), run]
        };
        let values: Vec<Value> = some.iter().flat_map(row).collect();
        session.run(&insert, &values)?;
    }
    Ok(())
}
