//! Exchanges as people write them in a rule file: `[[rule.verify]]`, `[[rule.revoke]]`, `[[rule.rotate]]`, one a step.

use super::Scalar;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What an exchange is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Ask whether the secret is alive.
    Verify,
    /// End it.
    Revoke,
    /// Replace it.
    Rotate,
}

impl Purpose {
    /// The word used in rules and reports.
    pub fn as_str(self) -> &'static str {
        match self {
            Purpose::Verify => "verify",
            Purpose::Revoke => "revoke",
            Purpose::Rotate => "rotate",
        }
    }
}

/// One request; `rules/README.md` explains each field.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct StepWritten {
    pub method: Option<String>,
    pub url: String,
    pub headers: BTreeMap<String, String>,
    pub basic: Option<String>,
    pub form: BTreeMap<String, String>,
    pub json: Option<String>,
    pub body: Option<String>,
    /// Why a request other than GET or HEAD changes nothing.
    pub read_only: Option<String>,
    /// Why this request of `revoke` or `rotate` was not held against the provider's documentation.
    pub unproven: Option<String>,
    /// Why the secret cannot travel in a header or body.
    pub secret_in_url: Option<String>,
    pub active: Option<Conditions>,
    pub inactive: Option<Conditions>,
    pub accepted: Option<Conditions>,
    pub declined: Option<Conditions>,
    pub find: Option<FindWritten>,
    pub keep: BTreeMap<String, String>,
    pub identity: BTreeMap<String, String>,
    pub scopes: Option<String>,
    pub examples: Vec<ExampleWritten>,
}

/// One condition or several, of which one must hold.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Conditions {
    One(ConditionWritten),
    Several(Vec<ConditionWritten>),
}

/// What must hold of an answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ConditionWritten {
    pub status: OneOrMore<u16>,
    pub json: BTreeMap<String, ScalarWritten>,
    pub has: OneOrMore<String>,
    pub lacks: OneOrMore<String>,
    pub text: OneOrMore<String>,
    pub header: BTreeMap<String, String>,
}

/// `x` or `[x, y]`.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum OneOrMore<T> {
    One(T),
    More(Vec<T>),
}

impl<T> Default for OneOrMore<T> {
    fn default() -> OneOrMore<T> {
        OneOrMore::More(Vec::new())
    }
}

impl<T: Clone> OneOrMore<T> {
    /// As a list.
    pub fn list(&self) -> Vec<T> {
        match self {
            OneOrMore::One(item) => vec![item.clone()],
            OneOrMore::More(items) => items.clone(),
        }
    }
}

/// A value in JSON without parts.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum ScalarWritten {
    Bool(bool),
    Number(i64),
    Text(String),
}

impl From<&ScalarWritten> for Scalar {
    fn from(written: &ScalarWritten) -> Scalar {
        match written {
            ScalarWritten::Bool(value) => Scalar::Bool(*value),
            ScalarWritten::Number(value) => Scalar::Number(*value),
            ScalarWritten::Text(value) => Scalar::Text(value.clone()),
        }
    }
}

/// One item of a list.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct FindWritten {
    #[serde(default)]
    pub list: String,
    #[serde(rename = "match")]
    pub matching: BTreeMap<String, String>,
}

/// An answer as the provider documents it, and what it must be taken for.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ExampleWritten {
    pub status: u16,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub body: String,
    /// `active`, `inactive`, `accepted`, `declined`, `unknown` or `next`.
    pub means: String,
}
