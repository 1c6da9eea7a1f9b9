//! A generic webhook, signed as Standard Webhooks (<https://www.standardwebhooks.com>) has it: id, time and body, so that
//! what was caught on the way cannot be sent again later.

use super::event::Event;
use super::json;
use crate::http::Request;
use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// `v1,` and the HMAC-SHA-256 over `id.timestamp.body`. A secret that begins with `whsec_` is base64 after that.
pub fn signature(secret: &Secret, id: &str, timestamp: i64, body: &[u8]) -> String {
    let decoded = secret.expose().strip_prefix(b"whsec_").and_then(|text| STANDARD.decode(text).ok());
    let decoded = decoded.map(|bytes| Secret::new(&bytes));
    let key = decoded.as_ref().unwrap_or(secret);
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose()).expect("HMAC takes keys of any length");
    mac.update(format!("{id}.{timestamp}.").as_bytes());
    mac.update(body);
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

/// The request that tells of an event; the time is that of sending.
pub(super) fn request(url: &Secret, secret: Option<&Secret>, event: &Event, now: i64) -> Request {
    let request = json::post(&String::from_utf8_lossy(url.expose()), &event.json());
    let id = event.id();
    let signed = secret.map(|secret| signature(secret, &id, now, &request.body));
    let request = request.header("webhook-id", id).header("webhook-timestamp", now.to_string());
    match signed {
        Some(signature) => request.header("webhook-signature", signature),
        None => request,
    }
}
