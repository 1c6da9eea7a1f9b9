//! Jobs: one scan of one repository in one run. What a queue hands out, this table knows the end of.

use super::repositories::{Known, UNCHANGED, known};
use super::{Result, Row, Session, Store};
use crate::sweep::store::values;
use crate::sweep::targets::Repo;
use std::fmt;

/// A job that somebody holds for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leased {
    /// Its id.
    pub id: String,
    /// The run it belongs to.
    pub run: String,
    /// The repository's name in the store.
    pub key: String,
    /// The repository.
    pub repo: Repo,
    /// What is remembered of it.
    pub known: Known,
    /// How often it was handed out, this time included.
    pub deliveries: i64,
}

/// What came of taking a job by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Taken {
    /// It is ours.
    Yes(Box<Leased>),
    /// Another has it until then, as far as we know.
    Busy(i64),
    /// It is ended, or there is no such job.
    Ended,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// New objects were scanned.
    Scanned,
    /// Nothing was new.
    Unchanged,
    /// It failed as often as it may.
    Dead,
}

impl Outcome {
    fn as_str(self) -> &'static str {
        match self {
            Outcome::Scanned => "scanned",
            Outcome::Unchanged => "unchanged",
            Outcome::Dead => "dead",
        }
    }
}

/// How many jobs there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not begun.
    pub waiting: u64,
    /// Under way.
    pub leased: u64,
    /// Ended well.
    pub done: u64,
    /// Of those, without anything new.
    pub unchanged: u64,
    /// Given up.
    pub dead: u64,
}

impl Counts {
    /// Jobs that are not ended.
    pub fn left(&self) -> u64 {
        self.waiting + self.leased
    }

    /// As they are kept for others to read.
    pub(super) fn parse(text: &str) -> Counts {
        let mut numbers = text.split(' ').map(|number| number.parse().unwrap_or(0));
        let mut next = || numbers.next().unwrap_or(0);
        Counts { waiting: next(), leased: next(), done: next(), unchanged: next(), dead: next() }
    }

    /// All jobs.
    pub fn all(&self) -> u64 {
        self.left() + self.done + self.dead
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {} {}", self.waiting, self.leased, self.done, self.unchanged, self.dead)
    }
}

/// A job that was just taken, with what is known of its repository.
fn leased(session: &mut dyn Session, job: &Row) -> Result<Leased> {
    let key = job.text(2);
    let rows = session.run(
        "SELECT refs, tips, rules, settings, status, failures, detail FROM repositories WHERE key = $1",
        &values![&key],
    )?;
    let repository = rows.first();
    Ok(Leased {
        id: job.text(0),
        run: job.text(1),
        key,
        deliveries: job.int(3),
        repo: repository.and_then(|row| serde_json::from_str(&row.text(6)).ok()).unwrap_or_default(),
        known: repository.map(known).unwrap_or_default(),
    })
}

impl Store {
    /// Takes a job that is due, until `until`; one whose holder fell silent is due again.
    pub fn lease(&self, worker: &str, now: i64, until: i64) -> Result<Option<Leased>> {
        self.with(|session| {
            let take = format!(
                "UPDATE jobs SET state = 'leased', worker = $1, due = $2, deliveries = deliveries + 1 WHERE id = \
                 (SELECT id FROM jobs WHERE state IN ('waiting', 'leased') AND due <= $3 ORDER BY rank, id LIMIT 1{}) \
                 RETURNING id, run, repository, deliveries",
                session.skip_locked()
            );
            let rows = session.run(&take, &values![worker, until, now])?;
            rows.first().map(|job| leased(session, job)).transpose()
        })
    }

    /// Takes the job that a queue handed out, unless it is ended or another holds it.
    pub fn lease_named(&self, id: &str, worker: &str, now: i64, until: i64) -> Result<Taken> {
        let take = "UPDATE jobs SET state = 'leased', worker = $1, due = $2, deliveries = deliveries + 1 WHERE id = $3 \
                    AND (state = 'waiting' OR (state = 'leased' AND due <= $4)) \
                    RETURNING id, run, repository, deliveries";
        self.with(|session| {
            if let Some(job) = session.run(take, &values![worker, until, id, now])?.first() {
                return Ok(Taken::Yes(Box::new(leased(session, job)?)));
            }
            let rows = session.run("SELECT due FROM jobs WHERE id = $1 AND state = 'leased'", &values![id])?;
            Ok(rows.first().map_or(Taken::Ended, |row| Taken::Busy(row.int(0))))
        })
    }

