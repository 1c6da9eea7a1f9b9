//! Records and summaries as JSON: the field names outsiders rely on, in one place for `jsonl`, `json` and `html`.

use super::time::rfc3339;
use super::{
    About, Excuse, ImagePlace, ObjectPlace, Place, Reason, Record, Ruling, RunPlace, Summary, Tracked, Verification,
};
use crate::finding::{PartSet, Position};
use crate::summary::Repository;
use crate::warning::Warning;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// One occurrence of a finding, as a line of its own.
#[derive(Serialize)]
pub struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    what: What<'a>,
    #[serde(flatten)]
    place: PlaceOut<'a>,
    /// On the first line of a finding with more places than are listed.
    #[serde(skip_serializing_if = "is_zero")]
    more_occurrences: u64,
}

/// A finding with all its occurrences.
#[derive(Serialize)]
pub struct Whole<'a> {
    #[serde(flatten)]
    what: What<'a>,
    occurrences: Vec<PlaceOut<'a>>,
    #[serde(skip_serializing_if = "is_zero")]
    more_occurrences: u64,
}

/// What was found.
#[derive(Serialize)]
struct What<'a> {
    /// `practice`; nothing for a secret.
    #[serde(skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    rule: &'a str,
    provider: &'a str,
    severity: &'static str,
    confidence: f64,
    validity: &'a str,
    /// Where the provider was asked, or nobody could.
    #[serde(skip_serializing_if = "Option::is_none")]
    verification: Option<&'a Verification>,
    fingerprint: &'a str,
    secret: Cow<'a, str>,
    /// Beside a value in clear, what a report shows without it.
    #[serde(skip_serializing_if = "Option::is_none")]
    redacted: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    key: &'a str,
    /// Beside a value in clear, the values it was seen with: `{"acme.key-id": "…"}`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    part_sets: Vec<BTreeMap<&'a str, Cow<'a, str>>>,
    evidence: Vec<ReasonOut<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    facts: BTreeMap<&'a str, &'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    vault: &'a [crate::vaulted::Place],
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<&'a Ruling>,
    /// Of a store of sweeps: state, days, owners.
    #[serde(skip_serializing_if = "Option::is_none")]
    tracked: Option<&'a Tracked>,
}

/// Where it was found.
#[derive(Serialize)]
struct PlaceOut<'a> {
    path: Option<&'a str>,
    #[serde(flatten)]
    position: Span,
    source: &'static str,
    commit: Option<&'a str>,
    author: Option<&'a str>,
    time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_head: Option<bool>,
    origin: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<&'a ImagePlace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<&'a ObjectPlace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<&'a RunPlace>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    trail: &'a [Cow<'static, str>],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<PartOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppression: Option<ExcuseOut<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<&'a str>,
}

#[derive(Serialize)]
struct Span {
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

#[derive(Serialize)]
struct PartOut<'a> {
    rule: &'a str,
    #[serde(flatten)]
    position: Span,
}

#[derive(Serialize)]
struct ReasonOut<'a> {
    reason: &'a str,
    weight: f64,
}

#[derive(Serialize)]
struct ExcuseOut<'a> {
    kind: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    reason: &'a str,
}

/// How often a finding was seen that was written before.
#[derive(Serialize)]
pub struct Repeated<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    rule: &'a str,
    fingerprint: &'a str,
    places: u64,
}

/// The end of a report.
#[derive(Serialize)]
pub struct End<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    targets: &'a [String],
    blobs: u64,
    bytes: u64,
    /// Whole seconds: two short scans of the same input compare equal.
    seconds: u64,
    findings: u64,
    gated: u64,
    #[serde(skip_serializing_if = "is_zero")]
    warned: u64,
    suppressed: u64,
    below_gate: u64,
    #[serde(skip_serializing_if = "is_zero")]
    practices: u64,
    skipped: Vec<Note<'a>>,
    notes: Vec<Note<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    repositories: Vec<RepositoryOut<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    rules: BTreeMap<&'a str, RuleOut<'a>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    trend: &'a BTreeMap<String, BTreeMap<String, u64>>,
}

#[derive(Serialize)]
struct Note<'a> {
    code: &'a str,
    object: &'a str,
    reason: &'a str,
}

#[derive(Serialize)]
struct RepositoryOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    branch: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revision: Option<&'a str>,
}

/// What is said once about a rule that found something.
#[derive(Serialize)]
struct RuleOut<'a> {
    name: &'a str,
    provider_name: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    help: &'a str,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    references: &'a [String],
}

/// The rules of the findings written so far, for the summary.
#[derive(Default)]
pub struct Rules(BTreeMap<String, Arc<About>>);

impl Rules {
    /// Keeps the record's rule.
    pub fn add(&mut self, record: &Record) {
        if !self.0.contains_key(&record.rule.id) {
            self.0.insert(record.rule.id.clone(), Arc::clone(&record.rule));
        }
    }

