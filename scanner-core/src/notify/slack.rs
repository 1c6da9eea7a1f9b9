//! Slack's incoming webhooks: <https://api.slack.com/messaging/webhooks>.

use super::event::Event;
use super::json;
use crate::http::Request;
use crate::secret::Secret;

pub(super) fn request(url: &Secret, event: &Event) -> Request {
    let text: Vec<String> = event.lines().iter().map(|line| escaped(line)).collect();
    let body = serde_json::json!({ "text": format!("*{}*\n{}", escaped(&event.title()), text.join("\n")) });
    json::post(&String::from_utf8_lossy(url.expose()), &body)
}

/// Three characters steer Slack's text: with them a path could ping everyone.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
