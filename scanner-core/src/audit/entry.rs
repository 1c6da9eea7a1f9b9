//! One entry of the log, and the act it tells of; an entry is one line of canonical JSON.

use super::canonical::canonical;
use super::error::AuditError;
use super::tree::{Hash, leaf_hash};
use crate::secret::{from_hex, hex};
use crate::time::rfc3339;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Nobody writes longer lines, and nobody reads them.
pub(super) const MAX_LINE: usize = 16 << 20;

/// Something that was done or is about to be done; no part of it holds a secret.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    /// One word: `scan`, `verify`, `plan`, `revoke`, `rotate`, `bypass`, `allow`, `timeout`.
    pub action: String,
    /// The secrets it is about, by their keyed tags (`Keys::tag`).
    pub subjects: Vec<String>,
    /// The digest of the request that is sent, see `digest`.
    pub request: Option<String>,
    /// What came of it, one word.
    pub outcome: String,
    /// All else worth knowing.
    pub details: Value,
}

impl Act {
    /// An act that was done, about nothing yet.
    pub fn new(action: &str) -> Act {
        let (action, outcome) = (action.to_owned(), "done".to_owned());
        Act { action, subjects: Vec::new(), request: None, outcome, details: Value::Object(Default::default()) }
    }

    /// Adds a subject's tag.
    pub fn about(mut self, tag: impl Into<String>) -> Act {
        self.subjects.push(tag.into());
        self
    }

    /// Names the request by its digest.
    pub fn request(mut self, digest: impl Into<String>) -> Act {
        self.request = Some(digest.into());
        self
    }

    /// Says what came of it.
    pub fn outcome(mut self, word: &str) -> Act {
        self.outcome = word.to_owned();
        self
    }

    /// Tells more.
    pub fn details(mut self, details: Value) -> Act {
        self.details = details;
        self
    }
}

/// The digest of bytes that are sent, as entries name them: `sha256:` and 64 digits. For requests without guessable secrets.
pub fn digest(bytes: &[u8]) -> String {
    use sha2::{Digest, Sha256};
    format!("sha256:{}", hex(&Sha256::digest(bytes)))
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts from 1.
    pub number: u64,
    /// When it was written, in UTC.
    pub time: String,
    /// Who did it, as far as the system tells.
    pub actor: String,
    /// The run of the program it belongs to.
    pub run: String,
    /// What was done, one word.
    pub action: String,
    /// The secrets it is about, by their keyed tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub subjects: Vec<String>,
    /// The digest of the request that is sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<String>,
    /// The entry that began what this one ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<u64>,
    /// What came of it: `begun` while nobody knows.
    pub outcome: String,
    /// All else.
    pub details: Value,
    /// The leaf hash of the entry before; zeros for the first.
    pub previous: String,
}

/// Where an entry is put.
pub(super) struct Place<'a> {
    pub number: u64,
    pub previous: &'a Hash,
    pub of: Option<u64>,
    pub now: i64,
    pub actor: &'a str,
    pub run: &'a str,
}

impl Entry {
    pub(super) fn new(act: Act, place: &Place) -> Entry {
        Entry {
            number: place.number,
            time: rfc3339(place.now),
            actor: place.actor.to_owned(),
            run: place.run.to_owned(),
            action: act.action,
            subjects: act.subjects,
            request: act.request,
            of: place.of,
            outcome: act.outcome,
            details: act.details,
            previous: hex(place.previous),
        }
    }

    /// The line, without its break.
    pub fn line(&self) -> Result<Vec<u8>, AuditError> {
        let value = serde_json::to_value(self).map_err(|error| AuditError::Entry(error.to_string()))?;
        let line = canonical(&value).map_err(|problem| AuditError::Entry(problem.to_owned()))?;
        match line.len() < MAX_LINE {
            true => Ok(line),
            false => Err(AuditError::Entry(format!("it is longer than {MAX_LINE} bytes"))),
        }
    }
}

/// Reads a line (without its break) that must be this entry: its number, and the one before it.
pub(super) fn parse(line: &[u8], number: u64, previous: &Hash) -> Result<Entry, String> {
    let value: Value = serde_json::from_slice(line).map_err(|error| format!("it is no JSON: {error}"))?;
    if canonical(&value)? != line {
        return Err("it is not in the form it was written in".to_owned());
    }
    let entry: Entry = serde_json::from_value(value).map_err(|error| format!("it is no entry: {error}"))?;
    if entry.number != number {
        return Err(format!("entry {} stands in its place", entry.number));
    }
    match from_hex(&entry.previous) {
        Some(named) if named == *previous => Ok(entry),
        _ => Err("the entry before it is not the one it was written after".to_owned()),
    }
}

/// The leaf of an entry's line.
pub(super) fn leaf(line: &[u8]) -> Hash {
    leaf_hash(line)
}
