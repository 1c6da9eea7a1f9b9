//! Checkpoints: the log's length and root, signed, to be kept elsewhere. Text of C2SP tlog-checkpoint in a signed-note:
//! <https://c2sp.org/tlog-checkpoint>, <https://c2sp.org/signed-note>.

use super::error::AuditError;
use super::tree::Hash;
use crate::secret::hex;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ED25519, UnparsedPublicKey};
use sha2::{Digest, Sha256};
use std::fmt;

/// The mark of Ed25519 among a note's kinds of key.
const KIND: u8 = 1;
/// Notes are small.
const MAX_NOTE: usize = 1 << 20;
/// As the reference implementation has it.
const MAX_SIGNATURES: usize = 100;

/// A key that checks signatures, with its name; written as `name+id+base64`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicKey {
    name: String,
    key: Hash,
}

impl PublicKey {
    /// A key under a name.
    pub(super) fn new(name: String, key: Hash) -> PublicKey {
        PublicKey { name, key }
    }

    /// Its name, as signatures carry it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of the hash over name and key.
    pub(super) fn id(&self) -> [u8; 4] {
        let hash = Sha256::new().chain_update(&self.name).chain_update([b'\n', KIND]).chain_update(self.key).finalize();
        [hash[0], hash[1], hash[2], hash[3]]
    }

    /// Reads `name+id+base64`.
    pub fn parse(text: &str) -> Result<PublicKey, AuditError> {
        let problem = || AuditError::Proof("this is no public key: it reads name+id+base64".to_owned());
        let (name, rest) = text.trim().split_once('+').ok_or_else(problem)?;
        let (id, key) = rest.split_once('+').ok_or_else(problem)?;
        let key = STANDARD.decode(key).map_err(|_| problem())?;
        let Some((&KIND, key)) = key.split_first() else { return Err(problem()) };
        let key = PublicKey { name: name.to_owned(), key: key.try_into().map_err(|_| problem())? };
        match is_name(name) && hex(&key.id()) == id {
            true => Ok(key),
            false => Err(problem()),
        }
    }

    /// The text of a note that this key signed.
    pub fn open<'n>(&self, note: &'n str) -> Result<&'n str, AuditError> {
        let problem = |problem: &str| AuditError::Proof(format!("this is no signed checkpoint: {problem}"));
        if note.len() > MAX_NOTE {
            return Err(problem("it is too long"));
        }
        if note.bytes().any(|byte| byte < b' ' && byte != b'\n') {
            return Err(problem("it holds control characters"));
        }
        let at = note.rfind("\n\n").ok_or_else(|| problem("it has no signatures"))?;
        let (text, signatures) = (&note[..=at], &note[at + 2..]);
        let lines = signatures.strip_suffix('\n').ok_or_else(|| problem("it was cut short"))?;
        if lines.split('\n').count() > MAX_SIGNATURES {
            return Err(problem("it has too many signatures"));
        }
        let mut own = None;
        for line in lines.split('\n') {
            let (name, signature) = signature(line).ok_or_else(|| problem("a signature cannot be read"))?;
            if own.is_none() && name == self.name && signature[..4] == self.id() {
                own = Some(signature);
            }
        }
        let own = own.ok_or_else(|| problem(&format!("{} did not sign it", self.name)))?;
        let key = UnparsedPublicKey::new(&ED25519, &self.key);
        key.verify(text.as_bytes(), &own[4..]).map_err(|_| problem("its signature is wrong"))?;
        Ok(text)
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes: Vec<u8> = [KIND].iter().chain(&self.key).copied().collect();
        write!(f, "{}+{}+{}", self.name, hex(&self.id()), STANDARD.encode(bytes))
    }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c == '+')
}

/// Name and bytes (key id, then signature) of `— name base64`.
fn signature(line: &str) -> Option<(&str, Vec<u8>)> {
    let (name, bytes) = line.strip_prefix("— ")?.split_once(' ')?;
    let bytes = STANDARD.decode(bytes).ok()?;
    (is_name(name) && bytes.len() > 4).then_some((name, bytes))
}

/// A note of this text with one signature.
pub(super) fn sign(text: &str, key: &PublicKey, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> String {
    let bytes: Vec<u8> = key.id().into_iter().chain(sign(text.as_bytes())).collect();
    format!("{text}\n— {} {}\n", key.name, STANDARD.encode(bytes))
}

/// A log's length and root at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log.
    pub origin: String,
    /// How many entries it has.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
}

impl Checkpoint {
    /// The text that is signed.
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, STANDARD.encode(self.root))
    }

    /// Reads a signed checkpoint, and checks its signature.
    pub fn open(note: &str, key: &PublicKey) -> Result<Checkpoint, AuditError> {
        Checkpoint::parse(key.open(note)?)
    }

    /// Reads a signed checkpoint whose signature nobody checks.
    pub(super) fn glance(note: &str) -> Result<Checkpoint, AuditError> {
        Checkpoint::parse(note.rsplit_once("\n\n").map_or(note, |(text, _)| text))
    }

    fn parse(text: &str) -> Result<Checkpoint, AuditError> {
        let mut lines = text.lines();
        let mut parse = || {
            let (origin, size, root) = (lines.next()?, lines.next()?, lines.next()?);
            let number: u64 = size.parse().ok()?;
            let root = STANDARD.decode(root).ok()?.try_into().ok()?;
            // No sign, no leading zeros.
            (!origin.is_empty() && number.to_string() == size).then(|| Checkpoint {
                origin: origin.to_owned(),
                size: number,
                root,
            })
        };
        parse().ok_or_else(|| AuditError::Proof("the signed text is no checkpoint: origin, size, root".to_owned()))
    }
}
