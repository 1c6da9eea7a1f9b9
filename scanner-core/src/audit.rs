//! The record of what was passed, and why: an append-only file of JSON Lines in which every entry names the SHA-256 of the
//! entry before it, so that nothing inside can be changed or taken out unnoticed.
//!
//! What is cut off at the end shows only against a hash that was kept elsewhere (`verify` prints it).

use crate::time::rfc3339;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What stands before the first entry.
const NOTHING: &str = "0000000000000000000000000000000000000000000000000000000000000000";
/// How long another process may hold the log.
const PATIENCE: Duration = Duration::from_secs(2);
/// A lock this old was left by a process that is gone.
const STALE: Duration = Duration::from_secs(30);
/// An entry is one line; nobody writes longer ones.
const MAX_LINE: u64 = 16 << 20;

/// One entry.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Counts from 1.
    pub number: u64,
    /// When it was written, in UTC.
    pub time: String,
    /// What happened: `bypass`, `timeout`.
    pub event: String,
    /// Who did it, as far as the system tells.
    pub who: String,
    /// All about it; no secret.
    pub details: serde_json::Value,
    /// The SHA-256 of the line before, without its line break; zeros for the first.
    pub previous: String,
}

/// Why the log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AuditError {
    /// The file cannot be read or written.
    #[error("cannot use the audit log {}: {error}", path.display())]
    File { path: PathBuf, error: io::Error },
    /// Another process holds it.
    #[error("the audit log {} is in use: remove {} if nothing runs", path.display(), lock.display())]
    Locked { path: PathBuf, lock: PathBuf },
    /// An entry is not what was written.
    #[error("the audit log {} is broken at line {line}: {problem}", path.display())]
    Broken { path: PathBuf, line: u64, problem: String },
}

/// An audit log on disk.
#[derive(Clone, Debug)]
pub struct Log {
    path: PathBuf,
}

/// What a log that holds together ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// How many entries there are.
    pub entries: u64,
    /// The SHA-256 of the last one; zeros when there is none.
    pub hash: String,
}

