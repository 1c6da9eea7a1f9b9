//! Exchanges: requests in order that ask a provider about a secret, end it or replace it, and what its answers mean.
//!
//! Only data and pure functions: nothing here opens a connection. One type serves `verify`, `revoke` and `rotate`.

pub mod check;
pub mod judge;
pub mod template;
pub mod written;

pub use judge::{Meaning, Response};
pub use written::Purpose;

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a rule can ask of its provider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Exchanges {
    /// Asks whether the secret is alive; changes nothing.
    pub verify: Option<Exchange>,
    /// Ends the secret.
    pub revoke: Option<Exchange>,
    /// Replaces the secret; the last step keeps the new value as `secret`.
    pub rotate: Option<Exchange>,
}

impl Exchanges {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.all().next().is_none()
    }

    /// Those that exist, with what they are for.
    pub fn all(&self) -> impl Iterator<Item = (Purpose, &Exchange)> {
        let all = [(Purpose::Verify, &self.verify), (Purpose::Revoke, &self.revoke), (Purpose::Rotate, &self.rotate)];
        all.into_iter().filter_map(|(purpose, exchange)| Some((purpose, exchange.as_ref()?)))
    }
}

/// Requests in order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// Hosts it may talk to; `*.` stands for one label. `{endpoint}` adds the hosts of the provider's endpoints.
    pub hosts: Vec<String>,
    /// Where the provider's API stands unless the user's settings say otherwise; each is tried when there are several.
    pub endpoints: Vec<String>,
    /// Why nobody has held its requests against the provider's documentation; none when somebody has.
    pub unproven: Option<String>,
    /// One request after the other; each but the last goes on when its answer is 2xx and holds all it is to keep.
    pub steps: Vec<Step>,
}

/// One request and what its answers mean. Strings are templates (`template`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    /// In capitals.
    pub method: String,
    /// `https://` or `{endpoint}`, then a path.
    pub url: String,
    /// Sorted by name.
    pub headers: BTreeMap<String, String>,
    /// `user:password` for basic authorization.
    pub basic: Option<String>,
    /// What is sent.
    pub body: Body,
    /// What an answer means, in order; the first that holds counts.
    pub answers: Vec<Answer>,
    /// The one item of a list that what is kept is read from.
    pub find: Option<Find>,
    /// Values for the steps that follow, by name, as JSON pointers into the answer.
    pub keep: BTreeMap<String, String>,
    /// Who and what the secret opens, by label: JSON pointers, or `header:name`.
    pub identity: BTreeMap<String, String>,
    /// What the secret may do: a JSON pointer or `header:name`.
    pub scopes: Option<String>,
}

/// What a request carries.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub enum Body {
    /// Nothing.
    #[default]
    None,
    /// A form, urlencoded.
    Form(BTreeMap<String, String>),
    /// A JSON text; what fills its holes is escaped.
    Json(String),
    /// Any text, sent as it is with the `Content-Type` among the headers.
    Text(String),
}

/// What an answer means when its condition holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// What it says of the secret.
    pub meaning: Meaning,
    /// When.
    pub when: Condition,
}

/// What must hold of an answer, all of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Condition {
    /// One of these; any 2xx when empty.
    pub status: Vec<u16>,
    /// JSON pointers and the values that must stand there.
    pub json: BTreeMap<String, Scalar>,
    /// JSON pointers where something must stand that is neither null nor empty.
    pub has: Vec<String>,
    /// JSON pointers where nothing may stand.
    pub lacks: Vec<String>,
    /// One of these must occur in the body, in any case; no matter when empty.
    pub text: Vec<String>,
    /// A header must be there and hold this text, in any case.
    pub header: BTreeMap<String, String>,
}

impl Condition {
    /// Whether it looks at more than the status.
    pub fn reads_content(&self) -> bool {
        !(self.json.is_empty() && self.has.is_empty() && self.text.is_empty() && self.header.is_empty())
    }
}

/// A JSON value without parts.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Scalar {
    /// `true` or `false`.
    Bool(bool),
    /// A whole number.
    Number(i64),
    /// A text.
    Text(String),
}

/// Chooses one item of a list; none or more than one ends the exchange, so that nobody else's secret is touched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Find {
    /// JSON pointer of the list.
    pub list: String,
    /// JSON pointers into the item and templates of what must stand there.
    pub matching: BTreeMap<String, String>,
}
