//! What waits, on the disk: one sealed file an incident, readable by nobody without the key, there before the answer.

use super::incident::Incident;
use crate::private::{self, sync_folder};
use crate::sealed::Key;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const WAITING: &str = "incident";
const DONE: &str = "done";
const BROKEN: &str = "broken";
/// An incident that is reported again within this time is the same.
const REMEMBERED: Duration = Duration::from_secs(30 * 86_400);
/// Nothing larger was written.
const MAX_FILE: u64 = 1 << 20;

/// Incidents that wait, in a folder of their owner's own.
pub struct Queue {
    folder: PathBuf,
    key: Key,
    names: [u8; 32],
    most: usize,
}

/// What became of an incident that was put in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Put {
    /// It waits.
    Waits,
    /// It waits already, or was done.
    Known,
}

/// Why the queue did not do it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// A file cannot be read or written.
    #[error("cannot use the queue {}: {error}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// Too much waits.
    #[error("the queue is full")]
    Full,
    /// A file is not what was written, or the key is another; it was put aside.
    #[error("an incident of the queue cannot be opened; it was put aside as {}", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
    },
    /// There is no randomness, or the key cannot be used.
    #[error("the system's cryptography cannot be used")]
    Crypto,
}

impl Queue {
    /// The queue in this folder, sealed with this key; at most `most` incidents wait.
    pub fn open(folder: &Path, key: &[u8; 32], most: usize) -> Result<Queue, QueueError> {
        private::folder(folder).map_err(file(folder))?;
        let key_of_names = blake3::derive_key("stopleak queue 1 names", key);
        let key = Key::derived("stopleak queue 1 seal", key);
        let queue = Queue { folder: folder.to_owned(), key, names: key_of_names, most };
        queue.forget()?;
        Ok(queue)
    }

    /// Names an incident without telling what it holds.
    fn id(&self, incident: &Incident) -> String {
        let mut hasher = blake3::Hasher::new_keyed(&self.names);
        for field in incident.fields() {
            hasher.update(&(field.len() as u64).to_le_bytes()).update(field);
        }
        hasher.finalize().to_hex()[..40].to_owned()
    }

    fn path(&self, id: &str, state: &str) -> PathBuf {
        self.folder.join(format!("{id}.{state}"))
    }

    /// Seals an incident onto the disk; when this returns it survives a crash.
    pub fn put(&self, incident: &Incident) -> Result<Put, QueueError> {
        let id = self.id(incident);
        let path = self.path(&id, WAITING);
        if path.exists() || self.path(&id, DONE).exists() {
            return Ok(Put::Known);
        }
        if self.waiting()?.len() >= self.most {
            return Err(QueueError::Full);
        }
        let sealed = self.key.seal(&id, incident.to_json()).map_err(|_| QueueError::Crypto)?;
        let new = self.folder.join(format!("{id}.{}.new", crate::audit::run_id()));
        // A leftover of a crash is taken away with the others.
        private::replace(&path, &new, &[&sealed]).map_err(|error| QueueError::File { path: path.clone(), error })?;
        Ok(Put::Waits)
    }

    /// What waits, the oldest first.
    pub fn waiting(&self) -> Result<Vec<String>, QueueError> {
        let mut found = Vec::new();
        for (path, state, modified) in self.files()? {
            if state == WAITING {
                found.extend(path.file_stem().map(|stem| (modified, stem.to_string_lossy().into_owned())));
            }
        }
        found.sort();
        Ok(found.into_iter().map(|(_, id)| id).collect())
    }

    /// Opens an incident; one that cannot be opened is put aside.
    pub fn get(&self, id: &str) -> Result<Incident, QueueError> {
        let path = self.path(id, WAITING);
        let mut bytes = Vec::new();
        File::open(&path).and_then(|from| from.take(MAX_FILE).read_to_end(&mut bytes)).map_err(file(&path))?;
        self.unseal(id, &bytes).ok_or_else(|| {
            let aside = self.path(id, BROKEN);
            // If even that fails, it stays and is announced again.
            let _ = fs::rename(&path, &aside);
            QueueError::Broken { path: aside }
        })
    }

    fn unseal(&self, id: &str, bytes: &[u8]) -> Option<Incident> {
        Incident::from_json(&self.key.open(id, bytes)?)
    }

    /// Forgets the value; that there was such an incident is remembered for a month.
    pub fn done(&self, id: &str) -> Result<(), QueueError> {
        let (path, mark) = (self.path(id, WAITING), self.path(id, DONE));
        File::create(&mark).and_then(|mark| mark.sync_all()).map_err(file(&mark))?;
        fs::remove_file(&path).and_then(|()| sync_folder(&self.folder)).map_err(file(&path))
    }

    /// Takes away old marks and what a crash left.
    fn forget(&self) -> Result<(), QueueError> {
        for (path, state, modified) in self.files()? {
            let age = modified.elapsed().unwrap_or_default();
            let is_old = (state == DONE && age > REMEMBERED) || (state == "new" && age > Duration::from_secs(3600));
            if is_old {
                fs::remove_file(&path).map_err(file(&path))?;
            }
        }
        Ok(())
    }

    fn files(&self) -> Result<Vec<(PathBuf, String, SystemTime)>, QueueError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(file(&self.folder))? {
            let entry = entry.map_err(file(&self.folder))?;
            let path = entry.path();
            let state = path.extension().unwrap_or_default().to_string_lossy().into_owned();
            // A file that is gone meanwhile is another process's.
            if let Ok(modified) = entry.metadata().and_then(|data| data.modified()) {
                found.push((path, state, modified));
            }
        }
        Ok(found)
    }
}

fn file(path: &Path) -> impl FnOnce(io::Error) -> QueueError {
    let path = path.to_owned();
    move |error| QueueError::File { path, error }
}