impl Log {
    /// The log in this file, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Log {
        Log { path: path.into() }
    }

    /// The log of a repository: `stopleak/audit.jsonl` in its common folder.
    pub fn of_repository(common_dir: &Path) -> Log {
        Log::new(common_dir.join("stopleak").join("audit.jsonl"))
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Adds an entry at a time in seconds since 1970, and sees it onto the disk.
    pub fn append(&self, event: &str, who: &str, details: serde_json::Value, now: i64) -> Result<Entry, AuditError> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(|error| self.file(error))?;
        let _lock = self.lock()?;
        let mut file = OpenOptions::new().read(true).append(true).create(true).open(&self.path);
        let file = file.as_mut().map_err(|error| self.file(io::Error::new(error.kind(), error.to_string())))?;
        let last = self.last(file)?;
        let (number, previous) = match &last {
            Some((entry, line)) => (entry.number + 1, hash(line)),
            None => (1, NOTHING.to_owned()),
        };
        let (event, who) = (event.to_owned(), who.to_owned());
        let entry = Entry { number, time: rfc3339(now), event, who, details, previous };
        let mut line = serde_json::to_vec(&entry).expect("texts and numbers are always JSON");
        line.push(b'\n');
        file.write_all(&line).and_then(|()| file.sync_data()).map_err(|error| self.file(error))?;
        Ok(entry)
    }

    /// Every entry, after the whole chain was checked.
    pub fn entries(&self) -> Result<Vec<Entry>, AuditError> {
        self.read().map(|(entries, _)| entries)
    }

    /// Checks the whole chain.
    pub fn verify(&self) -> Result<Head, AuditError> {
        let (entries, hash) = self.read()?;
        Ok(Head { entries: entries.len() as u64, hash })
    }

    /// The hash of every entry in turn: one that was kept elsewhere must be among them.
    pub fn hashes(&self) -> Result<Vec<String>, AuditError> {
        let (entries, head) = self.read()?;
        Ok(entries.into_iter().skip(1).map(|entry| entry.previous).chain([head]).collect())
    }

    fn read(&self) -> Result<(Vec<Entry>, String), AuditError> {
        let text = match std::fs::read(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(self.file(error)),
        };
        let (mut entries, mut previous) = (Vec::new(), NOTHING.to_owned());
        for (number, line) in (1..).zip(text.split_inclusive(|byte| *byte == b'\n')) {
            let broken = |problem: &str| self.broken(number, problem);
            let line = line.strip_suffix(b"\n").ok_or_else(|| broken("the entry was cut short"))?;
            let entry: Entry = serde_json::from_slice(line).map_err(|error| broken(&error.to_string()))?;
            if entry.number != number {
                return Err(broken(&format!("it holds entry {}", entry.number)));
            }
            if entry.previous != previous {
                return Err(broken("the entry before it is not the one it was written after"));
            }
            previous = hash(line);
            entries.push(entry);
        }
        Ok((entries, previous))
    }

    /// The last entry and its line.
    fn last(&self, file: &mut File) -> Result<Option<(Entry, Vec<u8>)>, AuditError> {
        let len = file.seek(SeekFrom::End(0)).map_err(|error| self.file(error))?;
        let mut size = 4096u64;
        loop {
            let start = len.saturating_sub(size);
            let mut tail = Vec::new();
            let read = file.seek(SeekFrom::Start(start)).and_then(|_| file.read_to_end(&mut tail));
            read.map_err(|error| self.file(error))?;
            if tail.is_empty() {
                return Ok(None);
            }
            let broken = |problem: &str| self.broken_at_end(problem);
            let tail = tail.strip_suffix(b"\n").ok_or_else(|| broken("the last entry was cut short"))?;
            let line = match memchr::memrchr(b'\n', tail) {
                Some(at) => &tail[at + 1..],
                None if start == 0 => tail,
                None if size < MAX_LINE => {
                    size *= 4;
                    continue;
                }
                None => return Err(broken("the last entry is too long")),
            };
            let entry = serde_json::from_slice(line).map_err(|error| broken(&error.to_string()))?;
            return Ok(Some((entry, line.to_vec())));
        }
    }

    /// Holds the log for one writer: a file beside it that only one process can make.
    fn lock(&self) -> Result<Lock, AuditError> {
        let mut name = self.path.as_os_str().to_owned();
        name.push(".lock");
        let lock = PathBuf::from(name);
        let started = Instant::now();
        loop {
            match OpenOptions::new().write(true).create_new(true).open(&lock) {
                Ok(_) => return Ok(Lock(lock)),
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(self.file(error)),
                Err(_) if is_stale(&lock) => _ = std::fs::remove_file(&lock),
                Err(_) if started.elapsed() > PATIENCE => {
                    return Err(AuditError::Locked { path: self.path.clone(), lock });
                }
                Err(_) => std::thread::sleep(Duration::from_millis(10)),
            }
        }
    }

    fn file(&self, error: io::Error) -> AuditError {
        AuditError::File { path: self.path.clone(), error }
    }

    fn broken(&self, line: u64, problem: &str) -> AuditError {
        AuditError::Broken { path: self.path.clone(), line, problem: problem.to_owned() }
    }

    fn broken_at_end(&self, problem: &str) -> AuditError {
        let lines = std::fs::read(&self.path).map_or(0, |text| memchr::memchr_iter(b'\n', &text).count() as u64);
        self.broken(lines.max(1), problem)
    }
}

/// Removed when it is dropped.
struct Lock(PathBuf);

impl Drop for Lock {
    fn drop(&mut self) {
        // A lock that stays is taken for stale later.
        let _ = std::fs::remove_file(&self.0);
    }
}

fn is_stale(lock: &Path) -> bool {
    let age = std::fs::metadata(lock).and_then(|data| data.modified()).ok().and_then(|made| made.elapsed().ok());
    age.is_some_and(|age| age > STALE)
}

fn hash(line: &[u8]) -> String {
    Sha256::digest(line).iter().map(|byte| format!("{byte:02x}")).collect()
}
