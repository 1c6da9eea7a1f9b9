//! Runs: one sweep from the listing of its targets to its last job.

use super::alerts::{self, AlertKind};
use super::repositories::{list, places, store_key};
use super::{Result, Session, Store, Value};
use crate::sweep::store::values;
use crate::sweep::targets::{Repo, State};
use crate::warning::Warning;

/// A run to be begun or gone on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Its id.
    pub id: String,
    /// The targets, as they were written.
    pub targets: Vec<String>,
    /// The rules it began with.
    pub rules: String,
}

/// A run that was not ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resumed {
    /// The run.
    pub run: Run,
    /// Whether its targets were listed to the end.
    pub is_listed: bool,
}

impl Store {
    /// The run of these targets that was interrupted, if there is one.
    pub fn interrupted(&self, targets: &[String]) -> Result<Option<Resumed>> {
        let sql = "SELECT id, rules, note FROM runs WHERE ended IS NULL AND targets = $1 ORDER BY started DESC LIMIT 1";
        let rows = self.with(|session| session.run(sql, &values![targets.join("\n")]))?;
        Ok(rows.first().map(|row| Resumed {
            run: Run { id: row.text(0), targets: targets.to_vec(), rules: row.text(1) },
            is_listed: row.text(2) == "listed",
        }))
    }

    /// Begins a run.
    pub fn begin(&self, run: &Run, now: i64) -> Result<()> {
        let sql = "INSERT INTO runs (id, started, targets, warnings, rules) VALUES ($1, $2, $3, $4, $5) \
                   ON CONFLICT (id) DO NOTHING";
        let values = values![&run.id, now, run.targets.join("\n"), "[]", &run.rules];
        self.with(|session| session.run(sql, &values)).map(|_| ())
    }

    /// Writes down what one target holds, and a job for each; jobs that are there stay as they are.
    pub fn enqueue(&self, run: &Run, target: &str, repos: &[Repo], now: i64) -> Result<()> {
        const AT_ONCE: usize = 500;
        for some in repos.chunks(AT_ONCE) {
            self.with(|session| {
                list(session, some, target, &run.id)?;
                some.chunks(AT_ONCE / 7).try_for_each(|some| make_jobs(session, run, some, now))
            })?;
        }
        Ok(())
    }

    /// What a target's last listing left for the next.
    pub fn target_state(&self, target: &str) -> Result<Option<State>> {
        let rows = self.with(|session| session.run("SELECT state FROM targets WHERE name = $1", &values![target]))?;
        Ok(rows.first().and_then(|row| serde_json::from_str(&row.text(0)).ok()))
    }

    /// Keeps what a listing left, or why it failed.
    pub fn listed(&self, target: &str, state: Option<&State>, error: Option<&str>, now: i64) -> Result<()> {
        let text = state.and_then(|state| serde_json::to_string(state).ok());
        let sql = "INSERT INTO targets (name, state, listed, error) VALUES ($1, $2, $3, $4) ON CONFLICT (name) \
                   DO UPDATE SET state = COALESCE(excluded.state, targets.state), listed = excluded.listed, \
                   error = excluded.error";
        self.with(|session| session.run(sql, &values![target, text.clone(), now, error])).map(|_| ())
    }

    /// Notes what a target no longer holds; only for one that was listed to the end.
    pub fn gone(&self, run: &Run, target: &str) -> Result<()> {
        let sql = "UPDATE repositories SET status = 'gone' WHERE target = $1 AND run <> $2";
        self.with(|session| session.run(sql, &values![target, &run.id])).map(|_| ())
    }

    /// Notes that every target of a run was listed, and what could not be.
    pub fn all_listed(&self, run: &Run, warnings: &[Warning]) -> Result<()> {
        let lines: Vec<[&str; 3]> = (warnings.iter().filter(|warning| warning.unscanned))
            .map(|warning| [warning.code, &warning.object, &warning.message])
            .collect();
        let text = serde_json::to_string(&lines).unwrap_or_default();
        let sql = "UPDATE runs SET note = $1, warnings = $2 WHERE id = $3";
        self.with(|session| session.run(sql, &values!["listed", &text, &run.id])).map(|_| ())
    }

    /// Ends every run that has no job left; gives their ids.
    pub fn end_runs(&self, now: i64) -> Result<Vec<String>> {
        let sql = "UPDATE runs SET ended = $1 WHERE ended IS NULL AND note = $2 AND NOT EXISTS (SELECT 1 FROM jobs \
                   WHERE jobs.run = runs.id AND jobs.state IN ('waiting', 'leased')) RETURNING id";
        let ended: Vec<String> = self.with(|session| {
            let rows = session.run(sql, &values![now, "listed"])?;
            // Jobs of runs before the last few are of no use any more.
            let old = "DELETE FROM jobs WHERE state IN ('done', 'dead') AND run NOT IN (SELECT id FROM runs ORDER BY started \
                       DESC LIMIT 3)";
            session.run(old, &[])?;
            for row in &rows {
                failed(session, &row.text(0), now)?;
                session.run("DELETE FROM asks WHERE run = $1", &values![row.text(0)])?;
            }
            Ok(rows.iter().map(|row| row.text(0)).collect())
        })?;
        if !ended.is_empty() {
            self.count_day(now)?;
        }
        Ok(ended)
    }
}

fn make_jobs(session: &mut dyn Session, run: &Run, repos: &[Repo], now: i64) -> Result<()> {
    let rows: Vec<String> = (0..repos.len()).map(|row| format!("({})", places(row * 7 + 1, 7))).collect();
    let insert = format!(
        "INSERT INTO jobs (id, run, repository, state, weight, rank, due) VALUES {} ON CONFLICT (id) DO NOTHING",
        rows.join(", ")
    );
    let row = |repo: &Repo| {
        let (key, weight) = (store_key(repo), repo.size.unwrap_or(0));
        // Large ones first: at the end nobody waits for one that began late.
        let rank = -i64::try_from(weight).unwrap_or(i64::MAX);
        values![job_id(&run.id, &key), &run.id, key, "waiting", weight, rank, now]
    };
    let values: Vec<Value> = repos.iter().flat_map(row).collect();
    session.run(&insert, &values).map(|_| ())
}

/// A run that left repositories unscanned, or could not list something, is an alert.
fn failed(session: &mut dyn Session, run: &str, now: i64) -> Result<()> {
    let missed = "SELECT count(*) FROM repositories WHERE run = $1 AND status IN ('waiting', 'unscanned')";
    let missed = session.run(missed, &values![run])?.first().map_or(0, |row| row.int(0));
    let warnings = session.run("SELECT warnings FROM runs WHERE id = $1", &values![run])?;
    let warnings = warnings.first().map(|row| row.text(0)).unwrap_or_default();
    let unlisted = serde_json::from_str::<Vec<[String; 3]>>(&warnings).unwrap_or_default();
    if missed == 0 && unlisted.is_empty() {
        return Ok(());
    }
    let mut detail = format!("repositories that are not scanned: {missed}");
    if let Some([_, object, reason]) = unlisted.first() {
        detail += &format!("; what could not be listed: {}, such as {object}: {reason}", unlisted.len());
    }
    alerts::raise(session, (AlertKind::SweepFailed, run, ""), run, &detail, now)
}

/// A job has one name, however often it is enqueued.
pub fn job_id(run: &str, repository: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&(run.len() as u64).to_le_bytes()).update(run.as_bytes()).update(repository.as_bytes());
    hasher.finalize().to_hex()[..32].to_owned()
}
