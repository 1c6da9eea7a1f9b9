//! The store's own key: with it a secret has one name over all repositories, without it nobody can test a guess.

use crate::finding::Finding;
use crate::private;
use crate::secret::{from_hex, hex};
use std::fmt;
use std::io::{Read, Write};
use std::path::Path;
use zeroize::Zeroizing;

/// A key kept outside the database.
pub struct StoreKey(Zeroizing<[u8; 32]>);

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// Not 64 hex digits.
    #[error("the store's key is no text of 64 hex digits")]
    Malformed,
    /// The file cannot be read or made.
    #[error("cannot use the store's key in {path}: {error}")]
    File {
        /// The file.
        path: String,
        /// The system's reason.
        error: std::io::Error,
    },
}

impl StoreKey {
    /// Reads 64 hex digits.
    pub fn parse(text: &str) -> Result<StoreKey, KeyError> {
        let digits = Zeroizing::new(text.trim().to_ascii_lowercase());
        from_hex(&digits).map(|key| StoreKey(Zeroizing::new(key))).ok_or(KeyError::Malformed)
    }

    /// The key in a file that nobody else may read; `random` makes one when there is none.
    pub fn in_file(
        path: &Path,
        random: impl FnOnce(&mut [u8; 32]) -> std::io::Result<()>,
    ) -> Result<StoreKey, KeyError> {
        let failed = |error| KeyError::File { path: path.display().to_string(), error };
        // One that is there may be on a disk that cannot be written.
        match std::fs::read_to_string(path).map(Zeroizing::new) {
            Ok(text) if !text.is_empty() => return StoreKey::parse(&text),
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let mut file = private::options().read(true).write(true).create(true).open(path).map_err(failed)?;
        // Of two that start at once, one writes and the other waits and reads.
        file.lock().map_err(failed)?;
        let mut text = Zeroizing::new(String::new());
        (&mut file).take(4096).read_to_string(&mut text).map_err(failed)?;
        if !text.is_empty() {
            return StoreKey::parse(&text);
        }
        let mut key = Zeroizing::new([0; 32]);
        random(&mut key).map_err(failed)?;
        let text = Zeroizing::new(hex(&*key));
        file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
        Ok(StoreKey(key))
    }

    /// Names a finding's secret: 128 bits that say nothing to who does not hold the key.
    pub fn tag(&self, finding: &Finding) -> String {
        let is_guessable = finding.fingerprint.as_str().starts_with("g1:");
        let name = if is_guessable { finding.key.to_ascii_lowercase() } else { String::new() };
        self.hash("finding", &[finding.rule.id.as_bytes(), name.as_bytes(), finding.secret.expose()])
    }

    /// What tells one key from another.
    pub fn check(&self) -> String {
        self.hash("check", &[])
    }

    fn hash(&self, context: &str, fields: &[&[u8]]) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.0);
        for field in std::iter::once(&context.as_bytes()).chain(fields) {
            hasher.update(&(field.len() as u64).to_le_bytes());
            hasher.update(field);
        }
        hasher.finalize().to_hex()[..32].to_owned()
    }
}

impl fmt::Debug for StoreKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StoreKey(…)")
    }
}
