//! Findings and summaries as JSON: the field names outsiders rely on, in one place for `jsonl` and `json`.

use super::time::rfc3339;
use super::{Secrets, Summary, places};
use crate::blob::{Origin, RunPart};
use crate::finding::{Evidence, Finding, Occurrence, Position, Suppression};
use crate::warning::Warning;
use serde::Serialize;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// One occurrence of a finding, as a line of its own.
#[derive(Serialize)]
pub struct Line<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(flatten)]
    what: What<'a>,
    #[serde(flatten)]
    place: Place<'a>,
}

/// A finding with all its occurrences.
#[derive(Serialize)]
pub struct Whole<'a> {
    #[serde(flatten)]
    what: What<'a>,
    occurrences: Vec<Place<'a>>,
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
    validity: &'static str,
    fingerprint: &'a str,
    secret: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    key: &'a str,
    evidence: Vec<Reason>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    facts: BTreeMap<&'static str, &'a str>,
}

/// Where it was found.
#[derive(Serialize)]
struct Place<'a> {
    path: Option<&'a str>,
    #[serde(flatten)]
    position: Span,
    commit: Option<String>,
    author: Option<&'a str>,
    time: Option<String>,
    origin: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    image: Option<ImagePlace<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<ObjectPlace<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<RunPlace<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    trail: &'a [Cow<'static, str>],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    parts: Vec<PartPlace<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    suppression: Option<Excuse<'a>>,
}

/// Where in a container image.
#[derive(Serialize)]
pub struct ImagePlace<'a> {
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    step: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fate: Option<&'static str>,
}

/// Where in a bucket.
#[derive(Serialize)]
pub struct ObjectPlace<'a> {
    bucket: &'a str,
    key: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<&'a str>,
}

/// Where on a forge.
#[derive(Serialize)]
pub struct RunPlace<'a> {
    name: &'a str,
    part: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    job: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    artifact: Option<&'a str>,
}

#[derive(Serialize)]
struct Span {
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

#[derive(Serialize)]
struct PartPlace<'a> {
    rule: &'a str,
    #[serde(flatten)]
    position: Span,
}

#[derive(Serialize)]
struct Reason {
    reason: &'static str,
    weight: f64,
}

#[derive(Serialize)]
struct Excuse<'a> {
    kind: &'static str,
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
    blobs: u64,
    bytes: u64,
    /// Whole seconds: two short scans of the same input compare equal.
    seconds: u64,
    findings: u64,
    gated: u64,
    suppressed: u64,
    below_gate: u64,
    #[serde(skip_serializing_if = "is_zero")]
    practices: u64,
    skipped: Vec<Note<'a>>,
    notes: Vec<Note<'a>>,
}

#[derive(Serialize)]
struct Note<'a> {
    code: &'static str,
    object: &'a str,
    reason: &'a str,
}

/// A finding's occurrences as lines, the one to look at first in front.
pub fn lines(finding: &Finding, secrets: Secrets) -> impl Iterator<Item = Line<'_>> {
    places(finding).into_iter().map(move |occurrence| Line {
        kind: "finding",
        what: what(finding, secrets),
        place: place(finding, occurrence),
    })
}

/// A finding as one object.
pub fn whole(finding: &Finding, secrets: Secrets) -> Whole<'_> {
    Whole {
        what: what(finding, secrets),
        occurrences: places(finding).into_iter().map(|occurrence| place(finding, occurrence)).collect(),
        more_occurrences: finding.more_occurrences,
    }
}

/// A finding's number of places as one object.
pub fn repeated(finding: &Finding) -> Repeated<'_> {
    let places = finding.occurrences.len() as u64 + finding.more_occurrences;
    Repeated { kind: "repeated", rule: &finding.rule.id, fingerprint: finding.fingerprint.as_str(), places }
}

/// The summary as one object.
pub fn end(summary: &Summary) -> End<'_> {
    let notes = |unscanned| summary.warnings.iter().filter(move |w| w.unscanned == unscanned).map(note).collect();
    End {
        kind: "summary",
        blobs: summary.blobs,
        bytes: summary.bytes,
        seconds: summary.elapsed.as_secs(),
        findings: summary.findings,
        gated: summary.gated,
        suppressed: summary.suppressed,
        below_gate: summary.below_gate,
        practices: summary.practices,
        skipped: notes(true),
        notes: notes(false),
    }
}

