//! Where secrets are kept: one contract for every kind of vault, version by version.

mod age;
mod random;
mod shape;
mod talk;

pub mod aws;
pub mod azure;
pub mod conjur;
pub mod file;
pub mod gcp;
pub mod hashicorp;
pub mod index;
pub mod kubernetes;
pub mod several;
pub mod status;

pub use talk::Wire;

use crate::secret::Secret;
use std::collections::BTreeMap;

/// A vault that holds entries; each entry has versions, each version has fields.
///
/// Everything that changes something does it once: nothing is repeated after an answer that never came.
pub trait Vault: Send + Sync {
    /// What kind and where, without credentials: `vault https://vault.example:8200 secret/`.
    fn name(&self) -> String;

    /// Paths of all readable entries, sorted.
    fn list(&self) -> Result<Vec<String>, VaultError>;

    /// The versions of an entry, oldest first.
    fn versions(&self, path: &str) -> Result<Vec<Version>, VaultError>;

    /// The fields of a version, of the current one for `None`.
    fn read(&self, path: &str, version: Option<&str>) -> Result<Entry, VaultError>;

    /// Whether `write_if_version` would be allowed, as far as can be told without writing.
    fn can_write(&self, path: &str) -> Result<(), VaultError>;

    /// Writes a new version whose fields are these, if `expected` is still the current one (`None`: if there is no entry
    /// yet); the new version's name. `VaultError::Conflict` when somebody else was faster.
    fn write_if_version(&self, path: &str, fields: &Fields, expected: Option<&str>) -> Result<String, VaultError>;

    /// Old versions that the next write would end, since the vault keeps no more of them.
    fn pushed_out(&self, path: &str) -> Result<Vec<String>, VaultError> {
        let _ = path;
        Ok(Vec::new())
    }

    /// Makes an old version unreadable, in the way that can be taken back where the vault has one. The current one is
    /// refused.
    fn retire(&self, path: &str, version: &str) -> Result<(), VaultError>;

    /// Notes about an entry (`leak_finding`, `rotated_at`) beside its values; never a secret.
    fn annotate(&self, path: &str, notes: &BTreeMap<String, String>) -> Result<(), VaultError>;
}

/// The values of one version by name; a value that is no text is its JSON.
pub type Fields = BTreeMap<String, Secret>;

/// One version as read.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name: a number, an id.
    pub version: String,
    /// Its values.
    pub fields: Fields,
}

/// One version, without its values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// A number, an id.
    pub id: String,
    /// When it was written, in seconds since 1970, if the vault tells.
    pub created: Option<i64>,
    /// Whether it is the one that is read by default.
    pub is_current: bool,
    /// Whether it can still be read.
    pub is_readable: bool,
}

/// Why a vault did not do it. No message holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// Neither entry nor version is there, or they are hidden.
    #[error("{0} is not there")]
    Absent(String),
    /// The version that was expected is not the current one: somebody else wrote.
    #[error("{path} was changed by somebody else")]
    Conflict {
        /// Of the entry.
        path: String,
    },
    /// The login is refused, or may not do this.
    #[error("{0}")]
    Denied(String),
    /// Sealed, in standby, overloaded: nothing was done, and it may work later.
    #[error("{0}")]
    Unavailable(String),
    /// The vault has no way to do it: no versions, no check of them.
    #[error("{0}")]
    Unsupported(String),
    /// No answer: for a change nobody knows whether it was made; read before anything else.
    #[error("{0}")]
    Unanswered(String),
    /// An answer that makes no sense, or settings that cannot be used.
    #[error("{0}")]
    Other(String),
}
