//! The journal of one run: what was about to be done and what came of it, on the disk before the next step.
//!
//! One JSON object a line. A last line without its end was never acknowledged and counts as not written.

use super::outcome::Outcome;
use super::plan::Plan;
use super::responder::Act;
use super::target::Facts;
use crate::private;
use crate::time::{now, rfc3339};
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// One thing that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Record {
    /// The run began with this plan.
    Begun {
        /// What it carries out.
        plan: Plan,
    },
    /// A change is about to be made.
    Intent {
        /// The task's place in the plan.
        task: usize,
        /// What.
        act: Act,
        /// What was read before, to tell afterwards whether it was made.
        before: Facts,
    },
    /// What came of a step.
    Result {
        /// The task's place in the plan.
        task: usize,
        /// What.
        act: Act,
        /// How it ended.
        result: Ended,
        /// What is worth keeping.
        facts: Facts,
    },
    /// The task is given up: what it made is undone, then this is its outcome.
    GivingUp {
        /// The task's place in the plan.
        task: usize,
        /// What will have come of it.
        outcome: Outcome,
    },
    /// A task has come to an end.
    Outcome {
        /// The task's place in the plan.
        task: usize,
        /// What came of it.
        outcome: Outcome,
    },
    /// Somebody decided that the run is not to be taken up again.
    Abandoned {
        /// Why.
        reason: String,
    },
}

/// How a step ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Ended {
    /// Done.
    Done,
    /// Nothing was changed.
    NotDone(String),
    /// A credential was made whose value nobody has.
    Orphan(String),
}

/// Takes records, each on the disk when the call returns. The seam where tests end the process.
pub trait Append {
    /// Adds one record.
    fn append(&mut self, record: &Record) -> Result<(), JournalError>;
}

/// Why a journal cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file cannot be read or written.
    #[error("cannot use the journal {}: {error}", path.display())]
    File {
        /// The journal.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// A line is not what was written.
    #[error("the journal {} is broken at line {line}: {problem}", path.display())]
    Broken {
        /// The journal.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong with it.
        problem: String,
    },
    /// Another process carries the run out.
    #[error("the run of {} is being carried out by another process", .0.display())]
    Held(PathBuf),
    /// A record would have shown a secret.
    #[error("a record of `{0}` would have held a secret: nothing was written")]
    Secret(String),
}

#[derive(Serialize)]
struct LineOut<'a> {
    number: usize,
    time: String,
    #[serde(flatten)]
    record: &'a Record,
}

#[derive(Deserialize)]
struct LineIn {
    number: usize,
    time: String,
    #[serde(flatten)]
    record: Record,
}

/// A journal on the disk.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    next: usize,
    now: fn() -> i64,
}

/// A journal as read: when each record was written, and the record.
pub type Records = Vec<(String, Record)>;

impl Journal {
    /// Where a run's journal stands in the folder of runs.
    pub fn path_of(folder: &Path, run: &str) -> PathBuf {
        folder.join(format!("{run}.jsonl"))
    }

    /// Begins the journal of a run, which must not exist; the folder is made.
    pub fn begin(folder: &Path, plan: &Plan) -> Result<Journal, JournalError> {
        let path = Journal::path_of(folder, &plan.run);
        let fail = |error| JournalError::File { path: path.clone(), error };
        make_private(folder).map_err(fail)?;
        let file = private::options().create_new(true).append(true).open(&path).map_err(fail)?;
        // The name must survive a crash as well as the text.
        private::sync_folder(folder).map_err(fail)?;
        hold(&path, &file)?;
        let mut journal = Journal { path, file, next: 1, now };
        journal.append(&Record::Begun { plan: plan.clone() })?;
        Ok(journal)
    }

