//! The organisation's key, and the keys of each purpose that are made of it.

use crate::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

/// The organisation's key: 32 random bytes that live in the vault. Without it an index tells names and nothing else.
#[derive(Clone, Debug)]
pub struct Key(Secret);

impl Key {
    /// Reads 32 bytes of base64, as the vault holds it.
    pub fn parse(text: &[u8]) -> Option<Key> {
        let bytes = Zeroizing::new(STANDARD.decode(text.trim_ascii()).ok()?);
        Key::of(&bytes)
    }

    /// A key of exactly 32 bytes, which must be random.
    pub fn of(bytes: &[u8]) -> Option<Key> {
        (bytes.len() == 32).then(|| Key(Secret::new(bytes)))
    }

    /// As `parse` reads it.
    pub fn as_text(&self) -> Secret {
        let text = Zeroizing::new(STANDARD.encode(self.0.expose()));
        Secret::new(text.as_bytes())
    }

    /// Names the key without helping anyone to test a value.
    pub fn id(&self) -> String {
        let hash = blake3::keyed_hash(&self.part("id"), b"");
        hash.to_hex()[..16].to_owned()
    }

    /// The key for one purpose.
    pub(super) fn part(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key(&format!("stopleak vault index 1 {purpose}"), self.0.expose()))
    }
}
