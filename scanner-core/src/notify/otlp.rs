//! Log records over OTLP/HTTP in JSON: <https://opentelemetry.io/docs/specs/otlp/#otlphttp>.

use super::event::Event;
use super::json;
use crate::http::Request;
use crate::rule::Severity;
use crate::secret::Secret;
use serde_json::{Value, json};

pub(super) fn request(url: &str, authorization: Option<&Secret>, events: &[&Event]) -> Request {
    let records: Vec<Value> = events.iter().map(|event| record(event)).collect();
    let body = json!({ "resourceLogs": [{
        "resource": { "attributes": [text("service.name", "stopleak")] },
        "scopeLogs": [{ "scope": { "name": "stopleak", "version": env!("CARGO_PKG_VERSION") }, "logRecords": records }],
    }] });
    let request = json::post(url, &body);
    match authorization {
        Some(value) => request.header("Authorization", String::from_utf8_lossy(value.expose())),
        None => request,
    }
}

fn record(event: &Event) -> Value {
    let (number, word) = match event.severity {
        _ if event.kind.is_end() => (9, "INFO"),
        Severity::Critical => (21, "FATAL"),
        Severity::High => (17, "ERROR"),
        Severity::Medium => (13, "WARN"),
        Severity::Low => (9, "INFO"),
    };
    let nanos = format!("{}000000000", event.time.max(0));
    let attributes = [
        ("stopleak.id", event.id()),
        ("stopleak.fingerprint", event.fingerprint.clone()),
        ("stopleak.rule", event.rule.clone()),
        ("stopleak.provider", event.provider.clone()),
        ("stopleak.severity", event.severity.as_str().to_owned()),
        ("stopleak.secret", event.redacted.clone()),
        ("stopleak.validity", event.validity.clone()),
        ("stopleak.place", event.places.first().cloned().unwrap_or_default()),
        ("stopleak.note", event.note.clone()),
        ("stopleak.run", event.trace.run.clone()),
        ("stopleak.actor", event.trace.actor.clone()),
        ("stopleak.subject", event.trace.subject.clone()),
        ("stopleak.outcome", event.trace.outcome.clone()),
    ];
    json!({
        "timeUnixNano": nanos, "observedTimeUnixNano": nanos, "severityNumber": number, "severityText": word,
        "eventName": format!("stopleak.{}", event.kind.as_str()), "body": { "stringValue": event.title() },
        "attributes": attributes.iter().map(|(key, value)| text(key, value)).collect::<Vec<_>>(),
    })
}

fn text(key: &str, value: &str) -> Value {
    json!({ "key": key, "value": { "stringValue": value } })
}

/// How many records the collector refused.
pub(super) fn refused(answer: &[u8]) -> u64 {
    let value: Value = serde_json::from_slice(answer).unwrap_or_default();
    let count = &value["partialSuccess"]["rejectedLogRecords"];
    // 64-bit integers are texts in OTLP's JSON.
    count.as_u64().or_else(|| count.as_str()?.parse().ok()).unwrap_or(0)
}
