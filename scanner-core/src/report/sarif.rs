//! SARIF 2.1.0 as code-scanning services take it: one result a secret, its places as locations, never a name or a value.
//!
//! The limits are GitHub's:
//! <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>

mod rules;
mod uri;

use super::{About, Excuse, Place, Record, Report, Summary};
use crate::finding::Position;
use crate::rule::Severity;
use crate::warning::Warning;
use serde_json::{Value, json};
use serde_sarif::sarif;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

/// Of a run, the worst 5,000 results are shown and the rest is dropped: more go to further runs.
const MAX_RESULTS: usize = 5_000;
const MAX_RUNS: usize = 20;
/// A file may have 10 MB when compressed, which these reports are to a seventh and less.
const MAX_BYTES: usize = 60_000_000;
const MAX_LOCATIONS: usize = 1_000;
const MAX_NOTIFICATIONS: usize = 1_000;

/// Writes SARIF; findings are gathered and written at the end, the most severe first.
pub struct Sarif<W> {
    out: W,
    gathered: Vec<Gathered>,
}

/// A finding's result beside what it is ranked by; its rule is indexed at the end.
struct Gathered {
    rule: Arc<About>,
    confidence: f64,
    result: sarif::Result,
}

impl<W: Write> Sarif<W> {
    /// A report into `out`. It never holds a value: these files are made to be uploaded.
    pub fn new(out: W) -> Sarif<W> {
        Sarif { out, gathered: Vec::new() }
    }
}

impl<W: Write> Report for Sarif<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        let (rule, confidence) = (Arc::clone(&record.rule), record.confidence);
        self.gathered.push(Gathered { rule, confidence, result: result(record) });
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        let mut gathered = std::mem::take(&mut self.gathered);
        gathered.sort_by(|a, b| b.rule.severity.cmp(&a.rule.severity).then(b.confidence.total_cmp(&a.confidence)));
        let kept = fitting(&gathered)?;
        let dropped = gathered.len() - kept;
        gathered.truncate(kept);
        serde_json::to_writer_pretty(&mut self.out, &log(gathered, dropped, summary))?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

/// How many of the results, the worst in front, a service takes.
fn fitting(gathered: &[Gathered]) -> io::Result<usize> {
    let mut bytes = 0;
    for (index, one) in gathered.iter().take(MAX_RESULTS * MAX_RUNS).enumerate() {
        bytes += serde_json::to_vec(&one.result)?.len();
        if bytes > MAX_BYTES && index > 0 {
            return Ok(index);
        }
    }
    Ok(gathered.len().min(MAX_RESULTS * MAX_RUNS))
}

fn log(mut gathered: Vec<Gathered>, dropped: usize, summary: &Summary) -> sarif::Sarif {
    let parts = gathered.len().div_ceil(MAX_RESULTS).max(1);
    let mut runs = Vec::new();
    for part in 1..=parts {
        let rest = gathered.split_off(gathered.len().min(MAX_RESULTS));
        runs.push(run(
            std::mem::replace(&mut gathered, rest),
            part,
            invocation(part, parts, dropped, summary),
            summary,
        ));
    }
    let schema = "https://json.schemastore.org/sarif-2.1.0.json";
    sarif::Sarif::builder().schema(schema).version(json!("2.1.0")).runs(runs).build()
}

fn run(gathered: Vec<Gathered>, part: usize, invocation: sarif::Invocation, summary: &Summary) -> sarif::Run {
    let (rules, results) = index_rules(gathered);
    let driver = sarif::ToolComponent::builder()
        .name("stopleak")
        .version(env!("CARGO_PKG_VERSION"))
        .semantic_version(env!("CARGO_PKG_VERSION"))
        .information_uri(env!("CARGO_PKG_REPOSITORY"))
        .rules(rules)
        .build();
    let mut run = sarif::Run::builder()
        .tool(sarif::Tool::builder().driver(driver).build())
        .results(results)
        .invocations(vec![invocation])
        .automation_details(sarif::RunAutomationDetails::builder().id(category(part)).build())
        .column_kind(json!("unicodeCodePoints"))
        .build();
    let repositories: Vec<_> = summary.repositories.iter().filter_map(rules::provenance).collect();
    run.version_control_provenance = (!repositories.is_empty()).then_some(repositories);
    run
}

