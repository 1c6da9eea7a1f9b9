//! A baseline: findings accepted on a day, named by fingerprint only, so that the file can be committed.

use crate::finding::Finding;
use crate::secret::Fingerprint;
use crate::warning::Warning;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

const VERSION: u32 = 1;

/// Accepted findings, sorted by fingerprint.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Baseline {
    name: String,
    accepted: BTreeMap<Fingerprint, Accepted>,
}

/// What a person reading the file wants to know of an accepted finding; only the fingerprint decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The rule that found it.
    pub rule: String,
    /// A place it was seen on that day, where it had a path.
    pub path: Option<String>,
    /// The line there.
    pub line: u32,
    /// The day: `2026-11-21`.
    pub added: String,
}

/// Why a baseline cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// Not the JSON of a baseline.
    #[error("{name} is no baseline: {problem}")]
    Syntax { name: String, problem: String },
    /// Written by a later version.
    #[error("{name} has version {version}, this program reads version {VERSION}")]
    Version { name: String, version: u32 },
    /// An entry that names no secret.
    #[error("{name} holds `{fingerprint}`, which is no fingerprint")]
    Fingerprint { name: String, fingerprint: String },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: u32,
    tool: String,
    findings: Vec<Entry>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    fingerprint: String,
    rule: String,
    path: Option<String>,
    line: u32,
    added: String,
}

impl Baseline {
    /// An empty baseline; `name` is what messages call it.
    pub fn new(name: impl Into<String>) -> Baseline {
        Baseline { name: name.into(), accepted: BTreeMap::new() }
    }

    /// Reads a baseline file; anything unexpected is an error, since half a baseline hides the wrong things.
    pub fn parse(text: &str, name: &str) -> Result<Baseline, BaselineError> {
        let syntax = |error: serde_json::Error| BaselineError::Syntax { name: name.into(), problem: error.to_string() };
        let file: File = serde_json::from_str(text).map_err(syntax)?;
        if file.version != VERSION {
            return Err(BaselineError::Version { name: name.into(), version: file.version });
        }
        let mut baseline = Baseline::new(name);
        for Entry { fingerprint, rule, path, line, added } in file.findings {
            let Some(known) = Fingerprint::parse(&fingerprint) else {
                return Err(BaselineError::Fingerprint { name: name.into(), fingerprint });
            };
            baseline.accepted.insert(known, Accepted { rule, path, line, added });
        }
        Ok(baseline)
    }

    /// The file's text, the same for the same entries.
    pub fn to_json(&self) -> String {
        let entry = |(fingerprint, accepted): (&Fingerprint, &Accepted)| Entry {
            fingerprint: fingerprint.as_str().to_owned(),
            rule: accepted.rule.clone(),
            path: accepted.path.clone(),
            line: accepted.line,
            added: accepted.added.clone(),
        };
        let findings = self.accepted.iter().map(entry).collect();
        let file = File { version: VERSION, tool: "stopleak".to_owned(), findings };
        serde_json::to_string_pretty(&file).expect("strings and numbers are always JSON") + "\n"
    }

    /// Whether a finding was accepted.
    pub fn contains(&self, fingerprint: &Fingerprint) -> bool {
        self.accepted.contains_key(fingerprint)
    }

    /// How many findings are accepted.
    pub fn len(&self) -> usize {
        self.accepted.len()
    }

    /// Whether nothing is accepted.
    pub fn is_empty(&self) -> bool {
        self.accepted.is_empty()
    }

    /// Accepts findings on the day `today`; returns how many were new.
    pub fn add<'a>(&mut self, findings: impl IntoIterator<Item = &'a Finding>, today: &str) -> usize {
        let before = self.accepted.len();
        for finding in findings {
            let place = finding.occurrences.first();
            self.accepted.entry(finding.fingerprint.clone()).or_insert_with(|| Accepted {
                rule: finding.rule.id.clone(),
                path: place.and_then(|place| place.origin.path()).map(str::to_owned),
                line: place.map_or(0, |place| place.position.line),
                added: today.to_owned(),
            });
        }
        self.accepted.len() - before
    }

    /// Drops entries that `findings` no longer hold; returns how many.
    pub fn prune(&mut self, findings: &[Finding]) -> usize {
        let (before, seen) = (self.accepted.len(), fingerprints(findings));
        self.accepted.retain(|fingerprint, _| seen.contains(fingerprint));
        before - self.accepted.len()
    }

    /// A note when entries are no longer seen.
    pub fn stale(&self, findings: &[Finding]) -> Option<Warning> {
        let seen = fingerprints(findings);
        let gone: Vec<&Fingerprint> = self.accepted.keys().filter(|accepted| !seen.contains(accepted)).collect();
        let names: Vec<&str> = gone.iter().take(3).map(|fingerprint| fingerprint.as_str()).collect();
        let message = match gone.len() {
            0 => return None,
            1 => format!("one accepted finding is no longer seen: {}", names[0]),
            count if count > names.len() => {
                format!("{count} accepted findings are no longer seen: {}, …", names.join(", "))
            }
            count => format!("{count} accepted findings are no longer seen: {}", names.join(", ")),
        };
        Some(Warning::note("stale-baseline", &self.name, message))
    }
}

fn fingerprints(findings: &[Finding]) -> BTreeSet<&Fingerprint> {
    findings.iter().map(|finding| &finding.fingerprint).collect()
}