    fn out(&self) -> BTreeMap<&str, RuleOut<'_>> {
        self.0.iter().map(|(id, about)| (id.as_str(), rule(about))).collect()
    }
}

fn rule(about: &About) -> RuleOut<'_> {
    RuleOut { name: &about.name, provider_name: &about.provider_name, help: &about.help, references: &about.references }
}

/// A finding's occurrences as lines, the one to look at first in front.
pub fn lines(record: &Record) -> impl Iterator<Item = Line<'_>> {
    record.places.iter().enumerate().map(move |(index, occurrence)| Line {
        kind: "finding",
        what: what(record),
        place: place(occurrence),
        more_occurrences: if index == 0 { record.more_places } else { 0 },
    })
}

/// A finding as one object.
pub fn whole(record: &Record) -> Whole<'_> {
    Whole {
        what: what(record),
        occurrences: record.places.iter().map(place).collect(),
        more_occurrences: record.more_places,
    }
}

/// A finding's number of places as one object.
pub fn repeated(record: &Record) -> Repeated<'_> {
    Repeated { kind: "repeated", rule: &record.rule.id, fingerprint: &record.fingerprint, places: record.count() }
}

/// The summary as one object.
pub fn end<'a>(summary: &'a Summary, rules: &'a Rules) -> End<'a> {
    let notes = |unscanned| summary.warnings.iter().filter(move |w| w.unscanned == unscanned).map(note).collect();
    End {
        kind: "summary",
        targets: &summary.targets,
        blobs: summary.blobs,
        bytes: summary.bytes,
        seconds: summary.elapsed.as_secs(),
        findings: summary.findings,
        gated: summary.gated,
        warned: summary.warned,
        suppressed: summary.suppressed,
        below_gate: summary.below_gate,
        practices: summary.practices,
        skipped: notes(true),
        notes: notes(false),
        repositories: summary.repositories.iter().map(repository).collect(),
        rules: rules.out(),
        trend: &summary.trend,
    }
}

fn what(record: &Record) -> What<'_> {
    What {
        kind: record.rule.is_practice.then_some("practice"),
        rule: &record.rule.id,
        provider: &record.rule.provider,
        severity: record.rule.severity.as_str(),
        confidence: record.confidence,
        validity: &record.validity,
        verification: Some(&record.verification).filter(|verification| !verification.is_empty()),
        fingerprint: &record.fingerprint,
        secret: record.value.print(),
        redacted: record.value.shown().map(|_| record.value.redacted()),
        key: &record.key,
        part_sets: record.value.shown().map(|_| part_sets(record)).unwrap_or_default(),
        evidence: record.evidence.iter().map(reason).collect(),
        facts: record.facts.iter().map(|(label, value)| (label.as_str(), value.as_str())).collect(),
        vault: &record.vault,
        decision: record.decision.as_ref(),
        tracked: record.tracked.as_ref(),
    }
}

fn part_set(set: &PartSet) -> BTreeMap<&str, Cow<'_, str>> {
    set.iter().map(|(rule, value)| (rule.as_str(), String::from_utf8_lossy(value.expose()))).collect()
}

fn part_sets(record: &Record) -> Vec<BTreeMap<&str, Cow<'_, str>>> {
    record.part_sets.sets().iter().map(part_set).collect()
}

fn place(place: &Place) -> PlaceOut<'_> {
    let introduced = place.introduced.as_ref();
    PlaceOut {
        path: place.path.as_deref(),
        position: span(&place.position),
        source: place.source.as_str(),
        commit: place.commit(),
        author: introduced.map(|introduced| introduced.author.as_str()),
        time: introduced.map(|introduced| rfc3339(introduced.time)),
        in_head: place.in_head,
        origin: &place.origin,
        image: place.image.as_ref(),
        object: place.object.as_ref(),
        run: place.run.as_ref(),
        job: place.job.as_deref(),
        step: place.step.as_deref(),
        trail: &place.trail,
        parts: place.parts.iter().map(|(rule, at)| PartOut { rule, position: span(at) }).collect(),
        suppression: place.suppression.as_ref().map(excuse),
        repository: place.repository.as_deref(),
    }
}

fn excuse(excuse: &Excuse) -> ExcuseOut<'_> {
    ExcuseOut { kind: &excuse.kind, reason: &excuse.reason }
}

fn span(position: &Position) -> Span {
    let Position { line, column, end_line, end_column } = *position;
    Span { line, column, end_line, end_column }
}

fn reason(reason: &Reason) -> ReasonOut<'_> {
    ReasonOut { reason: &reason.reason, weight: reason.weight }
}

fn note(warning: &Warning) -> Note<'_> {
    Note { code: warning.code, object: &warning.object, reason: &warning.message }
}

fn repository(repository: &Repository) -> RepositoryOut<'_> {
    RepositoryOut {
        url: repository.public_url(),
        branch: repository.branch.as_deref(),
        revision: repository.revision.as_deref(),
    }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