    /// Jobs that nobody holds, with their runs: for a queue that lost them.
    pub fn due(&self, now: i64) -> Result<Vec<(String, String)>> {
        let sql = "SELECT run, id FROM jobs WHERE state IN ('waiting', 'leased') AND due <= $1 ORDER BY rank, id";
        let rows = self.with(|session| session.run(sql, &values![now]))?;
        Ok(rows.iter().map(|row| (row.text(0), row.text(1))).collect())
    }

    /// Holds a job longer; false when another has it.
    pub fn extend(&self, id: &str, worker: &str, until: i64) -> Result<bool> {
        let sql = "UPDATE jobs SET due = $1 WHERE id = $2 AND worker = $3 AND state = 'leased' RETURNING id";
        let rows = self.with(|session| session.run(sql, &values![until, id, worker]))?;
        Ok(!rows.is_empty())
    }

    /// Ends a job; of one without anything new it is noted that somebody looked.
    pub fn finish(&self, id: &str, outcome: Outcome, now: i64) -> Result<()> {
        let state = if outcome == Outcome::Dead { "dead" } else { "done" };
        let sql = "UPDATE jobs SET state = $1, outcome = $2 WHERE id = $3 AND state <> 'done' RETURNING repository";
        self.with(|session| {
            let ended = session.run(sql, &values![state, outcome.as_str(), id])?;
            match ended.first().filter(|_| outcome == Outcome::Unchanged) {
                Some(job) => session.run(UNCHANGED, &values![now, job.text(0)]).map(|_| ()),
                None => Ok(()),
            }
        })
    }

    /// Gives a job back, to be tried again from `due` on.
    pub fn give_back(&self, id: &str, due: i64) -> Result<()> {
        let sql = "UPDATE jobs SET state = 'waiting', due = $1 WHERE id = $2 AND state = 'leased'";
        self.with(|session| session.run(sql, &values![due, id])).map(|_| ())
    }

    /// The jobs of a run, or of all runs that are not ended.
    pub fn counts(&self, run: Option<&str>) -> Result<Counts> {
        self.with(|session| count(session, run))
    }

    /// Whether any job is not ended.
    pub fn is_busy(&self) -> Result<bool> {
        let sql = "SELECT 1 FROM jobs WHERE state IN ('waiting', 'leased') LIMIT 1";
        Ok(!self.with(|session| session.run(sql, &[]))?.is_empty())
    }

    /// Jobs of a run that are not ended.
    pub fn waiting(&self, run: &str) -> Result<Vec<String>> {
        let sql = "SELECT id FROM jobs WHERE run = $1 AND state IN ('waiting', 'leased') ORDER BY rank, id";
        let rows = self.with(|session| session.run(sql, &values![run]))?;
        Ok(rows.iter().map(|row| row.text(0)).collect())
    }
}

pub(super) fn count(session: &mut dyn Session, run: Option<&str>) -> Result<Counts> {
    let of_run = "SELECT state, outcome, count(*) FROM jobs WHERE run = $1 GROUP BY state, outcome";
    let of_all = "SELECT state, outcome, count(*) FROM jobs WHERE run IN (SELECT id FROM runs WHERE ended IS NULL) \
                  GROUP BY state, outcome";
    let rows = match run {
        Some(run) => session.run(of_run, &values![run])?,
        None => session.run(of_all, &[])?,
    };
    let mut counts = Counts::default();
    for row in rows {
        let number = u64::try_from(row.int(2)).unwrap_or(0);
        match row.text(0).as_str() {
            "waiting" => counts.waiting += number,
            "leased" => counts.leased += number,
            "dead" => counts.dead += number,
            _ => counts.done += number,
        }
        counts.unchanged += if row.text(1) == "unchanged" { number } else { 0 };
    }
    Ok(counts)
}
