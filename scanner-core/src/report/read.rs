//! Reads a saved `json` or `jsonl` report back, so that it can be written in another format.

use super::{
    About, Excuse, ImagePlace, Introduced, ObjectPlace, Place, Reason, Record, Ruling, RunPlace, Secrets, Source,
    Tracked, Value, Verification, time,
};
use crate::finding::{PartSets, Position};
use crate::rule::Severity;
use crate::secret::Secret;
use crate::summary::{Repository, Summary};
use crate::warning::Warning;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// More codes of warnings than any version has.
const MAX_CODES: usize = 1_000;

/// A saved report.
#[derive(Debug)]
pub struct Saved {
    /// Its findings, in its order.
    pub records: Vec<Record>,
    /// What the scan did.
    pub summary: Summary,
}

/// Why a text is no saved report.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Neither format.
    #[error("it is no json or jsonl report of stopleak: {0}")]
    Foreign(String),
    /// One line of JSON Lines.
    #[error("line {line}: {error}")]
    Line {
        /// From 1.
        line: usize,
        /// What is wrong with it.
        error: String,
    },
    /// The summary comes last; without it findings may be missing.
    #[error("it is cut off: the summary that comes last is missing")]
    CutOff,
    /// Written by a later version.
    #[error("it has version {0}, this stopleak reads version 1")]
    Version(u64),
}

/// Reads a report; `secrets` says whether values it holds in clear may be written again.
pub fn read(text: &str, secrets: Secrets) -> Result<Saved, ReadError> {
    let text = text.trim_start_matches('\u{feff}');
    let is_line = |line: &str| serde_json::from_str::<Typed>(line).is_ok();
    match text.lines().find(|line| !line.trim().is_empty()) {
        None => Err(ReadError::Foreign("it is empty".into())),
        Some(first) if is_line(first) => read_lines(text, secrets),
        Some(_) => read_object(text, secrets),
    }
}

fn read_object(text: &str, secrets: Secrets) -> Result<Saved, ReadError> {
    let version: Version = serde_json::from_str(text).map_err(|error| match error.is_eof() {
        true => ReadError::CutOff,
        false => ReadError::Foreign(error.to_string()),
    })?;
    if version.version != 1 {
        return Err(ReadError::Version(version.version));
    }
    let whole: WholeIn = serde_json::from_str(text).map_err(|error| ReadError::Foreign(error.to_string()))?;
    let mut rules = Rules::new(&whole.summary);
    let records = whole.findings.into_iter().map(|finding| {
        let places = finding.occurrences.into_iter().map(place).collect();
        record(finding.what, places, finding.more_occurrences, &mut rules, secrets)
    });
    Ok(Saved { records: records.collect(), summary: summary(whole.summary) })
}

fn read_lines(text: &str, secrets: Secrets) -> Result<Saved, ReadError> {
    let mut gathered: Vec<(WhatIn, Vec<PlaceIn>, u64)> = Vec::new();
    let mut known: HashMap<[String; 4], usize> = HashMap::new();
    let mut end = None;
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let wrong = |error: serde_json::Error| match error.is_eof() {
            true => ReadError::CutOff,
            false => ReadError::Line { line: number + 1, error: error.to_string() },
        };
        match serde_json::from_str::<Typed>(line).map_err(wrong)?.kind.as_str() {
            "finding" => {
                let LineIn { what, place, more_occurrences } = serde_json::from_str(line).map_err(wrong)?;
                let index = *known.entry(what.name()).or_insert(gathered.len());
                match gathered.get_mut(index) {
                    Some((_, places, more)) => {
                        places.push(place);
                        *more = more_occurrences.max(*more);
                    }
                    None => gathered.push((what, vec![place], more_occurrences)),
                }
            }
            "repeated" => {
                let RepeatedIn { rule, fingerprint, places } = serde_json::from_str(line).map_err(wrong)?;
                // Of findings whose short fingerprints are alike, the first that was not told of.
                let told = |(what, listed, more): &&mut (WhatIn, Vec<PlaceIn>, u64)| {
                    what.rule == rule && what.fingerprint == fingerprint && listed.len() as u64 + *more < places
                };
                if let Some((_, listed, more)) = gathered.iter_mut().find(told) {
                    *more = places - listed.len() as u64;
                }
            }
            "summary" => end = Some(serde_json::from_str::<EndIn>(line).map_err(wrong)?),
            other => return Err(ReadError::Line { line: number + 1, error: format!("unknown type `{other}`") }),
        }
    }
    let end = end.ok_or(ReadError::CutOff)?;
    let mut rules = Rules::new(&end);
    let records = gathered
        .into_iter()
        .map(|(what, places, more)| record(what, places.into_iter().map(place).collect(), more, &mut rules, secrets));
    Ok(Saved { records: records.collect(), summary: summary(end) })
}

