//! What tells one set of rules from another, and what a repository must be scanned for when the rules have changed.

use super::store::{Store, StoreError};
use crate::rule::{Form, Rule};
use crate::rule_set::RuleSet;
use crate::sweep::store::values;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The program itself decides what is found, too: its decoders, its score.
const PROGRAM: &str = concat!("stopleak ", env!("CARGO_PKG_VERSION"));

/// A set of rules by what decides what they find, not by their words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pack {
    /// Names the whole set.
    pub digest: String,
    /// Each rule's own digest.
    pub rules: BTreeMap<String, String>,
}

/// What became of the rules since a repository was scanned.
#[derive(Debug)]
pub enum Difference {
    /// Nothing can be found that was not found before.
    Nothing,
    /// Only these rules can find something in what held nothing before.
    Only(Arc<RuleSet>),
    /// Everything is to be scanned, for this reason.
    Everything(String),
}

impl Pack {
    /// Of a set of rules.
    pub fn of(rules: &RuleSet) -> Pack {
        let rules: BTreeMap<String, String> =
            rules.rules().iter().map(|rule| (rule.id.clone(), digest_of(rule))).chain([program()]).collect();
        let mut hasher = blake3::Hasher::new();
        rules.iter().for_each(|(id, digest)| _ = hasher.update(id.as_bytes()).update(b"\n").update(digest.as_bytes()));
        Pack { digest: hasher.finalize().to_hex()[..32].to_owned(), rules }
    }

    /// What is to be scanned again when `new` takes the place of these rules.
    pub fn difference(&self, new: &RuleSet) -> Difference {
        if self.rules.get("") != Some(&program().1) {
            return Difference::Everything("another version of stopleak scanned it".to_owned());
        }
        let changed: Vec<&Arc<Rule>> =
            new.rules().iter().filter(|rule| self.rules.get(&rule.id) != Some(&digest_of(rule))).collect();
        if changed.is_empty() {
            return Difference::Nothing;
        }
        let linked = changed.iter().find(|rule| is_linked(rule, new));
        if let Some(rule) = linked {
            return Difference::Everything(format!("rule `{}` works together with others", rule.id));
        }
        let alone = changed.iter().map(|rule| Rule { over: Vec::new(), ..(***rule).clone() });
        match RuleSet::from_rules(alone.collect()) {
            Ok(set) => Difference::Only(set),
            Err(reason) => Difference::Everything(reason),
        }
    }
}

/// Whether what a rule finds depends on another, or another's on it.
fn is_linked(rule: &Rule, all: &RuleSet) -> bool {
    let is_part = |other: &Arc<Rule>| other.parts.iter().any(|part| part.rule == rule.id);
    let is_required = |other: &Arc<Rule>| {
        other.form.search().is_some_and(|search| search.required.iter().any(|required| required.rule == rule.id))
    };
    let requires = rule.form.search().is_some_and(|search| !search.required.is_empty());
    !rule.parts.is_empty()
        || rule.part_only
        || requires
        || matches!(rule.form, Form::Practice { .. })
        || all.rules().iter().any(|other| is_part(other) || is_required(other))
}

fn program() -> (String, String) {
    (String::new(), PROGRAM.to_owned())
}

/// Without the words that reports show.
fn digest_of(rule: &Rule) -> String {
    let bare = Rule {
        name: String::new(),
        help: String::new(),
        references: Vec::new(),
        severity: crate::rule::Severity::Low,
        ..rule.clone()
    };
    let text = serde_json::to_vec(&bare).unwrap_or_default();
    blake3::hash(&text).to_hex()[..16].to_owned()
}

impl Store {
    /// Keeps what a set of rules is made of.
    pub fn keep_pack(&self, pack: &Pack, now: i64) -> Result<(), StoreError> {
        let text = serde_json::to_string(&pack.rules).unwrap_or_default();
        let sql = "INSERT INTO packs (digest, rules, made) VALUES ($1, $2, $3) ON CONFLICT (digest) DO NOTHING";
        self.with(|session| session.run(sql, &values![&pack.digest, &text, now])).map(|_| ())
    }

    /// A set of rules that was kept.
    pub fn pack(&self, digest: &str) -> Result<Option<Pack>, StoreError> {
        let sql = "SELECT rules FROM packs WHERE digest = $1";
        let rows = self.with(|session| session.run(sql, &values![digest]))?;
        let rules = rows.first().and_then(|row| serde_json::from_str(&row.text(0)).ok());
        Ok(rules.map(|rules| Pack { digest: digest.to_owned(), rules }))
    }
}
