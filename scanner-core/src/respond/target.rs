//! What is responded to: a leaked secret with what belongs to it, where a vault keeps it, and what takes its place.

use crate::rule::Rule;
use crate::secret::{Fingerprint, Secret};
use crate::vault::{Vault, VaultError};
use crate::verify::Subject;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use zeroize::Zeroizing;

/// What is known without being secret: ids, accounts, versions.
pub type Facts = BTreeMap<String, String>;

/// A leaked secret.
#[derive(Clone, Debug)]
pub struct Target {
    /// Its name in every record.
    pub fingerprint: Fingerprint,
    /// The rule that found it.
    pub rule: Arc<Rule>,
    /// The value.
    pub secret: Secret,
    /// The values it belongs with, by the part's rule id.
    pub parts: Vec<(String, Secret)>,
    /// Where the vault keeps it.
    pub places: Vec<Place>,
}

/// A field of a vault's entry that holds the secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The entry.
    pub path: String,
    /// The version that holds it.
    pub version: String,
    /// The field.
    pub field: String,
    /// Whether that version is the one read by default.
    pub is_current: bool,
}

/// What takes a secret's place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fresh {
    /// The provider's name for it, if it has one.
    pub id: Option<String>,
    /// The new value.
    pub secret: Secret,
    /// New values of parts, by the part's rule id: those that changed.
    pub parts: Vec<(String, Secret)>,
}

fn replaced(value: &Secret, old: &Secret, new: &Secret) -> Secret {
    let Some(at) = memchr::memmem::find(value.expose(), old.expose()) else { return value.clone() };
    let (before, after) = (&value.expose()[..at], &value.expose()[at + old.expose().len()..]);
    Secret::new(&Zeroizing::new([before, new.expose(), after].concat()))
}

impl Target {
    /// As the verifier wants it.
    pub fn subject(&self) -> Subject<'_> {
        Subject { rule: &self.rule, secret: &self.secret, parts: &self.parts }
    }

    /// The value of a part as text, by the part's rule id.
    pub fn part(&self, rule: &str) -> Option<String> {
        let part = self.parts.iter().find(|(id, _)| id == rule)?;
        std::str::from_utf8(part.1.expose()).ok().map(str::to_owned)
    }

    /// The same with the new values in place of the old.
    pub fn renewed(&self, fresh: &Fresh) -> Target {
        let mut renewed = self.clone();
        renewed.secret = fresh.secret.clone();
        for (id, value) in &mut renewed.parts {
            if let Some((_, new)) = fresh.parts.iter().find(|(known, _)| known == id) {
                *value = new.clone();
            } else if self.secret.expose().len() >= 4 {
                // The text around a password names its server, and holds the password.
                *value = replaced(value, &self.secret, &fresh.secret);
            }
        }
        renewed
    }

    /// The old value and the new one of all that changes.
    pub fn changes<'a>(&'a self, fresh: &'a Fresh) -> Vec<(&'a Secret, &'a Secret)> {
        let part = |(id, new): &'a (String, Secret)| {
            self.parts.iter().find(|(known, _)| known == id).map(|(_, old)| (old, new))
        };
        std::iter::once((&self.secret, &fresh.secret)).chain(fresh.parts.iter().filter_map(part)).collect()
    }
}

/// Whether a value is the secret, or holds it inside a longer text.
pub fn holds(value: &Secret, secret: &Secret) -> bool {
    let is_inside = || memchr::memmem::find(value.expose(), secret.expose()).is_some();
    value == secret || (secret.expose().len() >= 8 && is_inside())
}

/// Where a named entry of the vault holds the secret: `path`, or `path#field`. Reads all of its readable versions.
pub fn places_in(vault: &dyn Vault, entry: &str, secret: &Secret) -> Result<Vec<Place>, VaultError> {
    let (path, named) = entry.split_once('#').map_or((entry, None), |(path, field)| (path, Some(field)));
    let current = vault.read(path, None)?;
    let mut versions = vault.versions(path)?;
    versions.retain(|version| version.is_readable && version.id != current.version);
    let mut read = vec![(true, current)];
    for version in versions {
        read.push((false, vault.read(path, Some(&version.id))?));
    }
    let mut places = Vec::new();
    for (is_current, entry) in read {
        let fields = entry
            .fields
            .iter()
            .filter(|(name, value)| named.is_none_or(|named| named == *name) && holds(value, secret));
        places.extend(fields.map(|(name, _)| Place {
            path: path.to_owned(),
            version: entry.version.clone(),
            field: name.clone(),
            is_current,
        }));
    }
    Ok(places)
}