#[derive(Deserialize)]
struct Typed {
    #[serde(rename = "type")]
    kind: String,
}

#[derive(Deserialize)]
struct Version {
    version: u64,
}

#[derive(Deserialize)]
struct WholeIn {
    findings: Vec<FindingIn>,
    summary: EndIn,
}

#[derive(Deserialize)]
struct FindingIn {
    #[serde(flatten)]
    what: WhatIn,
    occurrences: Vec<PlaceIn>,
    #[serde(default)]
    more_occurrences: u64,
}

#[derive(Deserialize)]
struct LineIn {
    #[serde(flatten)]
    what: WhatIn,
    #[serde(flatten)]
    place: PlaceIn,
    #[serde(default)]
    more_occurrences: u64,
}

#[derive(Deserialize)]
struct RepeatedIn {
    rule: String,
    fingerprint: String,
    places: u64,
}

#[derive(Deserialize)]
struct WhatIn {
    kind: Option<String>,
    rule: String,
    provider: String,
    severity: Severity,
    confidence: f64,
    validity: String,
    #[serde(default)]
    verification: Verification,
    #[serde(default)]
    part_sets: Vec<BTreeMap<String, String>>,
    fingerprint: String,
    secret: String,
    redacted: Option<String>,
    #[serde(default)]
    key: String,
    #[serde(default)]
    evidence: Vec<ReasonIn>,
    #[serde(default)]
    facts: BTreeMap<String, String>,
    #[serde(default)]
    vault: Vec<crate::vaulted::Place>,
    decision: Option<Ruling>,
    tracked: Option<Tracked>,
}

impl WhatIn {
    /// What makes two lines the same finding: short fingerprints alone may be alike.
    fn name(&self) -> [String; 4] {
        [&self.rule, &self.fingerprint, &self.secret, &self.key].map(String::clone)
    }
}

#[derive(Deserialize)]
struct ReasonIn {
    reason: String,
    weight: f64,
}

#[derive(Deserialize)]
struct PlaceIn {
    path: Option<String>,
    #[serde(flatten)]
    position: PositionIn,
    source: Option<String>,
    commit: Option<String>,
    author: Option<String>,
    time: Option<String>,
    in_head: Option<bool>,
    origin: String,
    image: Option<ImagePlace>,
    object: Option<ObjectPlace>,
    run: Option<RunPlace>,
    job: Option<String>,
    step: Option<String>,
    #[serde(default)]
    trail: Vec<String>,
    #[serde(default)]
    parts: Vec<PartIn>,
    suppression: Option<ExcuseIn>,
    repository: Option<String>,
}

