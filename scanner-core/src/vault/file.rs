//! A vault for those who have none: one encrypted file, in the format of age, opened by a passphrase or an identity.
//!
//! Writers take turns by a lock beside it; a new content replaces the file whole, so that a crash leaves the old one.

use super::age::{self, AgeError, Opener};
use super::talk::strange;
use super::{Entry, Fields, Vault, VaultError, Version};
use crate::private;
use crate::secret::Secret;
use crate::time::now;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;
use zeroize::{Zeroize, Zeroizing};

/// How long a writer waits for another one.
const PATIENCE: Duration = Duration::from_secs(10);
/// What age itself takes: about a second for each guess.
pub const USUAL_WORK: u8 = 18;

/// What opens the file.
pub enum Unlock {
    /// A passphrase, and the work factor of what is written (`USUAL_WORK`).
    Passphrase(Secret, u8),
    /// A file as `age-keygen` writes it: its content.
    Identities(Secret),
}

/// A vault in a file; a missing file is an empty vault.
pub struct LocalFile {
    path: PathBuf,
    opener: Opener,
}

#[derive(Default, Serialize, Deserialize)]
struct Content {
    version: u32,
    entries: BTreeMap<String, Kept>,
}

#[derive(Default, Serialize, Deserialize)]
struct Kept {
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    notes: BTreeMap<String, String>,
    versions: Vec<KeptVersion>,
}

#[derive(Serialize, Deserialize)]
struct KeptVersion {
    id: u64,
    created: i64,
    #[serde(default)]
    retired: bool,
    fields: BTreeMap<String, KeptValue>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KeptValue {
    Text(String),
    Base64(String),
}

impl Drop for KeptValue {
    fn drop(&mut self) {
        match self {
            KeptValue::Text(text) | KeptValue::Base64(text) => text.zeroize(),
        }
    }
}

impl KeptValue {
    fn new(value: &Secret) -> KeptValue {
        match std::str::from_utf8(value.expose()) {
            Ok(text) => KeptValue::Text(text.to_owned()),
            Err(_) => KeptValue::Base64(STANDARD.encode(value.expose())),
        }
    }

    fn secret(&self) -> Option<Secret> {
        match self {
            KeptValue::Text(text) => Some(Secret::new(text.as_bytes())),
            KeptValue::Base64(text) => STANDARD.decode(text).ok().map(|bytes| Secret::new(&Zeroizing::new(bytes))),
        }
    }
}

impl LocalFile {
    /// The vault at `path`; a file that is there must open.
    pub fn open(path: &Path, unlock: &Unlock) -> Result<LocalFile, VaultError> {
        let opener = match unlock {
            Unlock::Passphrase(passphrase, work) => {
                let text = std::str::from_utf8(passphrase.expose());
                let text = text.map_err(|_| VaultError::Other("the passphrase is no text".into()))?;
                Opener::Passphrase(text.to_owned().into(), *work)
            }
            Unlock::Identities(text) => {
                std::str::from_utf8(text.expose()).ok().and_then(Opener::identities).ok_or_else(|| {
                    VaultError::Other("the file of identities holds no AGE-SECRET-KEY-1 or one that is damaged".into())
                })?
            }
        };
        let vault = LocalFile { path: path.to_owned(), opener };
        vault.content()?;
        Ok(vault)
    }

    fn shown(&self) -> String {
        self.path.display().to_string()
    }

    fn content(&self) -> Result<Content, VaultError> {
        let sealed = match fs::read(&self.path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                return Ok(Content { version: 1, ..Content::default() });
            }
            Err(error) => return Err(VaultError::Unavailable(format!("cannot read {}: {error}", self.shown()))),
            Ok(sealed) => sealed,
        };
        let plain = age::decrypt(&sealed, &self.opener).map_err(|error| self.cannot_open(&error))?;
        // What the parser says may hold a piece of a value.
        let content: Content = serde_json::from_slice(&plain).map_err(|_| strange(&self.shown()))?;
        match content.version {
            1 => Ok(content),
            other => Err(VaultError::Other(format!("{} has version {other}, this stopleak reads 1", self.shown()))),
        }
    }

    fn cannot_open(&self, error: &AgeError) -> VaultError {
        let path = self.shown();
        match error {
            AgeError::Locked => VaultError::Denied(format!("{path} does not open with this passphrase or identity")),
            AgeError::Damaged(what) => VaultError::Other(format!("{path} cannot be opened: {what}")),
        }
    }

