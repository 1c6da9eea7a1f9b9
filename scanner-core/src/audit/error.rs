//! Why the log cannot be used.

use std::io;
use std::path::{Path, PathBuf};

/// Why the log cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AuditError {
    /// A file cannot be read or written.
    #[error("cannot use the audit log {}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Another process holds it.
    #[error("the audit log {} is in use by another process", path.display())]
    Locked {
        /// The log.
        path: PathBuf,
    },
    /// An entry is not what was written, or is not there.
    #[error("the audit log {} is broken at entry {entry}: {problem}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// The entry's number.
        entry: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// The key cannot be used.
    #[error("cannot use the audit key {}: {problem}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// What was to be written is no entry.
    #[error("this cannot be an entry of the audit log: {0}")]
    Entry(String),
    /// A checkpoint or a proof cannot be read or does not hold.
    #[error("{0}")]
    Proof(String),
}

impl AuditError {
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> AuditError {
        let path = path.to_owned();
        move |error| AuditError::File { path, error }
    }

    pub(super) fn broken(path: &Path, entry: u64, problem: impl Into<String>) -> AuditError {
        AuditError::Broken { path: path.to_owned(), entry, problem: problem.into() }
    }
}