#[derive(Deserialize)]
struct PositionIn {
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

#[derive(Deserialize)]
struct PartIn {
    rule: String,
    #[serde(flatten)]
    position: PositionIn,
}

#[derive(Deserialize)]
struct ExcuseIn {
    kind: String,
    #[serde(default)]
    reason: String,
}

#[derive(Deserialize)]
struct EndIn {
    #[serde(default)]
    targets: Vec<String>,
    blobs: u64,
    bytes: u64,
    #[serde(default)]
    seconds: u64,
    findings: u64,
    gated: u64,
    #[serde(default)]
    warned: u64,
    #[serde(default)]
    suppressed: u64,
    #[serde(default)]
    below_gate: u64,
    #[serde(default)]
    practices: u64,
    // What was not scanned must not get lost: both lists are required.
    skipped: Vec<NoteIn>,
    notes: Vec<NoteIn>,
    #[serde(default)]
    repositories: Vec<RepositoryIn>,
    #[serde(default)]
    rules: BTreeMap<String, RuleIn>,
    #[serde(default)]
    trend: BTreeMap<String, BTreeMap<String, u64>>,
}

#[derive(Deserialize)]
struct NoteIn {
    code: String,
    object: String,
    reason: String,
}

#[derive(Deserialize)]
struct RepositoryIn {
    #[serde(default)]
    url: String,
    branch: Option<String>,
    revision: Option<String>,
}

#[derive(Clone, Default, Deserialize)]
struct RuleIn {
    name: String,
    provider_name: String,
    #[serde(default)]
    help: String,
    #[serde(default)]
    references: Vec<String>,
}

/// What the summary says about rules, made once for each.
struct Rules {
    said: BTreeMap<String, RuleIn>,
    made: HashMap<String, Arc<About>>,
}

impl Rules {
    fn new(end: &EndIn) -> Rules {
        Rules { said: end.rules.clone(), made: HashMap::new() }
    }

    fn about(&mut self, what: &WhatIn) -> Arc<About> {
        if let Some(about) = self.made.get(&what.rule).filter(|about| about.severity == what.severity) {
            return Arc::clone(about);
        }
        let said = self.said.get(&what.rule).cloned().unwrap_or_else(|| RuleIn {
            name: what.rule.clone(),
            provider_name: what.provider.clone(),
            ..RuleIn::default()
        });
        let about = Arc::new(About {
            id: what.rule.clone(),
            name: said.name,
            provider: what.provider.clone(),
            provider_name: said.provider_name,
            severity: what.severity,
            help: said.help,
            references: said.references,
            is_practice: what.kind.as_deref() == Some("practice"),
        });
        self.made.insert(what.rule.clone(), Arc::clone(&about));
        about
    }
}

fn record(what: WhatIn, places: Vec<Place>, more_places: u64, rules: &mut Rules, secrets: Secrets) -> Record {
    let rule = rules.about(&what);
    let excuses: Option<Vec<&Excuse>> = places.iter().map(|place| place.suppression.as_ref()).collect();
    Record {
        suppression: excuses.and_then(|excuses| excuses.first().map(|excuse| (*excuse).clone())),
        value: value(what.secret, what.redacted, rule.is_practice, secrets),
        rule,
        fingerprint: what.fingerprint,
        key: what.key,
        confidence: what.confidence,
        evidence: what
            .evidence
            .into_iter()
            .map(|one| Reason { reason: one.reason.into(), weight: one.weight })
            .collect(),
        facts: what.facts.into_iter().collect(),
        vault: what.vault,
        validity: what.validity,
        verification: what.verification,
        part_sets: part_sets(what.part_sets),
        decision: what.decision,
        tracked: what.tracked,
        places,
        more_places,
    }
}

/// A value that was saved in clear stays apart, whatever said so: another field beside it, or its own form.
fn value(secret: String, redacted: Option<String>, is_practice: bool, secrets: Secrets) -> Value {
    let looks_redacted = secret.contains('…') && secret.chars().count() <= 9;
    match redacted {
        Some(redacted) => Value::read(redacted, Some(Secret::new(secret.as_bytes())), secrets),
        None if is_practice || looks_redacted => Value::read(secret, None, secrets),
        None => {
            let clear = Secret::new(secret.as_bytes());
            Value::read(clear.redacted(), Some(clear), secrets)
        }
    }
}

fn part_sets(read: Vec<BTreeMap<String, String>>) -> PartSets {
    let mut sets = PartSets::new();
    for set in read {
        sets.add(set.into_iter().map(|(rule, value)| (rule, Secret::new(value.as_bytes()))).collect());
    }
    sets
}

fn place(read: PlaceIn) -> Place {
    let time = read.time.as_deref().and_then(time::parse_rfc3339).unwrap_or_default();
    let author = read.author.unwrap_or_default();
    let source = match (&read.source, &read.commit) {
        (Some(word), _) => Source::named(word),
        (None, Some(_)) => Source::History,
        (None, None) => Source::Disk,
    };
    let chain = chain(source, read.path.as_deref(), &read.origin, read.image.as_ref());
    Place {
        source,
        chain,
        path: read.path,
        position: position(&read.position),
        introduced: read.commit.map(|commit| Introduced { commit, author, time }),
        in_head: read.in_head,
        origin: read.origin,
        image: read.image,
        object: read.object,
        run: read.run,
        job: read.job,
        step: read.step,
        trail: read.trail.into_iter().map(Into::into).collect(),
        parts: read.parts.into_iter().map(|part| (part.rule, position(&part.position))).collect(),
        suppression: read.suppression.map(|excuse| Excuse { kind: excuse.kind.into(), reason: excuse.reason }),
        repository: read.repository,
    }
}

/// What a place is in, as far as its path tells: a name that holds `!` looks like an archive.
fn chain(source: Source, path: Option<&str>, origin: &str, image: Option<&ImagePlace>) -> Vec<String> {
    let Some(path) = path else { return Vec::new() };
    let image = image.and_then(|image| path.strip_prefix(image.name.as_str())?.strip_prefix('!').map(|_| &image.name));
    let rest = image.map_or(path, |name| &path[name.len() + 1..]);
    let mut chain: Vec<String> = image.into_iter().cloned().collect();
    let mut from = 0;
    for (at, _) in rest.match_indices('!') {
        let is_between = at > from && !rest[at + 1..].is_empty() && !rest[at + 1..].starts_with(['/', '!']);
        if is_between {
            chain.push(rest[from..at].to_owned());
            from = at + 1;
        }
    }
    chain.push(rest[from..].to_owned());
    // What has no path itself is named by its words.
    if let Some(words) = nameless(source, path, origin) {
        chain[0] = words.to_owned();
    }
    chain
}

/// The words for what holds a member and has no path itself.
pub(super) fn nameless<'o>(source: Source, path: &str, origin: &'o str) -> Option<&'o str> {
    let words = origin.strip_suffix(path)?.strip_suffix(' ')?;
    match source {
        Source::Input | Source::Message => path.starts_with("-!").then_some(words),
        Source::History => {
            let id = words.strip_prefix("unreachable blob ")?;
            path.strip_prefix(id)?.starts_with('!').then_some(words)
        }
        _ => None,
    }
}

