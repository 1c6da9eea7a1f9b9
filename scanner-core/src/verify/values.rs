//! What the holes of an exchange are filled with, and where each value came from.

use super::Subject;
use crate::secret::Secret;
use std::collections::BTreeMap;

/// Where a value came from, which decides whether it may name a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// The rule or the user's settings: an endpoint.
    Own,
    /// The secret itself.
    Secret,
    /// What was scanned: a part that stood near the secret.
    Scan,
    /// An answer of the provider, to an earlier step.
    Kept,
}

/// Values by the names that templates use. Wiped when they are dropped; `Debug` shows none.
#[derive(Clone, Debug, Default)]
pub struct Values(BTreeMap<String, (Secret, Source)>);

impl Values {
    /// The secret and the values it belongs with.
    pub fn of(subject: &Subject) -> Values {
        let mut values = Values::default();
        for (rule, value) in subject.parts {
            values.insert(kind(rule), value.clone(), Source::Scan);
        }
        values.insert("secret", subject.secret.clone(), Source::Secret);
        values
    }

    /// Adds a value; one of the same name gives way.
    pub fn insert(&mut self, name: &str, value: Secret, source: Source) {
        self.0.insert(name.to_owned(), (value, source));
    }

    /// The same with the provider's API at this address.
    pub fn at(&self, endpoint: Option<&str>) -> Values {
        let mut values = self.clone();
        if let Some(endpoint) = endpoint {
            values.insert("endpoint", Secret::new(endpoint.trim_end_matches('/').as_bytes()), Source::Own);
        }
        values
    }

    /// Takes in what a step kept.
    pub fn keep(&mut self, kept: BTreeMap<String, String>) {
        for (name, value) in kept {
            self.insert(&name, Secret::new(value.as_bytes()), Source::Kept);
        }
    }

    /// A value as text; `None` for one that is not known or no text.
    pub fn text(&self, name: &str) -> Option<String> {
        let (value, _) = self.0.get(name)?;
        std::str::from_utf8(value.expose()).ok().map(str::to_owned)
    }

    /// Where a value came from.
    pub fn source(&self, name: &str) -> Option<Source> {
        self.0.get(name).map(|(_, source)| *source)
    }
}

/// What templates call a part: `account-sid` for the rule `twilio.account-sid`.
pub fn kind(rule: &str) -> &str {
    rule.split_once('.').map_or(rule, |(_, kind)| kind)
}
