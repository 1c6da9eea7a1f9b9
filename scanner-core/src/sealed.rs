//! Values under a key, for the few places that must keep one: ChaCha20-Poly1305 with a random nonce in front, bound to what
//! the value is about. Who has the text without the key learns its length.

use crate::secret::{Secret, random};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use std::io;
use zeroize::Zeroizing;

/// What seals values.
#[derive(Clone)]
pub struct Key(Secret);

impl Key {
    /// A new one.
    pub fn random() -> io::Result<Key> {
        let mut bytes = Zeroizing::new([0u8; 32]);
        random(&mut *bytes)?;
        Ok(Key(Secret::new(&*bytes)))
    }

    /// One for a purpose, of a longer-lived one.
    pub fn derived(purpose: &str, from: &[u8; 32]) -> Key {
        Key(Secret::new(&*Zeroizing::new(blake3::derive_key(purpose, from))))
    }

    /// As a vault, a file or a variable keeps it: base64.
    pub fn to_secret(&self) -> Secret {
        Secret::new(Zeroizing::new(STANDARD.encode(self.0.expose())).as_bytes())
    }

    /// From what was kept.
    pub fn from_secret(kept: &Secret) -> Option<Key> {
        let bytes = Zeroizing::new(STANDARD.decode(kept.expose().trim_ascii()).ok()?);
        (bytes.len() == 32).then(|| Key(Secret::new(&bytes)))
    }

    /// Tells one key from another, and nothing else.
    pub fn name(&self) -> String {
        crate::secret::hex(&blake3::derive_key("stopleak sealed 1 name", self.0.expose())[..8])
    }

    fn cipher(&self) -> LessSafeKey {
        let key = UnboundKey::new(&CHACHA20_POLY1305, self.0.expose());
        LessSafeKey::new(key.expect("a key is made of 32 bytes"))
    }

    /// Seals a text; it opens only as being about the same.
    pub fn seal(&self, about: &str, mut text: Zeroizing<Vec<u8>>) -> io::Result<Vec<u8>> {
        // A key seals thousands of values, not billions: random nonces do not meet.
        let mut nonce = [0u8; NONCE_LEN];
        random(&mut nonce)?;
        // A buffer that grows leaves its old bytes behind.
        let mut room = Zeroizing::new(Vec::with_capacity(text.len() + CHACHA20_POLY1305.tag_len()));
        room.append(&mut text);
        let sealed = self.cipher().seal_in_place_append_tag(
            Nonce::assume_unique_for_key(nonce),
            Aad::from(about.as_bytes()),
            &mut *room,
        );
        sealed.map_err(|_| io::Error::other("the value cannot be sealed"))?;
        Ok([&nonce[..], &room].concat())
    }

    /// The text that was sealed; `None` when it was changed, is about something else, or the key is another.
    pub fn open(&self, about: &str, bytes: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let mut text = Zeroizing::new(sealed.to_vec());
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let length = self.cipher().open_in_place(nonce, Aad::from(about.as_bytes()), &mut text).ok()?.len();
        text.truncate(length);
        Some(text)
    }
}

/// Fields one after the other, each with its length.
#[derive(Default)]
pub struct Fields(Zeroizing<Vec<u8>>);

impl Fields {
    /// Fields of this many bytes in all: the buffer does not grow while it holds values.
    pub fn with_room(fields: usize, bytes: usize) -> Fields {
        Fields(Zeroizing::new(Vec::with_capacity(4 * fields + bytes)))
    }

    /// Adds one.
    pub fn put(&mut self, field: &[u8]) {
        self.0.extend_from_slice(&(field.len() as u32).to_le_bytes());
        self.0.extend_from_slice(field);
    }

    /// The text.
    pub fn text(self) -> Zeroizing<Vec<u8>> {
        self.0
    }

    /// The fields of a text; `None` when it is none.
    pub fn read(mut text: &[u8]) -> Option<Vec<&[u8]>> {
        let mut fields = Vec::new();
        while !text.is_empty() {
            let (length, rest) = text.split_first_chunk::<4>()?;
            let (field, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
            fields.push(field);
            text = rest;
        }
        Some(fields)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_opens_with_its_key_about_the_same_and_no_other_way() {
        let key = Key::random().unwrap();
        let mut fields = Fields::with_room(2, 12);
        fields.put(b"new value");
        fields.put(b"two");
        let sealed = key.seal("a", fields.text()).unwrap();
        assert!(!sealed.windows(9).any(|window| window == b"new value"));
        let opened = Key::from_secret(&key.to_secret()).unwrap().open("a", &sealed).unwrap();
        assert_eq!(Fields::read(&opened).unwrap(), [&b"new value"[..], b"two"]);
        assert!(key.open("b", &sealed).is_none() && Key::random().unwrap().open("a", &sealed).is_none());
        assert!(key.open("a", &sealed[..5]).is_none() && Fields::read(&[9, 0, 0, 0, 1]).is_none());
        assert_eq!((key.name(), key.name().len()), (Key::from_secret(&key.to_secret()).unwrap().name(), 16));
    }
}