    /// The turn to write; it ends with the process that has it.
    fn lock(&self) -> Result<File, VaultError> {
        let lock = self.beside(".lock");
        let failed = |error| VaultError::Denied(format!("cannot write {}: {error}", lock.display()));
        let file = private::options().write(true).create(true).truncate(false).open(&lock).map_err(failed)?;
        match private::wait(|| file.try_lock(), PATIENCE).map_err(failed)? {
            true => Ok(file),
            false => Err(VaultError::Unavailable(format!("somebody else writes {}", self.shown()))),
        }
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(ending);
        PathBuf::from(name)
    }

    /// Changes the content while nobody else does.
    fn change<T>(&self, act: impl FnOnce(&mut Content) -> Result<T, VaultError>) -> Result<T, VaultError> {
        let _lock = self.lock()?;
        let mut content = self.content()?;
        let done = act(&mut content)?;
        let plain = Zeroizing::new(serde_json::to_vec(&content).map_err(|_| strange(&self.shown()))?);
        let sealed = age::encrypt(&plain, &self.opener).map_err(|error| self.cannot_open(&error))?;
        private::replace(&self.path, &self.beside(".new"), &[&sealed])
            .map_err(|error| VaultError::Unanswered(format!("cannot write {}: {error}", self.shown())))?;
        Ok(done)
    }
}

fn entry<'c>(content: &'c Content, path: &str) -> Result<&'c Kept, VaultError> {
    content.entries.get(path).ok_or_else(|| VaultError::Absent(path.to_owned()))
}

impl Kept {
    fn current(&self) -> Option<u64> {
        self.versions.iter().map(|version| version.id).max()
    }
}

impl Vault for LocalFile {
    fn name(&self) -> String {
        format!("file {}", self.shown())
    }

    fn list(&self) -> Result<Vec<String>, VaultError> {
        Ok(self.content()?.entries.into_keys().collect())
    }

    fn versions(&self, path: &str) -> Result<Vec<Version>, VaultError> {
        let content = self.content()?;
        let kept = entry(&content, path)?;
        let current = kept.current();
        let version = |version: &KeptVersion| Version {
            id: version.id.to_string(),
            created: Some(version.created),
            is_current: Some(version.id) == current,
            is_readable: !version.retired,
        };
        Ok(kept.versions.iter().map(version).collect())
    }

    fn read(&self, path: &str, version: Option<&str>) -> Result<Entry, VaultError> {
        let content = self.content()?;
        let kept = entry(&content, path)?;
        let id = match version {
            Some(version) => version.parse().ok(),
            None => kept.current(),
        };
        let found = kept.versions.iter().find(|version| Some(version.id) == id && !version.retired);
        let found = found.ok_or_else(|| match version {
            Some(version) => VaultError::Absent(format!("{path}, version {version}")),
            None => VaultError::Absent(path.to_owned()),
        })?;
        let field = |(name, value): (&String, &KeptValue)| Some((name.clone(), value.secret()?));
        let fields = found.fields.iter().map(field).collect::<Option<Fields>>().ok_or_else(|| strange(path))?;
        Ok(Entry { version: found.id.to_string(), fields })
    }

    fn can_write(&self, path: &str) -> Result<(), VaultError> {
        super::talk::checked(path)?;
        self.lock().map(|_| ())
    }

    fn write_if_version(&self, path: &str, fields: &Fields, expected: Option<&str>) -> Result<String, VaultError> {
        super::talk::checked(path)?;
        self.change(|content| {
            let kept = content.entries.entry(path.to_owned()).or_default();
            let current = kept.current();
            if current.map(|id| id.to_string()).as_deref() != expected {
                return Err(VaultError::Conflict { path: path.to_owned() });
            }
            let id = current.unwrap_or(0) + 1;
            let fields = fields.iter().map(|(name, value)| (name.clone(), KeptValue::new(value))).collect();
            kept.versions.push(KeptVersion { id, created: now(), retired: false, fields });
            Ok(id.to_string())
        })
    }

    fn retire(&self, path: &str, version: &str) -> Result<(), VaultError> {
        self.change(|content| {
            let absent = || VaultError::Absent(format!("{path}, version {version}"));
            let kept = content.entries.get_mut(path).ok_or_else(absent)?;
            let current = kept.current();
            let found = kept.versions.iter_mut().find(|known| known.id.to_string() == version).ok_or_else(absent)?;
            if Some(found.id) == current {
                return Err(VaultError::Other(format!("{path}: version {version} is the current one")));
            }
            found.retired = true;
            Ok(())
        })
    }

    fn annotate(&self, path: &str, notes: &BTreeMap<String, String>) -> Result<(), VaultError> {
        self.change(|content| {
            let kept = content.entries.get_mut(path).ok_or_else(|| VaultError::Absent(path.to_owned()))?;
            kept.notes.extend(notes.iter().map(|(name, note)| (name.clone(), note.clone())));
            Ok(())
        })
    }
}
