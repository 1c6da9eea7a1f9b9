//! A log held for one writer: its state brought up to date, what a crash left put right, entries added.

use super::entry::{Act, Entry, Place};
use super::error::AuditError;
use super::files::Files;
use super::log::Log;
use super::note::Checkpoint;
use super::state::State;
use super::walk::{tail, walk};
use crate::private::{self, sync_folder};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::time::Duration;

/// How long other processes may hold the log.
const PATIENCE: Duration = Duration::from_secs(20);

/// A log that no other process writes to until this is dropped.
pub(super) struct Held<'l> {
    log: &'l Log,
    files: &'l Files,
    tree: File,
    pub state: State,
    /// The end of a line that a crash cut short: it is taken off, and an entry says so.
    torn: Option<u64>,
}

impl<'l> Held<'l> {
    /// Waits for the log, and sees that it can be added to.
    pub fn new(log: &'l Log) -> Result<Held<'l>, AuditError> {
        let files = &log.files;
        std::fs::create_dir_all(files.folder()).map_err(AuditError::file(files.folder()))?;
        let path = files.tree();
        let mut tree =
            private::options().read(true).write(true).create(true).open(&path).map_err(AuditError::file(&path))?;
        wait(|| tree.try_lock(), &files.active)?;
        let kept = State::read(&mut tree).map_err(AuditError::file(&path))?;
        let mut held = Held { log, files, tree, state: State::default(), torn: None };
        match kept {
            Some(state) => held.catch_up(state)?,
            None => held.rebuild()?,
        }
        Ok(held)
    }

    /// Goes on from what was kept: mostly there is nothing to read.
    fn catch_up(&mut self, state: State) -> Result<(), AuditError> {
        self.state = state;
        let full = self.files.full(self.state.first);
        match length(&full)? {
            None => {}
            // A crash after the file was put aside, before that was written down.
            Some(bytes) if bytes == self.state.bytes => self.state.turn(),
            Some(_) => return self.rebuild(),
        }
        let bytes = length(&self.files.active)?.unwrap_or(0);
        if bytes < self.state.bytes {
            let problem = format!("entries were cut off: {bytes} bytes are left of {}", self.state.bytes);
            return Err(AuditError::broken(&self.files.active, self.state.frontier.size(), problem));
        }
        match bytes > self.state.bytes {
            true => self.finish_tail(),
            false => Ok(()),
        }
    }

    /// Reads all entries, and compares with the checkpoint beside them.
    fn rebuild(&mut self) -> Result<(), AuditError> {
        let path = self.files.checkpoint();
        let kept = match std::fs::read_to_string(&path) {
            Ok(text) => Some(Checkpoint::glance(&text)?),
            Err(error) if error.kind() == ErrorKind::NotFound => None,
            Err(error) => return Err(AuditError::file(&path)(error)),
        };
        let mut then = None;
        let walked = walk(self.files, &mut |_, state| {
            if kept.as_ref().is_some_and(|kept| kept.size == state.frontier.size()) {
                then = Some(state.frontier.root());
            }
        })?;
        if let Some(kept) = kept
            && then != Some(kept.root)
        {
            let problem = "the checkpoint beside the log tells of other entries";
            return Err(AuditError::broken(&self.files.active, kept.size, problem));
        }
        self.state = walked.state;
        match walked.torn {
            Some(_) => self.finish_tail(),
            None => self.keep(),
        }
    }

    /// Takes in what was written after the state was kept. A last line that a crash cut short is taken off.
    fn finish_tail(&mut self) -> Result<(), AuditError> {
        let path = &self.files.active;
        let file = OpenOptions::new().read(true).append(true).open(path).map_err(AuditError::file(path))?;
        let read = file.try_clone().map_err(AuditError::file(path))?;
        if let Some(line) = tail(path, read, &mut self.state, &mut |_, _| ())? {
            match self.state.take(&line) {
                // All of it is there but the break.
                Ok(_) => (&file).write_all(b"\n").map_err(AuditError::file(path))?,
                Err(_) => {
                    file.set_len(self.state.bytes).map_err(AuditError::file(path))?;
                    self.torn = Some(line.len() as u64);
                }
            }
            file.sync_data().map_err(AuditError::file(path))?;
        }
        self.keep()
    }

    fn keep(&mut self) -> Result<(), AuditError> {
        self.state.write(&mut self.tree).map_err(AuditError::file(&self.files.tree()))
    }

    /// Adds an entry and sees it onto the disk; first the one that tells of a line cut short, if there was one.
    pub fn add(&mut self, act: Act, of: Option<u64>, now: i64) -> Result<(Entry, Option<u64>), AuditError> {
        let torn = self.torn.take();
        if let Some(bytes) = torn {
            let details = serde_json::json!({ "bytes": bytes });
            self.write(Act::new("recovered").outcome("dropped").details(details), None, now)?;
        }
        Ok((self.write(act, of, now)?, torn))
    }

    fn write(&mut self, act: Act, of: Option<u64>, now: i64) -> Result<Entry, AuditError> {
        let (number, previous) = (self.state.frontier.size() + 1, self.state.previous);
        let (actor, run) = (self.log.actor.as_str(), self.log.run.as_str());
        let entry = Entry::new(act, &Place { number, previous: &previous, of, now, actor, run });
        let mut line = entry.line()?;
        self.turn(line.len() as u64 + 1)?;
        let path = &self.files.active;
        let file = OpenOptions::new().append(true).create(true).open(path).map_err(AuditError::file(path))?;
        line.push(b'\n');
        if let Err(error) = (&file).write_all(&line).and_then(|()| file.sync_data()) {
            // What was not acknowledged must not stand there; if even that fails, the next writer takes it off.
            let _ = file.set_len(self.state.bytes);
            return Err(AuditError::file(path)(error));
        }
        if self.state.bytes == 0 {
            sync_folder(self.files.folder()).map_err(AuditError::file(self.files.folder()))?;
        }
        line.pop();
        self.state.push(&line);
        // The entry is on the disk: a state that is not kept is made anew.
        let _ = self.keep();
        Ok(entry)
    }

    /// Puts a full file aside.
    fn turn(&mut self, more: u64) -> Result<(), AuditError> {
        if self.state.bytes == 0 || self.state.bytes + more <= self.log.max_bytes {
            return Ok(());
        }
        let path = &self.files.active;
        std::fs::rename(path, self.files.full(self.state.first)).map_err(AuditError::file(path))?;
        sync_folder(self.files.folder()).map_err(AuditError::file(self.files.folder()))?;
        self.state.turn();
        self.keep()?;
        self.tree.sync_data().map_err(AuditError::file(&self.files.tree()))
    }
}

/// Asks for a lock until it is there.
pub(super) fn wait(lock: impl Fn() -> Result<(), TryLockError>, path: &Path) -> Result<(), AuditError> {
    match private::wait(lock, PATIENCE).map_err(AuditError::file(path))? {
        true => Ok(()),
        false => Err(AuditError::Locked { path: path.to_owned() }),
    }
}

/// A file's length; `None` when it is not there.
fn length(path: &Path) -> Result<Option<u64>, AuditError> {
    match std::fs::metadata(path) {
        Ok(data) => Ok(Some(data.len())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(AuditError::file(path)(error)),
    }
}
