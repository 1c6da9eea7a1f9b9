//! Why a finding is not held against the target: marks on the line, the project's allowlist, an accepted baseline.
//!
//! A suppression covers one secret at the places it names, never a different secret, and says so when it no longer serves.

pub mod allowlist;
pub mod baseline;
pub mod known;
pub mod mark;

pub use allowlist::{Allow, Allowlist, AllowlistError};
pub use baseline::{Baseline, BaselineError};

use crate::blob::Origin;
use crate::finding::{Finding, Occurrence, Suppression};
use crate::warning::Warning;

/// Everything that may keep findings out of the result.
#[derive(Debug, Default)]
pub struct Suppressions {
    /// The project's `[[allow]]` entries.
    pub allowlist: Allowlist,
    /// Findings accepted on a day.
    pub baseline: Option<Baseline>,
    /// Whether the scan sees everything these were written for, so that one without a match is stale.
    pub complete: bool,
}

impl Suppressions {
    /// Marks the suppressed findings, drops suppressed places of the others, and tells which entries are stale.
    pub fn apply(&self, findings: &mut [Finding]) -> Vec<Warning> {
        let mut used = vec![false; self.allowlist.entries().len()];
        for finding in findings.iter_mut() {
            self.judge(finding, &mut used);
        }
        let mut warnings = self.allowlist.stale(&used, self.complete);
        if let Some(baseline) = self.baseline.as_ref().filter(|_| self.complete) {
            warnings.extend(baseline.stale(findings));
        }
        warnings
    }

    fn judge(&self, finding: &mut Finding, used: &mut [bool]) {
        let excuses: Vec<Option<Suppression>> =
            (0..finding.occurrences.len()).map(|index| self.excuse(finding, index, used)).collect();
        let known = known::label(finding.secret.expose());
        let accepted = self.baseline.as_ref().is_some_and(|baseline| baseline.contains(&finding.fingerprint));
        // A place beyond the limit of listed ones cannot be excused by its path or its line.
        let everywhere = finding.more_occurrences == 0 && excuses.iter().all(Option::is_some);
        if accepted {
            finding.suppression = Some(Suppression::Baseline);
        } else if let Some(label) = known {
            finding.suppression = Some(Suppression::Known { label });
        } else if everywhere {
            finding.suppression = excuses.into_iter().flatten().next();
        } else {
            let mut excuses = excuses.into_iter();
            finding.occurrences.retain(|_| excuses.next().flatten().is_none());
        }
    }

    /// Why one place does not count.
    fn excuse(&self, finding: &Finding, index: usize, used: &mut [bool]) -> Option<Suppression> {
        let occurrence = &finding.occurrences[index];
        if let Some(reason) = marked(finding, occurrence) {
            return Some(Suppression::Mark { reason: without_secret(reason, finding) });
        }
        if let Some(reason) = allowed(finding, occurrence) {
            return Some(Suppression::Allowlist { reason: without_secret(reason, finding) });
        }
        let matching = self.allowlist.entries().iter().zip(used).filter(|(allow, _)| allow.covers(finding, occurrence));
        let mut reason = None;
        for (allow, used) in matching {
            *used = true;
            reason.get_or_insert(allow.reason());
        }
        reason.map(|reason| Suppression::Allowlist { reason: reason.to_owned() })
    }
}

/// The reason of the mark that covers this place: on its line, or on a later version of the same file, since the
/// past cannot be marked.
fn marked<'a>(finding: &'a Finding, occurrence: &'a Occurrence) -> Option<&'a str> {
    let later = |other: &&Occurrence| {
        let same_file = occurrence.origin.path().is_some() && other.origin.path() == occurrence.origin.path();
        other.mark.is_some() && same_file && age(&other.origin) > age(&occurrence.origin)
    };
    let marked = occurrence.mark.is_some().then_some(occurrence);
    marked.or_else(|| finding.occurrences.iter().find(later)).and_then(|marked| marked.mark.as_deref())
}

/// The reason of a rule file's `[[allow]]` entry that covers this place, or that covers the commit which brought the
/// secret into this file: what is on disk has no commit of its own.
fn allowed<'a>(finding: &'a Finding, occurrence: &'a Occurrence) -> Option<&'a str> {
    let earlier = |other: &&Occurrence| {
        let same_file = occurrence.origin.path().is_some() && other.origin.path() == occurrence.origin.path();
        let by_commit = other.allowed.as_ref().is_some_and(|allowed| allowed.by_commit);
        by_commit && same_file && age(&other.origin) < age(&occurrence.origin)
    };
    let own = occurrence.allowed.as_ref().map(|_| occurrence);
    let covering = own.or_else(|| finding.occurrences.iter().find(earlier));
    covering.and_then(|covering| covering.allowed.as_ref()).map(|allowed| &*allowed.reason)
}

/// When a version of a file came to be; what is on disk or staged is the newest.
fn age(origin: &Origin) -> i64 {
    match origin.outermost() {
        Origin::GitBlob { introduced, .. } => introduced.as_ref().map_or(i64::MIN, |introduced| introduced.time),
        _ => i64::MAX,
    }
}

/// A reason is shown in reports; on a one-line file it could run into the value itself.
fn without_secret(reason: &str, finding: &Finding) -> String {
    let holds = memchr::memmem::find(reason.as_bytes(), finding.secret.expose()).is_some();
    if holds { String::new() } else { reason.to_owned() }
}
