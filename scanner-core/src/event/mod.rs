//! What started a pipeline's run, and which commits it brought: the forge's words in, what to scan out.
//!
//! An event is read without a repository. Planning then looks at one, and asks for what a shallow clone lacks before it
//! says what to scan: nothing that was asked for is passed over in silence.

pub mod github;
pub mod gitlab;
mod plan;

pub use plan::{Fetch, Plan, Planning, Step};

use crate::blob::ObjectId;
use crate::source::git::repository::{GitError, parse_id};

/// What started a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The forge's name for it: `push`, `merge_request_event`.
    pub name: String,
    /// What it brought.
    pub scope: Scope,
}

/// What an event brought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Commits.
    Commits(Commits),
    /// No commits of its own: the whole history is scanned, for this reason.
    Everything(String),
    /// Nothing to scan, for this reason.
    Nothing(String),
}

/// New commits: what the head reaches and the base does not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commits {
    /// The newest; a commit or an annotated tag.
    pub head: Point,
    /// What was there before.
    pub base: Base,
    /// A merge of base and head that the forge made: its first parent is where the base is now.
    pub merge: Option<ObjectId>,
}

/// An object of the remote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Point {
    /// Its id.
    pub id: ObjectId,
    /// References under which the remote hands it out, should it not do so by id: `refs/pull/7/head`.
    pub references: Vec<String>,
}

/// What was there before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Base {
    /// All that this commit reaches; without it nothing can be said.
    Commit(Point),
    /// What the reference named before. After a forced push the remote may not have it any more.
    Before {
        /// The commit.
        id: ObjectId,
        /// Whether it was left behind: then what these branches have is not new either.
        is_forced: bool,
        /// Branches that stand in for it.
        branches: Vec<String>,
    },
    /// What these branches of the remote have. Without any, all that the head reaches is new.
    Branches(Vec<String>),
}

/// Why an event cannot be scanned as it should be.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EventError {
    /// The forge's description cannot be understood.
    #[error("cannot read the {event} event: {reason}")]
    Unreadable {
        /// Its name.
        event: String,
        /// What is wrong.
        reason: String,
    },
    /// An object is not here and cannot be fetched.
    #[error("the {what} {id} is not in this clone and cannot be fetched: {reason}")]
    Missing {
        /// `head`, `base`.
        what: &'static str,
        /// Its id.
        id: ObjectId,
        /// What git said.
        reason: String,
    },
    /// The clone stays shallow.
    #[error("this clone is too shallow to tell which commits are new, and cannot be deepened: {reason}")]
    Shallow {
        /// What git said.
        reason: String,
    },
    /// The repository cannot be read.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl EventError {
    /// What to try next, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            EventError::Missing { .. } | EventError::Shallow { .. } => {
                Some("check out with full history (actions/checkout: `fetch-depth: 0`; GitLab: `GIT_DEPTH: \"0\"`)")
            }
            EventError::Git(error) => error.hint(),
            EventError::Unreadable { .. } => None,
        }
    }
}

/// An id; git's zeros and an empty text are none.
fn id(event: &str, what: &str, text: &str) -> Result<Option<ObjectId>, EventError> {
    if text.is_empty() || text.bytes().all(|byte| byte == b'0') {
        return Ok(None);
    }
    let id = parse_id(text.as_bytes());
    let unreadable = || EventError::Unreadable { event: event.to_owned(), reason: format!("{what} is no commit's id") };
    id.map(Some).ok_or_else(unreadable)
}

fn missing(event: &str, what: &str) -> EventError {
    EventError::Unreadable { event: event.to_owned(), reason: format!("{what} is missing") }
}

/// A branch's own name.
fn branch_name(reference: &str) -> &str {
    reference.strip_prefix("refs/heads/").unwrap_or(reference)
}

/// The branches that stand in for what came before, each once, without the one that changed.
fn others(branches: [Option<&str>; 2], changed: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for name in branches.into_iter().flatten().map(branch_name).filter(|name| !name.is_empty() && *name != changed) {
        if !names.iter().any(|known| known == name) {
            names.push(name.to_owned());
        }
    }
    names
}
