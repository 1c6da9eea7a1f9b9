//! The tables, made step by step: a store of an older version is brought up to date when it is opened.

use super::value::{Result, Row, Session, StoreError};
use crate::sweep::store::values;

/// Each step is applied once, in order; a step that was published never changes.
const STEPS: &[&[&str]] = &[&[
    "CREATE TABLE targets (name TEXT PRIMARY KEY, state TEXT, listed BIGINT, error TEXT)",
    // One line each: what is known of it, what the last scan left, and when the last one of everything began.
    "CREATE TABLE repositories (key TEXT PRIMARY KEY, detail TEXT NOT NULL, target TEXT NOT NULL, refs TEXT, tips BYTEA,
        rules TEXT, settings TEXT, head TEXT, status TEXT NOT NULL, reason TEXT, failures BIGINT NOT NULL DEFAULT 0,
        checked BIGINT, scanned BIGINT, whole BIGINT, blobs BIGINT NOT NULL DEFAULT 0, bytes BIGINT NOT NULL DEFAULT 0,
        shared BIGINT NOT NULL DEFAULT 0, run TEXT NOT NULL)",
    "CREATE TABLE coverage (repository TEXT NOT NULL, code TEXT NOT NULL, object TEXT NOT NULL, reason TEXT NOT NULL,
        seen BIGINT NOT NULL, PRIMARY KEY (repository, code, object))",
    "CREATE TABLE jobs (id TEXT PRIMARY KEY, run TEXT NOT NULL, repository TEXT NOT NULL, state TEXT NOT NULL,
        weight BIGINT NOT NULL, rank BIGINT NOT NULL, worker TEXT, due BIGINT NOT NULL, deliveries BIGINT NOT NULL DEFAULT 0,
        outcome TEXT)",
    // What is taken next, without looking at what is ended.
    "CREATE INDEX jobs_next ON jobs (rank, id) WHERE state IN ('waiting', 'leased')",
    "CREATE INDEX jobs_run ON jobs (run, state, outcome)",
    // What is done or counted once for all who ask.
    "CREATE TABLE turns (name TEXT PRIMARY KEY, at BIGINT NOT NULL, value TEXT NOT NULL)",
    "CREATE TABLE runs (id TEXT PRIMARY KEY, started BIGINT NOT NULL, ended BIGINT, targets TEXT NOT NULL,
        warnings TEXT NOT NULL, rules TEXT NOT NULL, note TEXT)",
    "CREATE TABLE findings (id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, rule TEXT NOT NULL, severity TEXT NOT NULL,
        rank BIGINT NOT NULL, record TEXT NOT NULL, about TEXT NOT NULL, state TEXT NOT NULL, reason TEXT, until BIGINT,
        changed BIGINT, by_whom TEXT, said BIGINT NOT NULL DEFAULT 0, returned BIGINT, first_seen BIGINT NOT NULL,
        last_seen BIGINT NOT NULL, validity TEXT NOT NULL DEFAULT 'unchecked', doubt TEXT, verification TEXT, asked BIGINT,
        unanswered TEXT, alive BIGINT, died BIGINT, sealed BYTEA, sealed_by TEXT, sealed_sets BIGINT)",
    "CREATE INDEX findings_fingerprint ON findings (fingerprint)",
    "CREATE TABLE places (finding TEXT NOT NULL, repository TEXT NOT NULL, place TEXT NOT NULL, path TEXT,
        commit_id TEXT, time BIGINT, in_head BIGINT, owners TEXT, last_author TEXT, record TEXT NOT NULL,
        first_seen BIGINT NOT NULL, PRIMARY KEY (finding, repository, place))",
    "CREATE INDEX places_repository ON places (repository)",
    // Objects that hold nothing, by what forks and mirrors share: their first commits.
    "CREATE TABLE clean (family TEXT NOT NULL, rules TEXT NOT NULL, part TEXT NOT NULL, ids BYTEA NOT NULL,
        PRIMARY KEY (family, rules, part))",
    "CREATE TABLE packs (digest TEXT PRIMARY KEY, rules TEXT NOT NULL, made BIGINT NOT NULL)",
    // Who asks about a finding in a run, and what the provider said: asked once, whoever finds it.
    "CREATE TABLE asks (run TEXT NOT NULL, finding TEXT NOT NULL, job TEXT NOT NULL, until BIGINT NOT NULL, validity TEXT,
        verification TEXT, asked BIGINT, PRIMARY KEY (run, finding))",
    // What happened and is to be told; an outbox has a line for each receiver that does not know.
    "CREATE TABLE alerts (id TEXT PRIMARY KEY, kind TEXT NOT NULL, subject TEXT NOT NULL, occasion TEXT NOT NULL,
        run TEXT NOT NULL, made BIGINT NOT NULL, detail TEXT NOT NULL)",
    "CREATE TABLE receivers (name TEXT PRIMARY KEY, holder TEXT NOT NULL, held BIGINT NOT NULL, used BIGINT NOT NULL)",
    "CREATE TABLE outbox (receiver TEXT NOT NULL, alert TEXT NOT NULL, PRIMARY KEY (receiver, alert))",
    "CREATE TABLE sent (receiver TEXT NOT NULL, run TEXT NOT NULL, kind TEXT NOT NULL, number BIGINT NOT NULL,
        PRIMARY KEY (receiver, run, kind))",
    "CREATE TABLE days (day TEXT NOT NULL, state TEXT NOT NULL, findings BIGINT NOT NULL, PRIMARY KEY (day, state))",
]];

/// Makes what is missing, and checks that the store belongs to this key.
pub fn prepare(session: &mut dyn Session, key_check: &str) -> Result<()> {
    session.run("CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value TEXT NOT NULL)", &[])?;
    // Who comes first holds the row: others wait here until the tables are made.
    session.run(
        "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING",
        &values!["version", "0"],
    )?;
    session.run("UPDATE meta SET value = value WHERE name = $1", &values!["version"])?;
    let version: i64 = read(session, "version")?.parse().unwrap_or(0);
    let latest = STEPS.len() as i64;
    if version > latest {
        return Err(StoreError::Newer(version, latest));
    }
    for step in STEPS.iter().skip(version as usize) {
        step.iter().try_for_each(|statement| session.run(statement, &[]).map(|_| ()))?;
    }
    session.run("UPDATE meta SET value = $1 WHERE name = $2", &values![latest.to_string(), "version"])?;
    let insert = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    session.run(insert, &values!["key", key_check])?;
    match read(session, "key")? == key_check {
        true => Ok(()),
        false => Err(StoreError::OtherKey),
    }
}

fn read(session: &mut dyn Session, name: &str) -> Result<String> {
    let rows: Vec<Row> = session.run("SELECT value FROM meta WHERE name = $1", &values![name])?;
    Ok(rows.first().map(|row| row.text(0)).unwrap_or_default())
}
