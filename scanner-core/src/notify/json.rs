//! Requests that carry JSON.

use crate::http::{Method, Request};
use serde_json::Value;

/// More of an answer is not read.
const MAX_ANSWER: u64 = 1 << 20;

/// A request whose body is this.
pub(super) fn post(url: &str, body: &Value) -> Request {
    let mut request = Request::new(Method::Post, url).header("Content-Type", "application/json").at_most(MAX_ANSWER);
    request.body = body.to_string().into_bytes();
    request
}
