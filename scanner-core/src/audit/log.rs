//! A log as the rest of the program uses it: add an entry, ask for the permit to act, sign a checkpoint.

use super::entry::{Act, Entry};
use super::error::AuditError;
use super::files::Files;
use super::held::Held;
use super::keys::{Keys, run_id};
use super::note::Checkpoint;
use crate::private;
use crate::secret::hex;
use serde_json::Value;
use std::path::{Path, PathBuf};

/// How large a file grows before the next one begins, unless the settings say otherwise.
const MAX_BYTES: u64 = 64 << 20;

/// An audit log on disk. Any number of processes may write to it at once.
#[derive(Clone, Debug)]
pub struct Log {
    pub(super) files: Files,
    pub(super) actor: String,
    pub(super) run: String,
    pub(super) max_bytes: u64,
}

/// An entry that is on the disk.
#[derive(Clone, Debug)]
pub struct Written {
    /// The entry.
    pub entry: Entry,
    /// How many bytes of an entry that was never acknowledged a crash had left; they were taken off, and an entry says so.
    pub recovered: Option<u64>,
}

impl Log {
    /// The log in this file, which need not exist yet.
    pub fn new(path: impl Into<PathBuf>) -> Log {
        let files = Files { active: path.into() };
        Log { files, actor: "unknown".to_owned(), run: run_id(), max_bytes: MAX_BYTES }
    }

    /// The log of a repository: `stopleak/audit.jsonl` in its common folder.
    pub fn of_repository(common_dir: &Path) -> Log {
        Log::new(common_dir.join("stopleak").join("audit.jsonl"))
    }

    /// Names who acts.
    pub fn by(mut self, actor: impl Into<String>) -> Log {
        self.actor = actor.into();
        self
    }

    /// Lets a file grow this large.
    pub fn turning_at(mut self, bytes: u64) -> Log {
        self.max_bytes = bytes;
        self
    }

    /// The file that grows.
    pub fn path(&self) -> &Path {
        &self.files.active
    }

    /// Where the log's key is, unless another is named.
    pub fn key_path(&self) -> PathBuf {
        self.files.key()
    }

    /// Where the newest checkpoint is.
    pub fn checkpoint_path(&self) -> PathBuf {
        self.files.checkpoint()
    }

    /// The same, whose entries belong to this run.
    pub fn in_run(self, run: impl Into<String>) -> Log {
        Log { run: run.into(), ..self }
    }

    /// The run of the program that entries are written for.
    pub fn run(&self) -> &str {
        &self.run
    }

    /// Adds an entry at a time in seconds since 1970, and sees it onto the disk.
    pub fn append(&self, act: Act, now: i64) -> Result<Written, AuditError> {
        self.add(act, None, now)
    }

    fn add(&self, act: Act, of: Option<u64>, now: i64) -> Result<Written, AuditError> {
        let (entry, recovered) = Held::new(self)?.add(act, of, now)?;
        Ok(Written { entry, recovered })
    }

    /// Writes down what is about to be done. Without the permit nothing is done; whoever has it tells what came of it.
    pub fn begin(&self, act: Act, now: i64) -> Result<Permit<'_>, AuditError> {
        let Written { entry, recovered } = self.append(act.outcome("begun"), now)?;
        Ok(Permit { log: self, begun: entry, recovered })
    }

    /// Signs the log's length and root, and keeps that beside it; `None` for a log without entries.
    pub fn checkpoint(&self, keys: &Keys) -> Result<Option<(Checkpoint, String)>, AuditError> {
        let held = Held::new(self)?;
        if held.state.frontier.size() == 0 {
            return Ok(None);
        }
        let (size, root) = (held.state.frontier.size(), held.state.frontier.root());
        let checkpoint = Checkpoint { origin: origin(&held.state.origin), size, root };
        let note = keys.sign(&checkpoint);
        let path = self.files.checkpoint();
        // The log is held: no other process writes there.
        let new = path.with_extension("new");
        private::replace(&path, &new, &[note.as_bytes()]).map_err(AuditError::file(&path))?;
        Ok(Some((checkpoint, note)))
    }
}

/// How checkpoints name a log: by the hash of its first entry.
pub(super) fn origin(first: &[u8; 32]) -> String {
    format!("stopleak-audit/{}", &hex(first)[..32])
}

/// The right to do what an entry says is about to be done.
#[must_use = "what came of it must be written down"]
#[derive(Debug)]
pub struct Permit<'l> {
    log: &'l Log,
    begun: Entry,
    /// As in `Written`.
    pub recovered: Option<u64>,
}

impl Permit<'_> {
    /// The entry's number.
    pub fn number(&self) -> u64 {
        self.begun.number
    }

    /// Tells what came of it, in an entry that names the first one.
    pub fn end(self, outcome: &str, details: Value, now: i64) -> Result<Written, AuditError> {
        let Entry { action, subjects, request, number, .. } = self.begun;
        let act = Act { action, subjects, request, outcome: outcome.to_owned(), details };
        self.log.add(act, Some(number), now)
    }
}
