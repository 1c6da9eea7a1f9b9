//! The findings as a saved report, so that every format can be written of them.

use super::triage::{STATE_NOW, State, Version};
use super::{Result, Row, Store, StoreError};
use crate::report::{Record, Saved, Secrets, Tracked, read};
use crate::sweep::store::values;
use crate::time::{date, rfc3339};
use serde_json::{Map, Value as Data, json};
use std::collections::BTreeMap;

/// What a report needs of a finding.
fn columns() -> String {
    format!(
        "SELECT id, record, about, rule, {STATE_NOW} AS now, reason, until, first_seen, last_seen, returned, changed, \
         by_whom, said, validity, verification, asked, unanswered, died FROM findings"
    )
}

/// What it needs of a place.
const PLACES: &str = "SELECT finding, repository, record, in_head, owners, last_author FROM places";

/// So many findings are made at once: the way from rows to records takes several times the memory of either.
const AT_ONCE: usize = 200;

impl Store {
    /// All findings with their places, each path behind its repository's name. What was acknowledged or is no secret is
    /// suppressed; what is not scanned is told in the summary. Of each finding at most so many places are listed.
    pub fn export(&self, now: i64, most_places: usize) -> Result<Saved> {
        let findings = format!("{} ORDER BY rank, rule, id", columns());
        let places = format!("{PLACES} ORDER BY finding, repository, path, place");
        let (findings, places) =
            self.with(|session| Ok((session.run(&findings, &values![now])?, session.run(&places, &[])?)))?;
        let stale = self.stale()?;
        let mut of_finding: BTreeMap<String, Vec<&Row>> = BTreeMap::new();
        places.iter().for_each(|row| of_finding.entry(row.text(0)).or_default().push(row));
        let mut all = Vec::with_capacity(findings.len());
        for some in findings.chunks(AT_ONCE) {
            all.extend(records(some, &of_finding, &stale, most_places)?);
        }
        let open = findings.iter().filter(|row| is_open(&row.text(4))).count() as u64;
        let mut summary = self.summary(open, findings.len() as u64 - open)?;
        summary["trend"] = json!(self.trend(now)?);
        let end = saved(&json!({ "version": 1, "findings": [], "summary": summary }))?;
        Ok(Saved { records: all, ..end })
    }

    /// One finding, as `export` tells it.
    pub fn export_one(&self, id: &str, now: i64, most_places: usize) -> Result<Option<Record>> {
        let finding = format!("{} WHERE id = $2", columns());
        let places = format!("{PLACES} WHERE finding = $1 ORDER BY repository, path, place");
        let (finding, places) =
            self.with(|session| Ok((session.run(&finding, &values![now, id])?, session.run(&places, &values![id])?)))?;
        let of_finding = BTreeMap::from([(id.to_owned(), places.iter().collect())]);
        Ok(records(&finding, &of_finding, &self.stale()?, most_places)?.pop())
    }

    fn summary(&self, open: u64, suppressed: u64) -> Result<Data> {
        let repositories = self.repositories()?;
        let (blobs, bytes) =
            repositories.iter().fold((0, 0), |(blobs, bytes), one| (blobs + one.blobs, bytes + one.bytes));
        let unscanned = self.unscanned_parts()?.into_iter().chain(self.unlisted()?);
        let skipped: Vec<Data> = unscanned
            .map(|one| {
                let object = if one.object.is_empty() { one.name } else { format!("{}: {}", one.name, one.object) };
                json!({ "code": one.code, "object": object, "reason": one.reason })
            })
            .collect();
        let targets = self.with(|session| session.run("SELECT name FROM targets ORDER BY name", &[]))?;
        let targets: Vec<String> = targets.iter().map(|row| row.text(0)).collect();
        Ok(json!({
            "targets": targets, "blobs": blobs, "bytes": bytes, "findings": open, "gated": open,
            "suppressed": suppressed, "skipped": skipped, "notes": [],
        }))
    }
}

/// Whether a state counts. What was revoked or rotated is dealt with.
fn is_open(state: &str) -> bool {
    state == State::Open.as_str()
}

/// Findings as a saved report has them.
fn records(
    rows: &[Row],
    places: &BTreeMap<String, Vec<&Row>>,
    stale: &BTreeMap<String, &str>,
    most_places: usize,
) -> Result<Vec<Record>> {
    let of = |row: &Row| places.get(&row.text(0)).map(Vec::as_slice).unwrap_or_default();
    let about = |row: &Row| (row.text(3), serde_json::from_str(&row.text(2)).unwrap_or_default());
    let rules: Map<String, Data> = rows.iter().map(about).collect();
    let findings: Vec<Data> =
        rows.iter().map(|row| record(row, of(row), most_places, stale.get(&row.text(0)).copied())).collect();
    let summary = json!({
        "blobs": 0, "bytes": 0, "findings": 0, "gated": 0, "skipped": [], "notes": [], "rules": rules,
    });
    Ok(saved(&json!({ "version": 1, "findings": findings, "summary": summary }))?.records)
}

