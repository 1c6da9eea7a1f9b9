//! The files of a log: the one that grows, those that are full, and what stands beside them.

use super::error::AuditError;
use std::path::{Path, PathBuf};

/// `audit.jsonl` grows; `audit-000000000001.jsonl` is full and begins with entry 1.
#[derive(Clone, Debug)]
pub(super) struct Files {
    /// The one that grows.
    pub active: PathBuf,
}

impl Files {
    /// The frontier of the tree; processes lock it.
    pub fn tree(&self) -> PathBuf {
        self.beside(".tree")
    }

    /// The newest checkpoint.
    pub fn checkpoint(&self) -> PathBuf {
        self.beside(".checkpoint")
    }

    /// The key, unless another is named.
    pub fn key(&self) -> PathBuf {
        self.beside(".key")
    }

    fn beside(&self, ending: &str) -> PathBuf {
        let mut name = self.active.as_os_str().to_owned();
        name.push(ending);
        PathBuf::from(name)
    }

    /// The full file that begins with this entry.
    pub fn full(&self, first: u64) -> PathBuf {
        let (stem, ending) = self.name();
        self.active.with_file_name(format!("{stem}-{first:012}{ending}"))
    }

    /// The folder all of them are in.
    pub fn folder(&self) -> &Path {
        match self.active.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        }
    }

    fn name(&self) -> (String, String) {
        let text = |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
        let ending = self.active.extension().map_or(String::new(), |ending| format!(".{}", ending.to_string_lossy()));
        (text(self.active.file_stem()), ending)
    }

    /// The full files with their first entries, in order.
    pub fn list(&self) -> Result<Vec<(u64, PathBuf)>, AuditError> {
        let folder = self.folder();
        let entries = match std::fs::read_dir(folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(AuditError::file(folder)(error)),
        };
        let (stem, ending) = self.name();
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(AuditError::file(folder))?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let digits = name.strip_prefix(&format!("{stem}-")).and_then(|rest| rest.strip_suffix(&ending));
            let first = digits.filter(|digits| digits.len() >= 12).and_then(|digits| digits.parse().ok());
            found.extend(first.map(|first| (first, entry.path())));
        }
        found.sort();
        Ok(found)
    }
}
