//! Who does which job: handed out one at a time, held while it is worked on, handed out again when its holder falls silent.
//!
//! The store knows which jobs are ended; a queue that loses everything is filled anew from there.

mod embedded;
#[cfg(feature = "nats")]
mod nats;

pub use embedded::Embedded;
#[cfg(feature = "nats")]
pub use nats::Nats;

use super::store::{Leased, Outcome, StoreError};
use std::time::Duration;

/// Why a queue cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum QueueError {
    /// The store behind it.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The server behind it.
    #[error("the queue cannot be reached: {0}")]
    Lost(String),
}

/// How a holder lets go of a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It is done.
    Done(Outcome),
    /// It is to be tried again, after a while.
    Again(Duration),
    /// It is given up, for this reason.
    Dead(String),
}

/// Hands out jobs.
pub trait Queue: Send + Sync {
    /// Makes jobs of a run known; those that are known already stay one.
    fn publish(&self, run: &str, jobs: &[String]) -> Result<(), QueueError>;
    /// Takes a job for as long as a lease lasts; none when there is none to be had now.
    fn take(&self, worker: &str) -> Result<Option<Leased>, QueueError>;
    /// Holds a job for one more lease; false when it is another's by now.
    fn hold(&self, job: &Leased, worker: &str) -> Result<bool, QueueError>;
    /// Lets go of a job.
    fn end(&self, job: &Leased, end: &End) -> Result<(), QueueError>;
    /// Publishes again what the store has waiting and the queue has lost; gives how many.
    fn mend(&self) -> Result<u64, QueueError>;
}
