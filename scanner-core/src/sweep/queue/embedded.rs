//! The queue that needs nothing: leases in the store itself.

use super::{End, Queue, QueueError};
use crate::sweep::store::{Leased, Outcome, Store};
use crate::time;
use std::sync::Arc;
use std::time::Duration;

/// Leases in a store.
pub struct Embedded {
    store: Arc<Store>,
    lease: Duration,
}

impl Embedded {
    /// Jobs of `store`, each handed out for `lease`.
    pub fn new(store: Arc<Store>, lease: Duration) -> Embedded {
        Embedded { store, lease }
    }

    fn until(&self) -> i64 {
        time::now() + self.lease.as_secs().max(1) as i64
    }
}

impl Queue for Embedded {
    /// They are in the store already.
    fn publish(&self, _: &str, _: &[String]) -> Result<(), QueueError> {
        Ok(())
    }

    fn take(&self, worker: &str) -> Result<Option<Leased>, QueueError> {
        Ok(self.store.lease(worker, time::now(), self.until())?)
    }

    fn hold(&self, job: &Leased, worker: &str) -> Result<bool, QueueError> {
        Ok(self.store.extend(&job.id, worker, self.until())?)
    }

    fn end(&self, job: &Leased, end: &End) -> Result<(), QueueError> {
        match end {
            End::Done(outcome) => self.store.finish(&job.id, *outcome, time::now())?,
            End::Dead(_) => self.store.finish(&job.id, Outcome::Dead, time::now())?,
            End::Again(after) => self.store.give_back(&job.id, time::now() + after.as_secs() as i64)?,
        }
        Ok(())
    }

    fn mend(&self) -> Result<u64, QueueError> {
        Ok(0)
    }
}
