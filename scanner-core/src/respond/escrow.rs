//! Keeps a new credential safe between the moment it is made and the moment the vault has it.
//!
//! The value lies sealed on the disk, its key in the vault since before the credential was asked for: neither alone
//! gives anything away, and a crash in between loses nothing.

use super::journal::make_private;
use super::target::Fresh;
use crate::private;
use crate::sealed::Fields;
pub use crate::sealed::Key;
use crate::secret::Secret;
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The sealed values of one run.
pub struct Escrow {
    folder: PathBuf,
    run: String,
}

impl Escrow {
    /// The sealed values of a run, beside its journal.
    pub fn new(folder: &Path, run: &str) -> Escrow {
        Escrow { folder: folder.to_owned(), run: run.to_owned() }
    }

    fn path(&self, task: usize) -> PathBuf {
        self.folder.join(format!("{}.{task}.sealed", self.run))
    }

    /// Seals a value and sees it onto the disk, in place of what was there.
    pub fn seal(&self, key: &Key, task: usize, fresh: &Fresh) -> io::Result<()> {
        let sealed = key.seal(&self.about(task), write(fresh))?;
        make_private(&self.folder)?;
        let (path, made) = (self.path(task), self.path(task).with_extension("new"));
        private::replace(&path, &made, &[&sealed])
    }

    /// The value that was sealed; `None` when there is none.
    pub fn open(&self, key: &Key, task: usize) -> io::Result<Option<Fresh>> {
        let bytes = match std::fs::read(self.path(task)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let broken = || io::Error::other("the sealed value was changed, or is of another key");
        let text = key.open(&self.about(task), &bytes).ok_or_else(broken)?;
        read(&text).map(Some).ok_or_else(broken)
    }

    /// Takes the sealed value away: the vault has it, or nobody needs it.
    pub fn discard(&self, task: usize) -> io::Result<()> {
        match std::fs::remove_file(self.path(task)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn about(&self, task: usize) -> String {
        format!("stopleak escrow 1 {} {task}", self.run)
    }
}

/// A value as lengths and bytes: id, secret, then name and value of each part.
fn write(fresh: &Fresh) -> Zeroizing<Vec<u8>> {
    let id = fresh.id.as_deref().unwrap_or_default();
    let parts = fresh.parts.iter().map(|(id, value)| id.len() + value.expose().len()).sum::<usize>();
    let mut fields = Fields::with_room(2 + 2 * fresh.parts.len(), id.len() + fresh.secret.expose().len() + parts);
    fields.put(id.as_bytes());
    fields.put(fresh.secret.expose());
    for (id, value) in &fresh.parts {
        fields.put(id.as_bytes());
        fields.put(value.expose());
    }
    fields.text()
}

fn read(text: &[u8]) -> Option<Fresh> {
    let fields = Fields::read(text)?;
    let [id, secret, parts @ ..] = fields.as_slice() else { return None };
    let name = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).ok();
    let parts = parts.chunks(2).map(|part| match part {
        [id, value] => Some((name(id)?, Secret::new(value))),
        _ => None,
    });
    let id = name(id)?;
    Some(Fresh {
        id: (!id.is_empty()).then_some(id),
        secret: Secret::new(secret),
        parts: parts.collect::<Option<_>>()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fresh() -> Fresh {
        let parts = vec![("a.b".to_owned(), Secret::new(b"part"))];
        Fresh { id: Some("key-2".into()), secret: Secret::new(b"new value"), parts }
    }

    #[test]
    fn what_is_sealed_opens_with_its_key_alone_and_shows_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (escrow, key) = (Escrow::new(folder.path(), "r"), Key::random().unwrap());
        assert_eq!(escrow.open(&key, 0).unwrap(), None);
        escrow.seal(&key, 0, &fresh()).unwrap();
        assert_eq!(escrow.open(&Key::from_secret(&key.to_secret()).unwrap(), 0).unwrap(), Some(fresh()));
        let bytes = std::fs::read(folder.path().join("r.0.sealed")).unwrap();
        assert!(!bytes.windows(9).any(|window| window == b"new value"));
        assert!(escrow.open(&Key::random().unwrap(), 0).is_err());
        std::fs::copy(folder.path().join("r.0.sealed"), folder.path().join("r.1.sealed")).unwrap();
        assert!(escrow.open(&key, 1).is_err(), "it is of another task");
        escrow.discard(0).unwrap();
        assert_eq!(escrow.open(&key, 0).unwrap(), None);
    }
}
