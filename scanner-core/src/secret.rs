//! The value itself, kept out of every output: wiped on drop, redacted when printed, named by a fingerprint.

use ring::rand::{SecureRandom, SystemRandom};
use std::{fmt, io};
use zeroize::Zeroizing;

/// A secret's bytes; wiped on drop, and `Debug` prints a redaction.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Box<[u8]>>);

impl Secret {
    /// Takes a copy of `bytes`.
    pub fn new(bytes: &[u8]) -> Secret {
        Secret(Zeroizing::new(bytes.into()))
    }

    /// The only way in: call it where bytes leave for a request, the store or `--show-secrets`.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The value with its middle hidden, fit for a report: `ghp_…k3Qz`, `-----BEGIN…`, `…` for a short one.
    ///
    /// At most a quarter of the value shows, and never more than eight characters.
    pub fn redacted(&self) -> String {
        let text: Vec<char> = String::from_utf8_lossy(&self.0).chars().collect();
        let shown = if text.len() < 16 { 0 } else { (text.len() / 8).min(4) };
        let printable = |c: &char| if c.is_control() { '·' } else { *c };
        let head: String = text.iter().take(shown).map(printable).collect();
        let tail: String = text[text.len() - shown..].iter().map(printable).collect();
        format!("{head}…{tail}")
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.redacted())
    }
}

/// The digits of a digest or a tag, in lower case.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The 32 bytes that 64 digits in lower case stand for; `None` for anything else.
pub fn from_hex(text: &str) -> Option<[u8; 32]> {
    let digits = text.as_bytes();
    if digits.len() != 64 || !digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

/// Fills `bytes` with what nobody can guess; an error when the system gives no randomness.
pub fn random(bytes: &mut [u8]) -> io::Result<()> {
    SystemRandom::new().fill(bytes).map_err(|_| io::Error::other("the system gives no randomness"))
}

/// Names a secret without its place and without giving it away.
///
/// `t1:` and 32 hex digits of a keyed BLAKE3 of rule and value, for a token whose randomness makes guessing
/// hopeless. `g1:` for a guessable value: 12 hex digits that depend on rule and key name only, then 4 hex
/// digits (16 bits) that depend on the value, so that a committed baseline cannot confirm a guess.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Fingerprint(String);

/// Whether a value could be found by guessing, which decides how much of it a fingerprint may reveal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guessable {
    /// A provider token of at least 64 random bits.
    No,
    /// A password or any value of unknown making.
    Yes,
}

impl Fingerprint {
    /// Makes the fingerprint of `secret` found by `rule`; `key` is the name it was assigned to (may be empty).
    pub fn new(rule: &str, key: &[u8], secret: &[u8], guessable: Guessable) -> Fingerprint {
        match guessable {
            Guessable::No => {
                let hash = hash("stopleak fingerprint 1 token", &[rule.as_bytes(), secret]);
                Fingerprint(format!("t1:{}", &hash[..32]))
            }
            Guessable::Yes => {
                let place = hash("stopleak fingerprint 1 place", &[rule.as_bytes(), &key.to_ascii_lowercase()]);
                let value = hash("stopleak fingerprint 1 value", &[rule.as_bytes(), secret]);
                Fingerprint(format!("g1:{}{}", &place[..12], &value[..4]))
            }
        }
    }

    /// Reads a fingerprint as written in a baseline; `None` when it is not one.
    pub fn parse(text: &str) -> Option<Fingerprint> {
        let digits = match text.split_at_checked(3)? {
            ("t1:", digits) if digits.len() == 32 => digits,
            ("g1:", digits) if digits.len() == 16 => digits,
            _ => return None,
        };
        let is_hex = digits.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        is_hex.then(|| Fingerprint(text.to_owned()))
    }

    /// The fingerprint as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn hash(context: &str, fields: &[&[u8]]) -> String {
    let mut hasher = blake3::Hasher::new_derive_key(context);
    for field in fields {
        // A length before each field: `ab`+`c` and `a`+`bc` differ.
        hasher.update(&(field.len() as u64).to_le_bytes());
        hasher.update(field);
    }
    hasher.finalize().to_hex().to_string()
}