fn position(read: &PositionIn) -> Position {
    let PositionIn { line, column, end_line, end_column } = *read;
    Position { line, column, end_line, end_column }
}

/// A warning's code as the scanner has it, for the life of the program: there are a few dozen, each kept once.
fn code(read: String) -> &'static str {
    static KNOWN: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());
    let mut known = KNOWN.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    match known.get(read.as_str()) {
        Some(code) => code,
        None if known.len() < MAX_CODES => {
            let code: &'static str = Box::leak(read.into_boxed_str());
            known.insert(code);
            code
        }
        None => "other",
    }
}

fn summary(end: EndIn) -> Summary {
    let skipped = end.skipped.into_iter().map(|note| Warning::unscanned(code(note.code), note.object, note.reason));
    let notes = end.notes.into_iter().map(|note| Warning::note(code(note.code), note.object, note.reason));
    let mut warnings: Vec<Warning> = skipped.chain(notes).collect();
    warnings.sort();
    Summary {
        targets: end.targets,
        blobs: end.blobs,
        bytes: end.bytes,
        elapsed: Duration::from_secs(end.seconds),
        findings: end.findings,
        gated: end.gated,
        warned: end.warned,
        suppressed: end.suppressed,
        below_gate: end.below_gate,
        practices: end.practices,
        warnings,
        repositories: end
            .repositories
            .into_iter()
            .map(|repository| Repository {
                url: repository.url,
                branch: repository.branch,
                revision: repository.revision,
            })
            .collect(),
        trend: end.trend,
        ..Summary::default()
    }
}
