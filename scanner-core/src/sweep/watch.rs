//! Who is told of what a sweep does: the seam to the audit log and to notifiers.

use crate::secret::Secret;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A finding that was not there before.
    Found {
        /// Where it was seen first.
        repository: &'a str,
        /// Its id in the store.
        finding: &'a str,
        /// The rule that found it.
        rule: &'a str,
        /// The value.
        secret: &'a Secret,
    },
    /// A try failed; there will be another.
    Failed {
        /// What failed.
        repository: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// A repository was given up: it is not scanned as it is now.
    Dead {
        /// Which.
        repository: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// New rules make it necessary to scan all of a repository again.
    Everything {
        /// Which.
        repository: &'a str,
        /// Why.
        reason: &'a str,
    },
    /// A run came to its end.
    Ended {
        /// Which.
        run: &'a str,
    },
}

/// Is told of events as they happen, from any thread.
pub trait Watcher: Send + Sync {
    /// Takes note of one.
    fn event(&self, event: &Event<'_>);
}

/// Nobody.
pub struct Nobody;

impl Watcher for Nobody {
    fn event(&self, _: &Event<'_>) {}
}
