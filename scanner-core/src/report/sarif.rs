//! SARIF 2.1.0 as code-scanning services take it: one result a secret, its places as locations, never a name or a value.
//!
//! The limits are GitHub's:
//! <https://docs.github.com/en/code-security/code-scanning/integrating-with-code-scanning/sarif-support-for-code-scanning>

mod rules;
mod uri;

use super::record::{excuse, image, rounded, run};
use super::{Report, Summary, places};
use crate::blob::Origin;
use crate::finding::{Finding, Occurrence, Position, Suppression};
use crate::rule::{Rule, Severity};
use crate::warning::Warning;
use serde_json::{Value, json};
use serde_sarif::sarif;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::Arc;

const MAX_RESULTS: usize = 25_000;
const MAX_LOCATIONS: usize = 1_000;
const MAX_NOTIFICATIONS: usize = 1_000;

/// Writes SARIF; findings are gathered and written at the end, the most severe first.
pub struct Sarif<W> {
    out: W,
    gathered: Vec<Gathered>,
}

/// A finding's result beside what it is ranked by; its rule is indexed at the end.
struct Gathered {
    rule: Arc<Rule>,
    confidence: f32,
    result: sarif::Result,
}

impl<W: Write> Sarif<W> {
    /// A report into `out`. It never holds a value: these files are made to be uploaded.
    pub fn new(out: W) -> Sarif<W> {
        Sarif { out, gathered: Vec::new() }
    }
}

