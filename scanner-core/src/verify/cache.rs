//! What was asked before, on disk: by a tag under a key that stays on this machine, so that the file holds no value and
//! tests none. Only what a provider said for sure is kept, and not for long.

use crate::finding::Validity;
use crate::private;
use crate::secret::{hex, random};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Answers that are kept; more make room for nothing new.
const MOST: usize = 100_000;
/// A file longer than this is not ours.
const MAX_FILE: u64 = 64 << 20;

/// Names a question: a keyed hash of the rule, the value and what it was asked with.
pub type Tag = [u8; 32];

/// Answers of earlier runs.
pub struct Cache {
    file: PathBuf,
    key: [u8; 32],
    lifetime: i64,
    now: i64,
    entries: Mutex<BTreeMap<String, Entry>>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Entry {
    is_active: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    identity: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scopes: Option<String>,
    until: i64,
}

#[derive(Default, Serialize, Deserialize)]
struct Saved {
    version: u32,
    entries: BTreeMap<String, Entry>,
}

impl Cache {
    /// The answers kept in `folder`, which is made, each good for `lifetime` seconds; `now` in seconds since 1970. A file
    /// that cannot be read as answers is begun anew.
    pub fn open(folder: &Path, lifetime: i64, now: i64) -> io::Result<Cache> {
        private::folder(folder)?;
        let key = key(&folder.join("verify.key"))?;
        let file = folder.join("verify.json");
        let mut text = String::new();
        match File::open(&file) {
            Ok(found) => _ = found.take(MAX_FILE).read_to_string(&mut text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
        let saved: Saved = serde_json::from_str(&text).unwrap_or_default();
        let mut entries = if saved.version == 1 { saved.entries } else { BTreeMap::new() };
        // A clock that was wrong must not keep an answer for ever.
        entries.retain(|_, entry| entry.until > now && entry.until <= now.saturating_add(lifetime));
        Ok(Cache { file, key, lifetime, now, entries: Mutex::new(entries) })
    }

    /// The tag of a question, from its parts.
    pub fn tag(&self, fields: &[&[u8]]) -> Tag {
        tag(&self.key, fields)
    }

    /// What was answered, if it is still good.
    pub fn get(&self, tag: &Tag) -> Option<Validity> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = entries.get(&hex(tag))?;
        Some(match entry.is_active {
            true => Validity::Active { identity: entry.identity.clone(), scopes: entry.scopes.clone() },
            false => Validity::Inactive,
        })
    }

    /// Keeps an answer; one that leaves a doubt replaces what was there by nothing.
    pub fn put(&self, tag: &Tag, validity: &Validity) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let until = self.now.saturating_add(self.lifetime);
        let entry = match validity {
            Validity::Active { identity, scopes } => {
                Entry { is_active: true, identity: identity.clone(), scopes: scopes.clone(), until }
            }
            Validity::Inactive => Entry { is_active: false, identity: Vec::new(), scopes: None, until },
            Validity::Unchecked | Validity::Unknown { .. } => {
                entries.remove(&hex(tag));
                return;
            }
        };
        if entries.len() < MOST || entries.contains_key(&hex(tag)) {
            entries.insert(hex(tag), entry);
        }
    }

    /// Writes the answers beside the file and moves them over it.
    pub fn save(&self) -> io::Result<()> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let text = serde_json::to_vec(&Saved { version: 1, entries })?;
        let beside = self.file.with_extension(format!("{}.new", std::process::id()));
        private::replace(&self.file, &beside, &[&text])
    }
}

/// A keyed hash of fields, each with its length: `ab` and `c` are not `a` and `bc`.
pub fn tag(key: &[u8; 32], fields: &[&[u8]]) -> Tag {
    let mut hasher = blake3::Hasher::new_keyed(key);
    for field in fields {
        hasher.update(&(field.len() as u64).to_le_bytes());
        hasher.update(field);
    }
    *hasher.finalize().as_bytes()
}

/// The machine's key, made when there is none; one that others can read is no key.
fn key(file: &Path) -> io::Result<[u8; 32]> {
    let mut key = [0; 32];
    random(&mut key)?;
    match private::options().write(true).create_new(true).open(file) {
        Ok(mut made) => {
            made.write_all(&key)?;
            return Ok(key);
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        Err(error) => return Err(error),
    }
    let mut known = Vec::new();
    let found = File::open(file)?;
    if private::is_open_to_others(&found)? {
        return Err(io::Error::other(format!("{} can be read by others: chmod 600", file.display())));
    }
    found.take(33).read_to_end(&mut known)?;
    known.try_into().map_err(|_| io::Error::other(format!("{} is no key: remove it", file.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_kept_for_their_time_and_hold_no_value() {
        let folder = tempfile::TempDir::new().unwrap();
        let open = |now| Cache::open(folder.path(), 60, now).unwrap();
        let (cache, value) = (open(1_000), b"a-value-of-a-test");
        let tag = cache.tag(&[b"acme.key", value]);
        let active = Validity::Active { identity: vec![("account".into(), "a".into())], scopes: Some("read".into()) };
        cache.put(&tag, &active);
        cache.put(&cache.tag(&[b"acme.key", b"other"]), &Validity::unknown(crate::finding::Doubt::Dns, "no"));
        cache.save().unwrap();
        assert_eq!(open(1_059).get(&tag), Some(active));
        assert_eq!(open(1_060).get(&tag), None);
        assert_eq!(open(10).get(&tag), None);
        let text = std::fs::read_to_string(folder.path().join("verify.json")).unwrap();
        assert!(!text.contains("a-value") && text.matches("until").count() == 1, "{text}");
        assert_ne!(
            Cache::open(tempfile::TempDir::new().unwrap().path(), 60, 0).unwrap().tag(&[b"acme.key", value]),
            tag
        );
    }

    #[test]
    #[cfg(unix)]
    fn the_key_is_for_its_owner_alone() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::TempDir::new().unwrap();
        Cache::open(folder.path(), 60, 0).unwrap().save().unwrap();
        for file in ["verify.key", "verify.json"] {
            let mode = std::fs::metadata(folder.path().join(file)).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{file}");
        }
        let key = folder.path().join("verify.key");
        std::fs::set_permissions(&key, PermissionsExt::from_mode(0o644)).unwrap();
        assert!(Cache::open(folder.path(), 60, 0).is_err_and(|error| error.to_string().contains("chmod 600")));
    }
}
