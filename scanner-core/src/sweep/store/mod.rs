//! What a sweep knows: repositories and how far they are scanned, jobs, findings with their places and states.
//!
//! One set of statements runs on SQLite and on PostgreSQL. No secret stands in it: a finding has its redaction, its fingerprint
//! and a name under a key that is kept elsewhere.

mod alerts;
mod answers;
mod clean;
mod export;
mod findings;
mod jobs;
mod merge;
#[cfg(feature = "postgres")]
mod postgres;
mod repositories;
mod runs;
mod schema;
mod sqlite;
mod stale;
mod status;
mod triage;
mod turns;
mod value;

pub use alerts::{About, AlertKind, Pending};
pub use answers::{Answer, Claim, Kept, Sealed};
pub use clean::{Clean, short_id};
pub use findings::{Seen, SeenAt, Stand, Step};
pub use jobs::{Counts, Leased, Outcome, Taken};
pub use repositories::{Anew, Known, Left, Status, store_key};
pub use runs::{Resumed, Run};
pub use status::{Alert, Finding, Overview, Repository, Unscanned};
pub use triage::{State, Triage, Version};
pub(crate) use value::values;
pub use value::{Database, Result, Row, Session, StoreError, Value};

use super::key::StoreKey;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// How long a store may take to be there.
const OPENING: Duration = Duration::from_secs(10);

/// Where a sweep keeps what it knows.
pub struct Store {
    database: Mutex<Box<dyn Database>>,
    key: StoreKey,
    retries: AtomicU64,
    limit: Duration,
}

impl Store {
    /// Opens a file of SQLite.
    pub fn in_file(path: &Path, key: StoreKey) -> Result<Store> {
        Store::of(Box::new(sqlite::Sqlite::open(path)?), key)
    }

    /// Opens a database of PostgreSQL by its address.
    #[cfg(feature = "postgres")]
    pub fn on_server(address: &str, key: StoreKey) -> Result<Store> {
        Store::of(Box::new(postgres::Postgres::open(address)?), key)
    }

    /// Over any database; its tables are made.
    pub fn of(database: Box<dyn Database>, key: StoreKey) -> Result<Store> {
        let store = Store { database: Mutex::new(database), key, retries: AtomicU64::new(0), limit: Duration::MAX };
        let check = store.key.check();
        // A server may just be starting; an address that leads nowhere is told soon.
        store.within(OPENING, |session| schema::prepare(session, &check))?;
        Ok(store)
    }

    /// The same for somebody who waits: a database that is lost is tried again for so long only.
    pub fn patient_for(self, limit: Duration) -> Store {
        Store { limit, ..self }
    }

    /// The key that names findings.
    pub fn key(&self) -> &StoreKey {
        &self.key
    }

    /// How often the database was lost or busy.
    pub fn retries(&self) -> u64 {
        self.retries.load(Ordering::Relaxed)
    }

    /// Runs `work` in one transaction, again while the database is lost or busy: it must do the same when it is run twice.
    pub fn with<T>(&self, work: impl FnMut(&mut dyn Session) -> Result<T>) -> Result<T> {
        self.within(self.limit, work)
    }

    fn within<T>(&self, limit: Duration, mut work: impl FnMut(&mut dyn Session) -> Result<T>) -> Result<T> {
        let started = Instant::now();
        let mut pause = Duration::from_millis(20);
        loop {
            let (error, patience) = {
                let mut database = self.database.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
                let mut found = None;
                let done = database.transaction(&mut |session| {
                    found = Some(work(session)?);
                    Ok(())
                });
                match (done, found) {
                    (Ok(()), Some(found)) => return Ok(found),
                    (Ok(()), None) => (StoreError::Busy("nothing was run".to_owned()), database.patience()),
                    (Err(error), _) => (error, database.patience()),
                }
            };
            if !error.is_passing() || started.elapsed() > Duration::from_millis(patience).min(limit) {
                return Err(error);
            }
            self.retries.fetch_add(1, Ordering::Relaxed);
            std::thread::sleep(pause);
            pause = (pause * 2).min(Duration::from_secs(2));
        }
    }
}