impl<W: Write> Report for Sarif<W> {
    fn finding(&mut self, finding: &Finding) -> io::Result<()> {
        let (rule, confidence) = (Arc::clone(&finding.rule), finding.confidence.0);
        self.gathered.push(Gathered { rule, confidence, result: result(finding) });
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        let mut gathered = std::mem::take(&mut self.gathered);
        // A service that keeps the first 5,000 results keeps the worst.
        gathered.sort_by(|a, b| b.rule.severity.cmp(&a.rule.severity).then(b.confidence.total_cmp(&a.confidence)));
        let dropped = gathered.len().saturating_sub(MAX_RESULTS);
        gathered.truncate(MAX_RESULTS);
        serde_json::to_writer_pretty(&mut self.out, &log(gathered, dropped, summary))?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

fn log(gathered: Vec<Gathered>, dropped: usize, summary: &Summary) -> sarif::Sarif {
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
        .invocations(vec![invocation(dropped, summary)])
        .automation_details(sarif::RunAutomationDetails::builder().id("stopleak/").build())
        .column_kind(json!("unicodeCodePoints"))
        .build();
    let repositories: Vec<_> = summary.repositories.iter().filter_map(rules::provenance).collect();
    run.version_control_provenance = (!repositories.is_empty()).then_some(repositories);
    let schema = "https://json.schemastore.org/sarif-2.1.0.json";
    sarif::Sarif::builder().schema(schema).version(json!("2.1.0")).runs(vec![run]).build()
}

/// The rules that found something, sorted by id, and the results pointing at them.
fn index_rules(gathered: Vec<Gathered>) -> (Vec<sarif::ReportingDescriptor>, Vec<sarif::Result>) {
    let mut used: BTreeMap<String, (Arc<Rule>, f32)> = BTreeMap::new();
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

fn result(finding: &Finding) -> sarif::Result {
    let places = places(finding);
    let first = places.first().copied();
    let fingerprint = finding.fingerprint.as_str();
    let mut result = sarif::Result::builder()
        .rule_id(&finding.rule.id)
        .level(level(finding.rule.severity))
        .message(message(finding, first))
        .locations(first.iter().map(|place| location(place, None)).collect::<Vec<_>>())
        // Services join this hash with the path and the rule; the line's text would make it change with every edit.
        .partial_fingerprints(BTreeMap::from([
            ("primaryLocationLineHash".to_owned(), format!("{fingerprint}:1")),
            ("stopleakFingerprint/v1".to_owned(), fingerprint.to_owned()),
        ]))
        .rank(rounded(finding.confidence.0) * 100.0)
        .properties(properties(finding))
        .build();
    let related = related(&places);
    result.related_locations = (!related.is_empty()).then_some(related);
    result.occurrence_count = Some(finding.occurrences.len() as i64 + finding.more_occurrences as i64);
    result.suppressions = finding.suppression.as_ref().map(|suppression| vec![suppressed(suppression)]);
    result
}

fn level(severity: Severity) -> sarif::ResultLevel {
    match severity {
        Severity::Critical | Severity::High => sarif::ResultLevel::Error,
        Severity::Medium => sarif::ResultLevel::Warning,
        Severity::Low => sarif::ResultLevel::Note,
    }
}

fn message(finding: &Finding, place: Option<&Occurrence>) -> sarif::Message {
    let mut text = format!("{} ({})", finding.rule.name, finding.shown());
    if let Some(commit) = place.and_then(commit) {
        text.push_str(&format!(" in git history, commit {commit}"));
    }
    text.push_str(&match finding.occurrences.len() as u64 + finding.more_occurrences {
        0 | 1 => ".".to_owned(),
        count => format!(", seen in {count} places."),
    });
    sarif::Message::builder().text(text).build()
}

fn properties(finding: &Finding) -> sarif::PropertyBag {
    let evidence: Vec<Value> =
        (finding.evidence.iter()).map(|one| json!({"reason": one.reason, "weight": rounded(one.weight)})).collect();
    bag([
        ("confidence", json!(rounded(finding.confidence.0))),
        ("severity", json!(finding.rule.severity.as_str())),
        ("validity", json!(finding.validity.as_str())),
        ("evidence", json!(evidence)),
    ])
}

fn bag<const N: usize>(entries: [(&str, Value); N]) -> sarif::PropertyBag {
    let entries: BTreeMap<String, Value> = entries.map(|(key, value)| (key.to_owned(), value)).into();
    sarif::PropertyBag::builder().additional_properties(entries).build()
}

fn location(place: &Occurrence, note: Option<String>) -> sarif::Location {
    let physical = sarif::PhysicalLocation::builder()
        .artifact_location(uri::artifact(&place.origin))
        .region(region(&place.position))
        .build();
    let mut location = sarif::Location::builder().physical_location(physical).build();
    let printed = place.log.as_ref().map(ToString::to_string);
    let note = match (note, printed) {
        (Some(note), Some(printed)) => Some(format!("{note}, {printed}")),
        (note, printed) => note.or(printed),
    };
    location.message = note.map(|text| sarif::Message::builder().text(text).build());
    location.properties = match (commit(place), image(&place.origin)) {
        (Some(commit), _) => Some(bag([("commit", json!(commit))])),
        (None, image) => image.map(|image| bag([("image", json!(image))])),
    };
    if let Some(run) = run(&place.origin) {
        location.properties = Some(bag([("run", json!(run))]));
    }
    location
}

/// The commit of a place in history; a place on disk has none.
fn commit(place: &Occurrence) -> Option<String> {
    place.origin.introduction().map(|introduced| introduced.commit.to_string())
}

/// Further occurrences, and the other parts of the first one.
fn related(places: &[&Occurrence]) -> Vec<sarif::Location> {
    let Some((first, others)) = places.split_first() else {
        return Vec::new();
    };
    let parts = first.parts.iter().map(|(rule, position)| {
        let part = Occurrence { position: *position, ..(*first).clone() };
        location(&part, Some(format!("belongs to it: {rule}")))
    });
    let others = others.iter().map(|place| location(place, Some(place_in_words(&place.origin))));
    let numbered = parts.chain(others).take(MAX_LOCATIONS - 1).zip(1..);
    numbered.map(|(location, id)| sarif::Location { id: Some(id), ..location }).collect()
}

fn place_in_words(origin: &Origin) -> String {
    match origin.introduction() {
        Some(introduced) => format!("also seen in commit {}", introduced.commit),
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

fn suppressed(suppression: &Suppression) -> sarif::Suppression {
    let (kind, reason) = excuse(suppression);
    let place = if kind == "mark" { "inSource" } else { "external" };
    let mut suppressed = sarif::Suppression::builder().kind(json!(place)).status(json!("accepted")).build();
    suppressed.justification = Some(if reason.is_empty() { kind } else { reason }.to_owned());
    suppressed
}

fn invocation(dropped: usize, summary: &Summary) -> sarif::Invocation {
    let mut notifications: Vec<_> = summary.warnings.iter().take(MAX_NOTIFICATIONS).map(notification).collect();
    if dropped > 0 {
        let message = format!("{dropped} less severe results left out: a run holds at most {MAX_RESULTS}");
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
