//! One Jira issue a secret, found again by its label: <https://developer.atlassian.com/cloud/jira/platform/rest/v2/>.

use super::channel::Jira;
use super::event::Event;
use super::json;
use crate::http::Request;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// A summary may be this long.
const MAX_SUMMARY: usize = 250;

/// The label that finds the issue of a secret again.
fn label(event: &Event) -> String {
    format!("stopleak-{}", event.fingerprint.replace(':', "-"))
}

/// Asks for the issue of this secret.
pub(super) fn search(jira: &Jira, event: &Event) -> Request {
    // Jira Cloud has dropped the search that Data Center has.
    let path = if jira.user.is_some() { "rest/api/3/search/jql" } else { "rest/api/2/search" };
    let query = format!("project%3D%22{}%22%20AND%20labels%3D%22{}%22", escaped(&jira.project), escaped(&label(event)));
    let url = format!("{}/{path}?fields=key&maxResults=1&jql={query}", jira.url.trim_end_matches('/'));
    with_login(Request::get(url).at_most(1 << 20), jira)
}

/// The issue's key; `Err` for an answer that is none.
pub(super) fn found(answer: &[u8]) -> Result<Option<String>, ()> {
    let value: Value = serde_json::from_slice(answer).map_err(|_| ())?;
    let issues = value["issues"].as_array().ok_or(())?;
    Ok(issues.first().and_then(|issue| issue["key"].as_str()).map(str::to_owned))
}

/// Opens an issue.
pub(super) fn create(jira: &Jira, event: &Event) -> Request {
    let summary: String = event.title().chars().take(MAX_SUMMARY).collect();
    let body = json!({ "fields": {
        "project": { "key": jira.project }, "issuetype": { "name": jira.issue_type }, "summary": summary,
        "description": event.lines().join("\n"), "labels": ["stopleak", label(event)],
    } });
    with_login(json::post(&format!("{}/rest/api/2/issue", jira.url.trim_end_matches('/')), &body), jira)
}

/// Tells more under an issue.
pub(super) fn comment(jira: &Jira, key: &str, event: &Event) -> Request {
    let body = json!({ "body": format!("{}\n{}", event.title(), event.lines().join("\n")) });
    let url = format!("{}/rest/api/2/issue/{}/comment", jira.url.trim_end_matches('/'), escaped(key));
    with_login(json::post(&url, &body), jira)
}

fn with_login(request: Request, jira: &Jira) -> Request {
    let token = String::from_utf8_lossy(jira.token.expose());
    let value = match &jira.user {
        Some(user) => format!("Basic {}", STANDARD.encode(format!("{user}:{token}"))),
        None => format!("Bearer {token}"),
    };
    request.header("Authorization", value).header("Accept", "application/json")
}

/// For a query: only what needs no escape stays.
fn escaped(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    text.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
