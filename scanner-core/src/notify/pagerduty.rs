//! PagerDuty's Events API v2: <https://developer.pagerduty.com/docs/events-api-v2/overview/>. One alert a secret, resolved
//! when the secret is dead.

use super::event::Event;
use super::json;
use crate::http::Request;
use crate::rule::Severity;
use crate::secret::Secret;
use crate::time::rfc3339;
use serde_json::json;

/// A summary may be this long.
const MAX_SUMMARY: usize = 1024;

pub(super) fn request(url: &str, routing_key: &Secret, event: &Event) -> Request {
    let severity = match event.severity {
        Severity::Critical => "critical",
        Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low => "info",
    };
    let links: Vec<_> = event.links.iter().map(|link| json!({ "href": link, "text": "about it" })).collect();
    let summary: String = event.title().chars().take(MAX_SUMMARY).collect();
    let body = json!({
        "routing_key": String::from_utf8_lossy(routing_key.expose()),
        "event_action": if event.kind.is_end() { "resolve" } else { "trigger" },
        "dedup_key": format!("stopleak-{}", event.fingerprint),
        "payload": {
            "summary": summary, "source": event.places.first().map_or("stopleak", String::as_str), "severity": severity,
            "timestamp": rfc3339(event.time), "component": event.provider, "class": event.rule,
            "custom_details": event.json(),
        },
        "links": links,
    });
    json::post(url, &body)
}
