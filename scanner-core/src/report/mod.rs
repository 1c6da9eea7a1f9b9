//! Findings on their way out: one writer per format, each fed finding by finding and finished once.

mod csv;
mod github;
mod gitlab;
mod html;
mod json;
mod jsonl;
mod junit;
mod markdown;
mod place;
mod read;
mod record;
mod remedy;
mod sarif;
mod tracked;
mod wire;

pub use crate::summary::{Repository, Summary};
use crate::time;
pub use csv::Csv;
pub use github::Github;
pub use gitlab::Gitlab;
pub use html::{Html, Viewer};
pub use json::{Json, to_value};
pub use jsonl::JsonLines;
pub use junit::Junit;
pub use markdown::Markdown;
pub use place::{ImagePlace, Introduced, ObjectPlace, Place, RunPlace, Source};
pub use read::{ReadError, Saved, read};
pub use record::{About, Excuse, Reason, Record, Ruling, Secrets, Value, Verification};
pub use sarif::Sarif;
pub use tracked::Tracked;

use crate::blob::{Fate, Origin};
use crate::finding::{Finding, Occurrence};
use std::cmp::Ordering;
use std::io;

/// One output format.
pub trait Report {
    /// Writes one finding; called in sorted order.
    fn record(&mut self, record: &Record) -> io::Result<()>;
    /// Says how often a finding was seen that was written before with its first place only.
    fn repeated(&mut self, _record: &Record) -> io::Result<()> {
        Ok(())
    }
    /// Brings what was written to its reader at once.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
    /// Writes what comes last.
    fn finish(&mut self, summary: &Summary) -> io::Result<()>;
}

/// The order of every report: the worst and surest first, then by rule and place.
pub fn compare(a: &Finding, b: &Finding) -> Ordering {
    let place = |finding| first_place(finding).map(|place| (place.origin.path(), place.position, &place.origin));
    (b.rule.severity.cmp(&a.rule.severity))
        .then(b.confidence.0.total_cmp(&a.confidence.0))
        .then_with(|| a.rule.id.cmp(&b.rule.id))
        .then_with(|| place(a).cmp(&place(b)))
        .then_with(|| a.fingerprint.cmp(&b.fingerprint))
}

/// The place to look at first: on disk if it is there, else the first commit that brought it.
pub fn first_place(finding: &Finding) -> Option<&Occurrence> {
    finding.occurrences.iter().min_by_key(|place| importance(place))
}

/// The finding's places, the one to look at first in front: on disk, then history from the first commit on.
pub fn places(finding: &Finding) -> Vec<&Occurrence> {
    let mut places: Vec<&Occurrence> = finding.occurrences.iter().collect();
    places.sort_by_key(|place| importance(place));
    places
}

fn importance(place: &Occurrence) -> (u8, i64) {
    match place.origin.outermost() {
        Origin::File { .. } | Origin::Staged { .. } | Origin::Object { .. } | Origin::Stdin => (0, 0),
        Origin::Layer { fate: Fate::Kept, .. }
        | Origin::ImageConfig { .. }
        | Origin::Run { .. }
        | Origin::Text { .. } => (0, 0),
        origin => origin.introduction().map_or((2, 0), |introduced| (1, introduced.time)),
    }
}

/// What to do about a leak when the rule has no advice of its own.
pub const GENERAL_HELP: &str = "Revoke or rotate it where it was issued first; then remove it from the code and, \
     if the repository is shared, treat its history as leaked.";
