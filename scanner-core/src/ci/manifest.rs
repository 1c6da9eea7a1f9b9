//! Secrets of Kubernetes: the values below `data` are base64, and their keys say what they are.

use super::MAX_PIPELINE;
use super::yaml::{self, Node};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::ops::Range;

/// A value that was decoded, written as an assignment to its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// Where the encoded value stands.
    pub span: Range<usize>,
    /// `key: value`, or the value alone where it has lines of its own.
    pub text: Vec<u8>,
    /// Where in `text` the value begins.
    pub value: usize,
}

/// The values of a text's Secret manifests, decoded; nothing where there is none.
pub fn decoded(bytes: &[u8]) -> Vec<Hidden> {
    if !is_manifest(bytes) {
        return Vec::new();
    }
    let documents = yaml::documents(bytes).unwrap_or_default();
    let mut found = Vec::new();
    documents.iter().for_each(|document| of_object(document, bytes, &mut found));
    found
}

/// A few compares: every text pays for this.
fn is_manifest(bytes: &[u8]) -> bool {
    let start = bytes.iter().take(64).copied().find(|byte| !byte.is_ascii_whitespace());
    let may_begin = matches!(start, Some(b'a' | b'k' | b'd' | b't' | b'm' | b's' | b'{' | b'-' | b'#' | b'"' | b'i'));
    let is_one = || {
        let sample = &bytes[..bytes.len().min(4 << 10)];
        memchr::memmem::find(sample, b"apiVersion").is_some() && memchr::memmem::find(bytes, b"Secret").is_some()
    };
    may_begin && bytes.len() <= MAX_PIPELINE && is_one()
}

/// A Secret, or the Secrets of a List.
fn of_object(object: &Node, bytes: &[u8], found: &mut Vec<Hidden>) {
    if let Some(Node::List(items)) = object.get("items") {
        items.iter().for_each(|item| of_object(item, bytes, found));
    }
    let is_secret = matches!(object.get("kind"), Some(Node::Scalar(kind, _)) if kind == "Secret");
    let Some(Node::Map(data)) = object.get("data").filter(|_| is_secret) else { return };
    for (key, value) in data {
        let Node::Scalar(text, span) = value else { continue };
        let text: String = text.chars().filter(|c| !c.is_whitespace()).collect();
        let Ok(plain) = STANDARD.decode(text) else { continue };
        let is_line =
            plain.len() < 256 && !plain.iter().any(|byte| byte.is_ascii_control() || matches!(byte, b'"' | b'\\'));
        let (head, tail) = if is_line { (format!("{key}: \""), &b"\"\n"[..]) } else { (String::new(), &b""[..]) };
        let text = [head.as_bytes(), &plain, tail].concat();
        if !plain.is_empty() {
            found.push(Hidden { span: span_of(bytes, span), text, value: head.len() });
        }
    }
}

/// The value without its quotes and the white space after it.
fn span_of(bytes: &[u8], span: &Range<usize>) -> Range<usize> {
    let text = &bytes[span.clone()];
    let is_outside = |byte: &u8| byte.is_ascii_whitespace() || matches!(byte, b'"' | b'\'');
    let start = text.iter().take_while(|byte| is_outside(byte)).count();
    let end = text.iter().rev().take_while(|byte| is_outside(byte)).count();
    span.start + start..(span.end - end).max(span.start + start)
}
