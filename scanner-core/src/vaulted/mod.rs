//! Values that stand in a vault, known by keyed hashes alone: found in any text, whatever rule they match or none.
//!
//! An index is a text: one line a place, readable but for its sealed part; nothing of it can be tested without the
//! organisation's key. Read with the key it becomes `Vaulted`, which the engine runs beside the rules.

mod format;
mod key;
mod search;

pub use format::{About, IndexError, Known, about, read, write};
pub use key::Key;
pub use search::{MAX_LEN, MAX_OFFSET, MIN_LEN, Shape, Vaulted, WINDOW};

use crate::rule::{Form, Provider, Rule, Severity};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// The rule of values that match no other one.
pub const RULE: &str = "vault.value";

/// What a match of the rule weighs: no doubt is left.
pub const LOG_ODDS: f32 = 30.0;

/// Where in a vault a value stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// The vault, as the settings name it.
    pub vault: String,
    /// The entry's path.
    pub entry: String,
    /// The field; of structured values the way inside, joined by dots.
    pub field: String,
    /// The version.
    pub version: String,
    /// Whether that version was the current one when the index was made.
    pub current: bool,
}

impl Place {
    /// In words: `prod: app/db, field password, version 3 (old)`.
    pub fn words(&self) -> String {
        let Place { vault, entry, field, version, current } = self;
        let age = if *current { "current" } else { "old" };
        format!("{vault}: {entry}, field {field}, version {version} ({age})")
    }
}

/// The rule of values that match no other one.
pub fn rule() -> Rule {
    Rule {
        id: RULE.into(),
        name: "Value that stands in the vault".into(),
        provider: Arc::new(Provider { id: "vault".into(), name: "Vault".into() }),
        severity: Severity::High,
        help:
            "The vault holds this very value: rotate its entry, let every consumer fetch the new version, and revoke \
               the old one."
                .into(),
        references: Vec::new(),
        confidence: 0.99,
        random: false,
        guessable: false,
        checksum: None,
        parts: Vec::new(),
        over: Vec::new(),
        part_only: false,
        at_least: [0; 3],
        form: Form::Vaulted,
        factors: Vec::new(),
        keywords: Vec::new(),
    }
}