/// Runs of one file need categories of their own, or the last one replaces the others.
fn category(part: usize) -> String {
    if part == 1 { "stopleak/".to_owned() } else { format!("stopleak/part-{part}/") }
}

/// The rules that found something, sorted by id, and the results pointing at them.
fn index_rules(gathered: Vec<Gathered>) -> (Vec<sarif::ReportingDescriptor>, Vec<sarif::Result>) {
    let mut used: BTreeMap<String, (Arc<About>, f64)> = BTreeMap::new();
    for one in &gathered {
        let best = used.entry(one.rule.id.clone()).or_insert_with(|| (Arc::clone(&one.rule), 0.0));
        best.1 = best.1.max(one.confidence);
    }
    let indices: BTreeMap<&String, usize> = used.keys().zip(0..).collect();
    let results = gathered.into_iter().map(|mut one| {
        one.result.rule_index = indices.get(&one.rule.id).map(|index| *index as i64);
        one.result
    });
    let results = results.collect();
    (used.values().map(|(rule, confidence)| rules::descriptor(rule, *confidence)).collect(), results)
}

fn result(record: &Record) -> sarif::Result {
    let first = record.places.first();
    let fingerprint = record.fingerprint.as_str();
    let mut result = sarif::Result::builder()
        .rule_id(&record.rule.id)
        .level(level(record.rule.severity))
        .message(message(record, first))
        .locations(first.iter().map(|place| location(place, None)).collect::<Vec<_>>())
        // Services join this hash with the path and the rule; the line's text would make it change with every edit.
        .partial_fingerprints(BTreeMap::from([
            ("primaryLocationLineHash".to_owned(), format!("{fingerprint}:1")),
            ("stopleakFingerprint/v1".to_owned(), fingerprint.to_owned()),
        ]))
        .rank(record.confidence * 100.0)
        .properties(properties(record))
        .build();
    let related = related(&record.places);
    result.related_locations = (!related.is_empty()).then_some(related);
    result.occurrence_count = Some(record.count() as i64);
    result.suppressions = record.suppression.as_ref().map(|excuse| vec![suppressed(excuse)]);
    result
}

fn level(severity: Severity) -> sarif::ResultLevel {
    match severity {
        Severity::Critical | Severity::High => sarif::ResultLevel::Error,
        Severity::Medium => sarif::ResultLevel::Warning,
        Severity::Low => sarif::ResultLevel::Note,
    }
}

fn message(record: &Record, place: Option<&Place>) -> sarif::Message {
    let mut text = format!("{} ({})", record.rule.name, record.value.redacted());
    if let Some(commit) = place.and_then(Place::commit) {
        text.push_str(&format!(" in git history, commit {commit}"));
    }
    text.push_str(&match record.count() {
        0 | 1 => ".".to_owned(),
        count => format!(", seen in {count} places."),
    });
    sarif::Message::builder().text(text).build()
}

fn properties(record: &Record) -> sarif::PropertyBag {
    let evidence: Vec<Value> =
        (record.evidence.iter()).map(|one| json!({"reason": one.reason, "weight": one.weight})).collect();
    let decision = record.decision.as_ref().map(|ruling| ("decision", json!(ruling)));
    let always = [
        ("confidence", json!(record.confidence)),
        ("severity", json!(record.rule.severity.as_str())),
        ("validity", json!(&record.validity)),
        ("evidence", json!(evidence)),
    ];
    let verification = (!record.verification.is_empty()).then(|| ("verification", json!(record.verification)));
    let vault = (!record.vault.is_empty()).then(|| ("vault", json!(&record.vault)));
    bag(always.into_iter().chain(decision).chain(verification).chain(vault))
}

fn bag<'k>(entries: impl IntoIterator<Item = (&'k str, Value)>) -> sarif::PropertyBag {
    let entries: BTreeMap<String, Value> = entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
    sarif::PropertyBag::builder().additional_properties(entries).build()
}

