//! Says what an answer means: a pure function of the step and the answer.

use super::{Condition, Find, Scalar, Step};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;

/// What an answer says of the secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Meaning {
    /// It works: the answer holds proof.
    Active,
    /// The provider refuses it.
    Inactive,
    /// The provider took the request to end or replace it; whether it is dead is another question.
    Accepted,
    /// The provider refuses to end or replace it.
    Declined,
}

impl Meaning {
    /// The word used in rules.
    pub fn as_str(self) -> &'static str {
        match self {
            Meaning::Active => "active",
            Meaning::Inactive => "inactive",
            Meaning::Accepted => "accepted",
            Meaning::Declined => "declined",
        }
    }
}

/// An answer as it came.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Response {
    /// HTTP status.
    pub status: u16,
    /// Names in lower case.
    pub headers: BTreeMap<String, String>,
    /// At most as much as the transport was told to read.
    pub body: Vec<u8>,
}

/// What to do after an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// An answer the step knows, with who and what the secret opens.
    Means {
        /// What it says.
        meaning: Meaning,
        /// Label and value.
        identity: Vec<(String, String)>,
        /// As the provider lists them.
        scopes: Option<String>,
        /// What the step keeps, by name: a new secret for instance. Secret until proved otherwise.
        kept: BTreeMap<String, String>,
    },
    /// The next step follows, with these values.
    Next(BTreeMap<String, String>),
    /// Nothing can be said, for this reason.
    Unknown(String),
}

/// Judges the answer to `step`; `is_last` says that no step follows. `fill` fills a template of `find`.
pub fn judge(step: &Step, response: &Response, is_last: bool, fill: &dyn Fn(&str) -> Option<String>) -> Judgement {
    let json: Option<Value> = serde_json::from_slice(&response.body).ok();
    // Neither a limit nor a failure says anything about the secret, whatever the body holds.
    if let Some(reason) = provider_trouble(response.status) {
        return Judgement::Unknown(reason);
    }
    let found = step.answers.iter().find(|answer| holds(&answer.when, response, json.as_ref()));
    let is_success = (200..300).contains(&response.status);
    let kept = if is_success { kept(step, json.as_ref(), fill) } else { Ok(BTreeMap::new()) };
    match (found, kept) {
        (Some(answer), kept) => Judgement::Means {
            meaning: answer.meaning,
            identity: identity(step, response, json.as_ref()),
            scopes: step.scopes.as_ref().and_then(|place| value_at(place, response, json.as_ref())),
            kept: kept.unwrap_or_default(),
        },
        (None, Ok(kept)) if is_success && !is_last => Judgement::Next(kept),
        (None, Err(reason)) if is_success => Judgement::Unknown(reason),
        _ => Judgement::Unknown(format!("the provider answered {} with nothing the rule knows", response.status)),
    }
}

/// Why a status says nothing about the secret.
fn provider_trouble(status: u16) -> Option<String> {
    match status {
        429 => Some("rate-limited by the provider (429)".into()),
        300..=399 => Some(format!("the provider redirects elsewhere ({status})")),
        407 | 511 => Some(format!("a proxy stands between ({status})")),
        500..=599 => Some(format!("the provider failed ({status})")),
        _ => None,
    }
}

fn holds(when: &Condition, response: &Response, json: Option<&Value>) -> bool {
    let status = match when.status.is_empty() {
        true => (200..300).contains(&response.status),
        false => when.status.contains(&response.status),
    };
    let at = |pointer: &str| json.and_then(|json| json.pointer(pointer));
    status
        && when.json.iter().all(|(pointer, expected)| at(pointer).is_some_and(|value| equals(value, expected)))
        && when.has.iter().all(|pointer| at(pointer).is_some_and(is_something))
        && when.lacks.iter().all(|pointer| !at(pointer).is_some_and(is_something))
        && (when.text.is_empty() || when.text.iter().any(|text| contains(&response.body, text)))
        && when.header.iter().all(|(name, text)| {
            let value = response.headers.get(&name.to_ascii_lowercase());
            value.is_some_and(|value| contains(value.as_bytes(), text))
        })
}

fn equals(value: &Value, expected: &Scalar) -> bool {
    match expected {
        Scalar::Bool(expected) => value.as_bool() == Some(*expected),
        Scalar::Number(expected) => value.as_i64() == Some(*expected),
        Scalar::Text(expected) => value.as_str() == Some(expected),
    }
}

fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(items) => !items.is_empty(),
        Value::Bool(_) | Value::Number(_) => true,
    }
}

fn contains(body: &[u8], text: &str) -> bool {
    text.is_empty() || body.windows(text.len()).any(|window| window.eq_ignore_ascii_case(text.as_bytes()))
}

fn kept(
    step: &Step,
    json: Option<&Value>,
    fill: &dyn Fn(&str) -> Option<String>,
) -> Result<BTreeMap<String, String>, String> {
    if step.keep.is_empty() {
        return Ok(BTreeMap::new());
    }
    let json = json.ok_or("the answer is no JSON")?;
    let item = match &step.find {
        None => json,
        Some(find) => the_one(find, json, fill)?,
    };
    let value = |(name, pointer): (&String, &String)| {
        let text = item.pointer(pointer).and_then(text_of);
        Ok((name.clone(), text.ok_or(format!("the answer has no {pointer}"))?))
    };
    step.keep.iter().map(value).collect()
}

/// The one item that matches: with none or several there is no telling whose secret would be touched.
fn the_one<'v>(find: &Find, json: &'v Value, fill: &dyn Fn(&str) -> Option<String>) -> Result<&'v Value, String> {
    let list = json.pointer(&find.list).and_then(Value::as_array).ok_or(format!("no list at `{}`", find.list))?;
    let matches = |item: &&Value| {
        find.matching.iter().all(|(pointer, template)| {
            let expected = fill(template);
            expected.is_some() && item.pointer(pointer).and_then(text_of) == expected
        })
    };
    let mut found = list.iter().filter(matches);
    match (found.next(), found.next()) {
        (Some(item), None) => Ok(item),
        (None, _) => Err("the secret is not in the provider's list".into()),
        (Some(_), Some(_)) => Err("more than one entry of the provider's list matches the secret".into()),
    }
}

fn identity(step: &Step, response: &Response, json: Option<&Value>) -> Vec<(String, String)> {
    let value = |(label, place): (&String, &String)| Some((label.clone(), value_at(place, response, json)?));
    step.identity.iter().filter_map(value).collect()
}

fn value_at(place: &str, response: &Response, json: Option<&Value>) -> Option<String> {
    match place.strip_prefix("header:") {
        Some(name) => response.headers.get(name).cloned(),
        None => json?.pointer(place).and_then(text_of),
    }
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Array(items) => Some(items.iter().filter_map(text_of).collect::<Vec<_>>().join(", ")),
        Value::Null | Value::Object(_) => None,
    }
}
