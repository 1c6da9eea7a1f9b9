//! Keeps a new credential safe between the moment it is made and the moment the vault has it.
//!
//! The value lies sealed on the disk, its key in the vault since before the credential was asked for: neither alone
//! gives anything away, and a crash in between loses nothing.

use super::journal::make_private;
use super::target::Fresh;
use crate::private;
use crate::secret::{Secret, random};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The sealed values of one run.
pub struct Escrow {
    folder: PathBuf,
    run: String,
}

/// What seals the values of one run.
#[derive(Clone)]
pub struct Key(Secret);

impl Key {
    /// A new one.
    pub fn random() -> io::Result<Key> {
        let mut bytes = Zeroizing::new([0u8; 32]);
        random(&mut *bytes)?;
        Ok(Key(Secret::new(&*bytes)))
    }

    fn cipher(&self) -> LessSafeKey {
        let key = UnboundKey::new(&CHACHA20_POLY1305, self.0.expose());
        LessSafeKey::new(key.expect("a key is made of 32 bytes"))
    }

    /// As the vault keeps it: base64.
    pub fn to_secret(&self) -> Secret {
        Secret::new(Zeroizing::new(STANDARD.encode(self.0.expose())).as_bytes())
    }

    /// From what the vault kept.
    pub fn from_secret(kept: &Secret) -> Option<Key> {
        let bytes = Zeroizing::new(STANDARD.decode(kept.expose()).ok()?);
        (bytes.len() == 32).then(|| Key(Secret::new(&bytes)))
    }
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
        // A run seals a handful of values: random nonces do not meet.
        let mut nonce = [0u8; NONCE_LEN];
        random(&mut nonce)?;
        let mut text = Zeroizing::new(write(fresh));
        let about = Aad::from(self.about(task));
        let sealed = key.cipher().seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), about, &mut *text);
        sealed.map_err(|_| io::Error::other("the value cannot be sealed"))?;
        make_private(&self.folder)?;
        let (path, made) = (self.path(task), self.path(task).with_extension("new"));
        private::replace(&path, &made, &[&nonce, &text])
    }

    /// The value that was sealed; `None` when there is none.
    pub fn open(&self, key: &Key, task: usize) -> io::Result<Option<Fresh>> {
        let bytes = match std::fs::read(self.path(task)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            bytes => bytes?,
        };
        let broken = || io::Error::other("the sealed value was changed, or is of another key");
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>().ok_or_else(broken)?;
        let mut text = Zeroizing::new(sealed.to_vec());
        let about = Aad::from(self.about(task));
        let opened = key.cipher().open_in_place(Nonce::assume_unique_for_key(*nonce), about, &mut text);
        let opened = opened.map_err(|_| broken())?;
        read(opened).map(Some).ok_or_else(broken)
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
fn write(fresh: &Fresh) -> Vec<u8> {
    let mut out = Vec::new();
    let mut put = |bytes: &[u8]| {
        out.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        out.extend_from_slice(bytes);
    };
    put(fresh.id.as_deref().unwrap_or_default().as_bytes());
    put(fresh.secret.expose());
    for (id, value) in &fresh.parts {
        put(id.as_bytes());
        put(value.expose());
    }
    out
}

fn read(mut text: &[u8]) -> Option<Fresh> {
    let mut take = || -> Option<Option<Vec<u8>>> {
        if text.is_empty() {
            return Some(None);
        }
        let (len, rest) = text.split_first_chunk::<4>()?;
        let (value, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
        text = rest;
        Some(Some(value.to_vec()))
    };
    let id = String::from_utf8(take()??).ok()?;
    let secret = Secret::new(&Zeroizing::new(take()??));
    let mut parts = Vec::new();
    while let Some(name) = take()? {
        parts.push((String::from_utf8(name).ok()?, Secret::new(&Zeroizing::new(take()??))));
    }
    Some(Fresh { id: (!id.is_empty()).then_some(id), secret, parts })
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
