//! GitLab's secret detection report, `gl-secret-detection-report.json`: what its pipelines and dashboards read.
//!
//! <https://docs.gitlab.com/development/integrations/secure/#report>. The value itself is left out, always.

use super::time::rfc3339;
use super::{Place, Record, Report, Summary, remedy};
use serde_json::{Value, json};
use std::io::{self, Write};

/// The schema that the report follows; GitLab reads every 15.x.
const SCHEMA: &str = "15.2.1";
/// GitLab's name for a place outside of any commit.
const NO_COMMIT: &str = "0000000";
const MAX_NAME: usize = 255;
const MAX_SOLUTION: usize = 7_000;
/// Places listed beside the one that GitLab shows.
const MAX_PLACES: usize = 100;

/// Writes GitLab's report; findings are gathered, since it says first how the scan went.
pub struct Gitlab<W> {
    out: W,
    now: i64,
    gathered: Vec<Value>,
}

impl<W: Write> Gitlab<W> {
    /// A report into `out` of a scan that ended at `now`: seconds since 1970.
    pub fn new(out: W, now: i64) -> Gitlab<W> {
        Gitlab { out, now, gathered: Vec::new() }
    }
}

impl<W: Write> Report for Gitlab<W> {
    fn record(&mut self, record: &Record) -> io::Result<()> {
        // GitLab has no word for a finding that does not count: it would become a vulnerability.
        if record.suppression.is_none() {
            self.gathered.extend(record.places.first().map(|place| vulnerability(record, place)));
        }
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        for vulnerability in &mut self.gathered {
            let sha = &mut vulnerability["location"]["commit"]["sha"];
            if sha.is_null() {
                *sha = head(summary).into();
            }
        }
        let report = json!({
            "version": SCHEMA,
            "scan": scan(summary, self.now),
            "vulnerabilities": std::mem::take(&mut self.gathered),
        });
        serde_json::to_writer_pretty(&mut self.out, &report)?;
        self.out.write_all(b"\n")?;
        self.out.flush()
    }
}

fn scan(summary: &Summary, now: i64) -> Value {
    let tool = json!({
        "id": "stopleak",
        "name": "stopleak",
        "url": env!("CARGO_PKG_REPOSITORY"),
        "version": env!("CARGO_PKG_VERSION"),
        "vendor": {"name": "stopleak"},
    });
    let seconds = i64::try_from(summary.elapsed.as_secs()).unwrap_or(0);
    let messages: Vec<Value> = (summary.warnings.iter())
        .map(|warning| {
            let level = if warning.unscanned { "warn" } else { "info" };
            let what = if warning.unscanned { "not scanned: " } else { "" };
            json!({"level": level, "value": format!("{what}{warning}")})
        })
        .collect();
    json!({
        "analyzer": tool,
        "scanner": tool,
        "type": "secret_detection",
        "status": if summary.is_partial() { "failure" } else { "success" },
        "start_time": local(now.saturating_sub(seconds)),
        "end_time": local(now),
        "messages": messages,
    })
}

/// Without a zone, as the schema wants it.
fn local(seconds: i64) -> String {
    rfc3339(seconds).trim_end_matches('Z').to_owned()
}

fn vulnerability(record: &Record, place: &Place) -> Value {
    let rule = &record.rule;
    let shown = record.value.redacted();
    let at = place.position;
    let steps = remedy::steps(record).into_iter().map(|(title, text)| format!("{title}: {text}"));
    let mut identifiers = vec![json!({"type": "stopleak_rule_id", "name": rule.id, "value": rule.id})];
    identifiers.push(match rule.is_practice {
        true => cwe("522"),
        false => cwe("798"),
    });
    let path = place.path.as_deref().unwrap_or(&place.origin);
    let mut vulnerability = json!({
        "id": id(record),
        "category": "secret_detection",
        "name": cut(&rule.name, MAX_NAME),
        "description": format!("{} ({shown}) {}.", rule.name, record.standing()),
        "severity": severity(rule.severity.as_str()),
        "solution": cut(&steps.collect::<Vec<_>>().join("\n"), MAX_SOLUTION),
        "identifiers": identifiers,
        "location": {
            "file": path,
            "start_line": at.line.max(1),
            "end_line": at.end_line.max(at.line).max(1),
            "commit": commit(place),
        },
        // The fingerprint: the alert follows its secret when lines and files move.
        "tracking": {
            "type": "source",
            "items": [{
                "file": path,
                "start_line": at.line.max(1),
                "end_line": at.end_line.max(at.line).max(1),
                "signatures": [{"algorithm": "hash", "value": record.fingerprint}],
            }],
        },
        "details": details(record),
    });
    let links: Vec<Value> =
        (rule.references.iter()).filter(|url| url.starts_with("https://")).map(|url| json!({"url": url})).collect();
    if !links.is_empty() {
        vulnerability["links"] = links.into();
    }
    vulnerability
}

fn cwe(number: &str) -> Value {
    let url = format!("https://cwe.mitre.org/data/definitions/{number}.html");
    json!({"type": "cwe", "name": format!("CWE-{number}"), "value": number, "url": url})
}

/// The same secret has the same id in every report.
fn id(record: &Record) -> String {
    let name = format!("{}\n{}\n{}", record.rule.id, record.key, record.fingerprint);
    blake3::hash(name.as_bytes()).to_hex().chars().take(32).collect()
}

/// No author and no message: the commit's id says where to look. What is on disk belongs to `HEAD`.
fn commit(place: &Place) -> Value {
    match &place.introduced {
        Some(introduced) => json!({"sha": introduced.commit, "date": rfc3339(introduced.time)}),
        None => json!({"sha": null}),
    }
}

/// The commit that was scanned, where there is one.
fn head(summary: &Summary) -> &str {
    match summary.repositories.as_slice() {
        [one] => one.revision.as_deref().unwrap_or(NO_COMMIT),
        _ => NO_COMMIT,
    }
}

fn details(record: &Record) -> Value {
    let text = |name: &str, value: &str| json!({"type": "text", "name": name, "value": value});
    let confidence = format!("{:.0} %", (record.confidence * 100.0).floor());
    let mut details = json!({
        "fingerprint": text("Fingerprint", &record.fingerprint),
        "confidence": text("Confidence", &confidence),
        "validity": text("Validity", &record.validity_words()),
        "standing": text("Stands", &record.standing()),
    });
    if let Some(vault) = record.vault_words() {
        details["vault"] = text("In the vault", &vault);
    }
    let others: Vec<Value> = record.places.iter().skip(1).take(MAX_PLACES).map(file_location).collect();
    if !others.is_empty() {
        details["places"] = json!({"type": "list", "name": "Also seen", "items": others});
    }
    let unlisted = record.count().saturating_sub(1 + MAX_PLACES as u64);
    if unlisted > 0 {
        details["more"] = text("Further places", &unlisted.to_string());
    }
    details
}

fn file_location(place: &Place) -> Value {
    let at = place.position;
    let name = match place.commit() {
        Some(commit) => format!("{} (commit {commit})", place.path.as_deref().unwrap_or(&place.origin)),
        None => place.path.as_deref().unwrap_or(&place.origin).to_owned(),
    };
    json!({"type": "file-location", "file_name": name, "line_start": at.line.max(1), "line_end": at.end_line.max(at.line).max(1)})
}

fn severity(word: &str) -> &'static str {
    match word {
        "critical" => "Critical",
        "high" => "High",
        "medium" => "Medium",
        "low" => "Low",
        _ => "Unknown",
    }
}

fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}