/// The name and the reason of a suppression, as every format prints them.
pub fn excuse(suppression: &Suppression) -> (&'static str, &str) {
    match suppression {
        Suppression::Mark { reason } => ("mark", reason),
        Suppression::Allowlist { reason } => ("allowlist", reason),
        Suppression::Known { label } => ("known", label),
        Suppression::Baseline => ("baseline", ""),
    }
}

/// Three decimals: all that a score means, and the same text on every machine.
pub fn rounded(value: f32) -> f64 {
    (f64::from(value) * 1_000.0).round() / 1_000.0
}

fn what(finding: &Finding, secrets: Secrets) -> What<'_> {
    What {
        kind: finding.is_practice().then_some("practice"),
        rule: &finding.rule.id,
        provider: &finding.rule.provider.id,
        severity: finding.rule.severity.as_str(),
        confidence: rounded(finding.confidence.0),
        validity: finding.validity.as_str(),
        fingerprint: finding.fingerprint.as_str(),
        secret: secrets.print(finding),
        key: &finding.key,
        evidence: finding.evidence.iter().map(reason).collect(),
        facts: finding.facts.iter().map(|(label, value)| (*label, value.as_str())).collect(),
    }
}

fn place<'a>(finding: &'a Finding, occurrence: &'a Occurrence) -> Place<'a> {
    let introduced = occurrence.origin.introduction();
    Place {
        path: occurrence.origin.path(),
        position: span(&occurrence.position),
        commit: introduced.map(|introduced| introduced.commit.to_string()),
        author: introduced.map(|introduced| &*introduced.author),
        time: introduced.map(|introduced| rfc3339(introduced.time)),
        origin: occurrence.origin.to_string(),
        image: image(&occurrence.origin),
        object: object(&occurrence.origin),
        run: run(&occurrence.origin),
        job: occurrence.log.as_ref().and_then(|log| log.job.as_deref()),
        step: occurrence.log.as_ref().and_then(|log| log.step.as_deref()),
        trail: &occurrence.trail,
        parts: occurrence.parts.iter().map(|(rule, at)| PartPlace { rule, position: span(at) }).collect(),
        suppression: suppression(finding, occurrence),
    }
}

/// The image that a place is in, and where in it.
pub fn image(origin: &Origin) -> Option<ImagePlace<'_>> {
    match origin.outermost() {
        Origin::Layer { image, digest, step, fate, .. } => Some(ImagePlace {
            name: image,
            layer: Some(digest),
            config: None,
            step: step.as_deref(),
            fate: Some(fate.as_str()),
        }),
        Origin::ImageConfig { image, digest, .. } => {
            Some(ImagePlace { name: image, layer: None, config: Some(digest), step: None, fate: None })
        }
        _ => None,
    }
}

/// The object that a place is in.
pub fn object(origin: &Origin) -> Option<ObjectPlace<'_>> {
    match origin.outermost() {
        object @ Origin::Object { bucket, version, .. } => {
            Some(ObjectPlace { bucket, key: object.inner_path()?, version: version.as_deref() })
        }
        _ => None,
    }
}

/// The run of a pipeline that a place is in.
pub fn run(origin: &Origin) -> Option<RunPlace<'_>> {
    let Origin::Run { run, part, job, .. } = origin.outermost() else { return None };
    let (part, artifact) = match part {
        RunPart::Log => ("log", None),
        RunPart::Artifact(name) => ("artifact", Some(&**name)),
    };
    Some(RunPlace { name: run, part, job: job.as_deref(), artifact })
}

fn suppression<'a>(finding: &'a Finding, occurrence: &'a Occurrence) -> Option<Excuse<'a>> {
    let (kind, reason) = match (&finding.suppression, &occurrence.mark) {
        (Some(suppression), _) => excuse(suppression),
        (None, Some(reason)) => ("mark", reason.as_str()),
        (None, None) => return None,
    };
    Some(Excuse { kind, reason })
}

fn span(position: &Position) -> Span {
    let Position { line, column, end_line, end_column } = *position;
    Span { line, column, end_line, end_column }
}

fn reason(evidence: &Evidence) -> Reason {
    Reason { reason: evidence.reason, weight: rounded(evidence.weight) }
}

fn note(warning: &Warning) -> Note<'_> {
    Note { code: warning.code, object: &warning.object, reason: &warning.message }
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