fn location(place: &Place, note: Option<String>) -> sarif::Location {
    let physical = sarif::PhysicalLocation::builder()
        .artifact_location(uri::artifact(place))
        .region(region(&place.position))
        .build();
    let mut location = sarif::Location::builder().physical_location(physical).build();
    let printed = place.printed_by();
    let note = match (note, printed) {
        (Some(note), Some(printed)) => Some(format!("{note}, {printed}")),
        (note, printed) => note.or(printed),
    };
    location.message = note.map(|text| sarif::Message::builder().text(text).build());
    location.properties = match (place.commit(), &place.image) {
        (Some(commit), _) => Some(bag([("commit", json!(commit))])),
        (None, image) => image.as_ref().map(|image| bag([("image", json!(image))])),
    };
    if let Some(run) = &place.run {
        location.properties = Some(bag([("run", json!(run))]));
    }
    location
}

/// Further occurrences, and the other parts of the first one.
fn related(places: &[Place]) -> Vec<sarif::Location> {
    let Some((first, others)) = places.split_first() else {
        return Vec::new();
    };
    let parts = first.parts.iter().map(|(rule, position)| {
        let part = Place { position: *position, ..first.clone() };
        location(&part, Some(format!("belongs to it: {rule}")))
    });
    let others = others.iter().map(|place| location(place, Some(place_in_words(place))));
    let numbered = parts.chain(others).take(MAX_LOCATIONS - 1).zip(1..);
    numbered.map(|(location, id)| sarif::Location { id: Some(id), ..location }).collect()
}

fn place_in_words(place: &Place) -> String {
    match place.commit() {
        Some(commit) => format!("also seen in commit {commit}"),
        None => "also seen here".to_owned(),
    }
}

/// All four numbers are required, lines and columns from 1, the end after the start.
fn region(position: &Position) -> sarif::Region {
    let (line, column) = (position.line.max(1), position.column.max(1));
    let end_line = position.end_line.max(line);
    let end_column = if end_line == line { position.end_column.max(column + 1) } else { position.end_column.max(1) };
    sarif::Region::builder().start_line(line).start_column(column).end_line(end_line).end_column(end_column).build()
}

fn suppressed(excuse: &Excuse) -> sarif::Suppression {
    let place = if excuse.kind == "mark" { "inSource" } else { "external" };
    let mut suppressed = sarif::Suppression::builder().kind(json!(place)).status(json!("accepted")).build();
    suppressed.justification =
        Some(if excuse.reason.is_empty() { excuse.kind.to_string() } else { excuse.reason.clone() });
    suppressed
}

fn invocation(part: usize, parts: usize, dropped: usize, summary: &Summary) -> sarif::Invocation {
    let mut notifications: Vec<_> = match part {
        1 => summary.warnings.iter().take(MAX_NOTIFICATIONS).map(notification).collect(),
        _ => Vec::new(),
    };
    let unlisted = summary.warnings.len().saturating_sub(MAX_NOTIFICATIONS);
    if unlisted > 0 && part == 1 {
        notifications.push(notification(&Warning::note("limit-notes", "report", format!("and {unlisted} more notes"))));
    }
    if parts > 1 {
        let message = format!("run {part} of {parts}: a run shows at most {MAX_RESULTS} results, the worst come first");
        notifications.push(notification(&Warning::note("split-results", "report", message)));
    }
    if dropped > 0 && part == 1 {
        let message = format!("{dropped} less severe results left out: they pass what services take");
        notifications.push(notification(&Warning::note("limit-results", "report", message)));
    }
    let mut invocation = sarif::Invocation::builder().execution_successful(!summary.is_partial()).build();
    invocation.tool_execution_notifications = (!notifications.is_empty()).then_some(notifications);
    invocation
}

fn notification(warning: &Warning) -> sarif::Notification {
    sarif::Notification::builder()
        .descriptor(sarif::ReportingDescriptorReference::builder().id(warning.code).build())
        .level(json!(if warning.unscanned { "warning" } else { "note" }))
        .message(sarif::Message::builder().text(warning.to_string()).build())
        .build()
}