    /// Opens a run's journal to go on with it, with what it holds.
    pub fn resume(folder: &Path, run: &str) -> Result<(Journal, Records), JournalError> {
        let path = Journal::path_of(folder, run);
        let fail = |error| JournalError::File { path: path.clone(), error };
        let mut file = OpenOptions::new().read(true).append(true).open(&path).map_err(fail)?;
        hold(&path, &file)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(fail)?;
        let whole = memchr::memrchr(b'\n', &text).map_or(0, |at| at + 1);
        if whole < text.len() {
            file.set_len(whole as u64).and_then(|()| file.sync_all()).map_err(fail)?;
            file.seek(SeekFrom::End(0)).map_err(fail)?;
        }
        let records = parse(&path, &text[..whole])?;
        let next = records.len() + 1;
        Ok((Journal { path, file, next, now }, records))
    }

    /// What a run's journal holds.
    pub fn read(folder: &Path, run: &str) -> Result<Records, JournalError> {
        let path = Journal::path_of(folder, run);
        let text = std::fs::read(&path).map_err(|error| JournalError::File { path: path.clone(), error })?;
        let whole = memchr::memrchr(b'\n', &text).map_or(0, |at| at + 1);
        parse(&path, &text[..whole])
    }

    /// The runs in a folder, oldest first.
    pub fn runs(folder: &Path) -> Vec<String> {
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let name = |entry: std::fs::DirEntry| Some(entry.file_name().to_str()?.strip_suffix(".jsonl")?.to_owned());
        let mut runs: Vec<String> = entries.flatten().filter_map(name).collect();
        runs.sort();
        runs
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Append for Journal {
    fn append(&mut self, record: &Record) -> Result<(), JournalError> {
        let line = LineOut { number: self.next, time: rfc3339((self.now)()), record };
        let mut text = serde_json::to_vec(&line).expect("texts and numbers are always JSON");
        text.push(b'\n');
        let written = self.file.write_all(&text).and_then(|()| self.file.sync_data());
        written.map_err(|error| JournalError::File { path: self.path.clone(), error })?;
        self.next += 1;
        Ok(())
    }
}

/// One process carries a run out; the system lets go of the file when it ends, however it ends.
fn hold(path: &Path, file: &File) -> Result<(), JournalError> {
    match file.try_lock() {
        Ok(()) => Ok(()),
        Err(TryLockError::WouldBlock) => Err(JournalError::Held(path.to_owned())),
        Err(TryLockError::Error(error)) => Err(JournalError::File { path: path.to_owned(), error }),
    }
}

fn parse(path: &Path, text: &[u8]) -> Result<Records, JournalError> {
    let mut records = Vec::new();
    for (index, line) in text.split_inclusive(|byte| *byte == b'\n').enumerate() {
        let broken = |problem: String| JournalError::Broken { path: path.to_owned(), line: index + 1, problem };
        let line: LineIn = serde_json::from_slice(line).map_err(|error| broken(error.to_string()))?;
        if line.number != index + 1 {
            return Err(broken(format!("it holds record {}", line.number)));
        }
        records.push((line.time, line.record));
    }
    match records.first() {
        Some((_, Record::Begun { .. })) => Ok(records),
        _ => Err(JournalError::Broken { path: path.to_owned(), line: 1, problem: "it begins with no plan".into() }),
    }
}

/// A name for a new run: when it began, and enough chance that no two are the same.
pub fn run_name(now: i64) -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut random = [0u8; 4];
    if crate::secret::random(&mut random).is_err() {
        let count = COUNT.fetch_add(1, Ordering::Relaxed) as u32;
        random = (std::process::id().wrapping_mul(31).wrapping_add(count)).to_le_bytes();
    }
    let time: String = rfc3339(now).chars().filter(|c| c.is_ascii_alphanumeric()).collect();
    format!("{time}-{:08x}", u32::from_le_bytes(random))
}

/// A folder nobody else can look into.
pub(super) fn make_private(folder: &Path) -> io::Result<()> {
    std::fs::create_dir_all(folder)?;
    #[cfg(unix)]
    std::fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
    Ok(())
}
