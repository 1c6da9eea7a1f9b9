//! The log's key, made once, readable by its owner alone: from it come the signatures, the tags of secrets and the keys
//! that seal what must wait on disk.

use super::error::AuditError;
use super::note::{self, Checkpoint, PublicKey};
use crate::private;
use crate::secret::{Secret, hex, random};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use ring::signature::{Ed25519KeyPair, KeyPair};
use sha2::{Digest, Sha256};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;
use zeroize::Zeroizing;

/// How the file begins; 44 characters of base64 and a line break follow.
const HEAD: &str = "stopleak-audit-key-1 ";
const LENGTH: usize = HEAD.len() + 45;

/// What the log's key does; it is wiped when it is dropped.
pub struct Keys {
    master: Zeroizing<[u8; 32]>,
    pair: Ed25519KeyPair,
    public: PublicKey,
}

impl Keys {
    /// The key in this file; it is made if there is none.
    pub fn open(path: &Path) -> Result<Keys, AuditError> {
        let problem = |problem: &str| AuditError::Key { path: path.to_owned(), problem: problem.to_owned() };
        let read = |error: std::io::Error| problem(&error.to_string());
        if let Some(folder) = path.parent() {
            std::fs::create_dir_all(folder).map_err(read)?;
        }
        let mut file = private::options().read(true).write(true).create(true).open(path).map_err(read)?;
        if private::is_open_to_others(&file).unwrap_or(false) {
            return Err(problem("others can read it: make a new one, or chmod 600 if nobody did"));
        }
        // Processes that start together make one key: the first writes it, the others wait and read.
        file.lock().map_err(read)?;
        let mut text = Zeroizing::new(String::new());
        (&mut file).take(4096).read_to_string(&mut text).map_err(read)?;
        if text.len() < LENGTH && is_beginning(&text) {
            // A key that was cut short was never used: using one comes after writing it.
            text = fresh_key().ok_or_else(|| problem("the system gives no randomness"))?;
            file.set_len(0).and_then(|()| file.seek(SeekFrom::Start(0))).map_err(read)?;
            file.write_all(text.as_bytes()).and_then(|()| file.sync_all()).map_err(read)?;
        }
        Keys::parse(&text).ok_or_else(|| problem("it is no key of an audit log"))
    }

    /// The key in this file; `None` if there is no file.
    pub fn open_existing(path: &Path) -> Result<Option<Keys>, AuditError> {
        match path.exists() {
            true => Keys::open(path).map(Some),
            false => Ok(None),
        }
    }

    fn parse(text: &str) -> Option<Keys> {
        let bytes = Zeroizing::new(STANDARD.decode(text.strip_prefix(HEAD)?.strip_suffix('\n')?).ok()?);
        Keys::from_master(bytes.as_slice().try_into().ok()?)
    }

    fn from_master(master: [u8; 32]) -> Option<Keys> {
        let master = Zeroizing::new(master);
        let seed = Zeroizing::new(blake3::derive_key("stopleak audit 1 sign", &*master));
        let pair = Ed25519KeyPair::from_seed_unchecked(&*seed).ok()?;
        let key: [u8; 32] = pair.public_key().as_ref().try_into().ok()?;
        let name = format!("stopleak-audit-{}", &hex(&Sha256::digest(key))[..8]);
        Some(Keys { master, pair, public: PublicKey::new(name, key) })
    }

    /// Names a secret in the log: whoever has not the key cannot tell which secret it is, nor try guesses.
    pub fn tag(&self, secret: &Secret) -> String {
        let key = Zeroizing::new(blake3::derive_key("stopleak audit 1 tag", &*self.master));
        let mut mac = Hmac::<Sha256>::new_from_slice(&*key).expect("HMAC takes keys of any length");
        mac.update(secret.expose());
        format!("h1:{}", &hex(&mac.finalize().into_bytes())[..32])
    }

    /// A key for something else that is kept beside the log, by its name.
    pub fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key(&format!("stopleak audit 1 derived {purpose}"), &*self.master))
    }

    /// What checks the signatures; may be shown to anyone.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// The checkpoint, signed.
    pub fn sign(&self, checkpoint: &Checkpoint) -> String {
        note::sign(&checkpoint.text(), &self.public, |text| self.pair.sign(text).as_ref().to_vec())
    }
}

/// Whether a key may have been cut short here.
fn is_beginning(text: &str) -> bool {
    text.starts_with(HEAD) || HEAD.starts_with(text)
}

fn fresh_key() -> Option<Zeroizing<String>> {
    let mut bytes = Zeroizing::new([0; 32]);
    random(&mut *bytes).ok()?;
    Some(Zeroizing::new(format!("{HEAD}{}\n", STANDARD.encode(*bytes))))
}

/// Sixteen digits at random, to name a run of the program.
pub fn run_id() -> String {
    let mut bytes = [0; 8];
    match random(&mut bytes) {
        Ok(()) => hex(&bytes),
        // Without randomness runs are told apart by their process.
        Err(_) => format!("{:016x}", std::process::id()),
    }
}