fn saved(document: &Data) -> Result<Saved> {
    read(&document.to_string(), Secrets::Redacted).map_err(|error| StoreError::Failed(error.to_string()))
}

fn record(row: &Row, places: &[&Row], most_places: usize, stale: Option<&str>) -> Data {
    let mut record: Data = serde_json::from_str(&row.text(1)).unwrap_or_default();
    let tracked = tracked(row, places);
    let facts = [
        ("finding", Some(tracked.finding.clone())),
        ("state", Some(tracked.state.clone())),
        ("reason", tracked.reason.clone()),
        ("until", row.maybe_int(6).map(date)),
        ("said by", tracked.by.clone()),
        ("first seen", Some(tracked.first_seen.clone())),
        ("last seen", Some(tracked.last_seen.clone())),
        ("stale", stale.map(str::to_owned)),
        ("came back", tracked.returned.clone()),
        ("asked", row.maybe_int(15).map(rfc3339)),
        ("asked since", row.maybe_text(16).map(|doubt| format!("no answer: {doubt}"))),
        ("died", row.maybe_int(17).map(rfc3339)),
        ("repositories", Some(tracked.repositories.to_string())),
        ("owners", Some(tracked.owners.join(", ")).filter(|owners| !owners.is_empty())),
    ];
    if !record["facts"].is_object() {
        record["facts"] = json!({});
    }
    for (label, value) in facts {
        if let Some(value) = value {
            record["facts"][label] = Data::String(value);
        }
    }
    record["validity"] = Data::String(row.text(13));
    match row.maybe_text(14).and_then(|told| serde_json::from_str::<Data>(&told).ok()) {
        Some(told) if told.as_object().is_some_and(|told| !told.is_empty()) => record["verification"] = told,
        _ => _ = record.as_object_mut().map(|record| record.remove("verification")),
    }
    let excuse = (!is_open(&tracked.state)).then(|| json!({ "kind": tracked.state, "reason": row.text(5) }));
    record["tracked"] = json!(tracked);
    record["occurrences"] = places.iter().take(most_places).map(|place| occurrence(place, excuse.as_ref())).collect();
    if places.len() > most_places {
        let listed_less = record["more_occurrences"].as_u64().unwrap_or(0);
        record["more_occurrences"] = json!(listed_less + (places.len() - most_places) as u64);
    }
    record
}

fn tracked(row: &Row, places: &[&Row]) -> Tracked {
    let said = |column| row.maybe_text(column).filter(|text| !text.is_empty());
    Tracked {
        finding: row.text(0),
        state: row.text(4),
        reason: said(5),
        until: row.maybe_int(6).map(rfc3339),
        by: said(11),
        changed: row.maybe_int(10).map(rfc3339),
        first_seen: rfc3339(row.int(7)),
        last_seen: rfc3339(row.int(8)),
        returned: row.maybe_int(9).map(rfc3339),
        repositories: places.chunk_by(|a, b| a.text(1) == b.text(1)).count() as u64,
        owners: owners(places),
        version: Version { said: row.int(12), returned: row.int(9) }.to_string(),
    }
}

fn occurrence(row: &Row, excuse: Option<&Data>) -> Data {
    let mut place: Data = serde_json::from_str(&row.text(2)).unwrap_or_default();
    let repository = row.text(1);
    // Of an image and of what people wrote the path is an address by itself.
    let is_whole = matches!(place["source"].as_str(), Some("image" | "text"));
    if let Some(path) = place["path"].as_str().filter(|_| !is_whole) {
        place["path"] = Data::String(format!("{repository}/{path}"));
    }
    place["origin"] = Data::String(format!("{repository}: {}", place["origin"].as_str().unwrap_or_default()));
    if let Some(in_head) = row.maybe_int(3) {
        place["in_head"] = Data::Bool(in_head == 1);
    }
    if let Some(excuse) = excuse {
        place["suppression"] = excuse.clone();
    }
    place["repository"] = Data::String(repository);
    place
}

/// Those of CODEOWNERS, else who changed the files last.
fn owners(places: &[&Row]) -> Vec<String> {
    let mut named: Vec<String> =
        places.iter().flat_map(|row| row.text(4).lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    if named.is_empty() {
        named.extend(places.iter().filter_map(|row| row.maybe_text(5)));
    }
    named.sort();
    named.dedup();
    named.truncate(10);
    named
}
