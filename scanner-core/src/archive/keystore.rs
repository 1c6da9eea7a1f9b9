//! Keystores: the private keys inside a Java keystore (JKS, JCEKS) or a PKCS#12 file, written as the PEM blocks they would
//! be outside it, so that the rules for private keys find them. Most are encrypted by the store's password.

use super::trouble::Trouble;
use super::walk::Walk;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// pkcs8ShroudedKeyBag, RFC 7292: what follows is an encrypted private key.
const SHROUDED_KEY: [u8; 13] = [6, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1, 2];
/// keyBag, RFC 7292: what follows is a private key in clear.
const PLAIN_KEY: [u8; 13] = [6, 11, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1, 1];
/// pkcs7-data and pkcs7-signedData begin alike.
const PKCS7: [u8; 10] = [6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7];

/// Whether a beginning is PKCS#12: a sequence of the version 3 and content that PKCS#7 names.
pub fn is_pkcs12(head: &[u8]) -> bool {
    let Some((_, inner)) = element(head) else { return false };
    let Some(content) = inner.strip_prefix(&[2, 1, 3, 0x30]) else { return false };
    memchr::memmem::find(&content[..content.len().min(24)], &PKCS7).is_some()
}

/// Hands over the keys of a PKCS#12 file.
pub fn unpack_pkcs12(walk: &mut Walk<'_, '_>, bytes: &[u8]) -> Result<(), Trouble> {
    let mut text = Vec::new();
    for (mark, name) in [(SHROUDED_KEY, "ENCRYPTED PRIVATE KEY"), (PLAIN_KEY, "PRIVATE KEY")] {
        for at in memchr::memmem::find_iter(bytes, &mark) {
            let explicit = element(&bytes[at + mark.len()..]).filter(|(tag, _)| *tag == 0xa0);
            match explicit.and_then(|(_, inner)| whole(inner)) {
                Some(key) => pem(name, key, &mut text),
                None => return Err(Trouble::damaged("a key in it is cut into pieces")),
            }
        }
    }
    if text.is_empty() {
        return Err(Trouble::Encrypted("whether it holds a private key takes its password to tell".into()));
    }
    Ok(walk.text("(keys)", &text)?)
}

/// Hands over the keys of a Java keystore.
pub fn unpack_java(walk: &mut Walk<'_, '_>, bytes: &[u8]) -> Result<(), Trouble> {
    let mut store = Store { rest: bytes.get(8..).unwrap_or_default(), has_types: bytes.get(7) == Some(&2) };
    let mut text = Vec::new();
    let outcome = store.entries(&mut text);
    if !text.is_empty() {
        walk.text("(keys)", &text)?;
    }
    outcome
}

struct Store<'s> {
    rest: &'s [u8],
    has_types: bool,
}

impl<'s> Store<'s> {
    fn take(&mut self, count: usize) -> Result<&'s [u8], Trouble> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or(Trouble::CUT_SHORT)?;
        self.rest = rest;
        Ok(taken)
    }

    fn word(&mut self) -> Result<usize, Trouble> {
        self.take(4).map(|word| u32::from_be_bytes([word[0], word[1], word[2], word[3]]) as usize)
    }

    fn string(&mut self) -> Result<&'s [u8], Trouble> {
        let len = self.take(2)?;
        self.take(usize::from(u16::from_be_bytes([len[0], len[1]])))
    }

    fn certificate(&mut self) -> Result<(), Trouble> {
        if self.has_types {
            self.string()?;
        }
        let len = self.word()?;
        self.take(len).map(|_| ())
    }

    fn entries(&mut self, text: &mut Vec<u8>) -> Result<(), Trouble> {
        for _ in 0..self.word()? {
            let kind = self.word()?;
            let alias = self.string()?;
            self.take(8)?;
            match kind {
                1 => {
                    let len = self.word()?;
                    let key = self.take(len)?;
                    text.extend_from_slice(&[b"alias: ", alias, b"\n"].concat());
                    pem("ENCRYPTED PRIVATE KEY", key, text);
                    for _ in 0..self.word()? {
                        self.certificate()?;
                    }
                }
                2 => self.certificate()?,
                3 => return Err(Trouble::Encrypted("it holds a secret key, and what follows that is not read".into())),
                _ => return Err(Trouble::damaged("an entry is of no known kind")),
            }
        }
        Ok(())
    }
}

/// The element at the beginning: its tag, and as much of its content as there is.
fn element(bytes: &[u8]) -> Option<(u8, &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&len, rest) = rest.split_first()?;
    let (len, content) = match len {
        0..0x80 => (usize::from(len), rest),
        0x80 => (usize::MAX, rest),
        0x81..=0x84 => {
            let (digits, content) = rest.split_at_checked(usize::from(len & 0x7f))?;
            (digits.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), content)
        }
        _ => return None,
    };
    Some((tag, &content[..len.min(content.len())]))
}

/// A sequence with its tag and length, when all of it is there.
fn whole(bytes: &[u8]) -> Option<&[u8]> {
    let (tag, content) = element(bytes)?;
    let start = content.as_ptr() as usize - bytes.as_ptr() as usize;
    let len = match bytes[1] {
        len @ 0..0x80 => usize::from(len),
        0x80 => return None,
        _ => bytes[2..start].iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)),
    };
    (tag == 0x30 && content.len() == len).then(|| &bytes[..start + len])
}

fn pem(name: &str, key: &[u8], text: &mut Vec<u8>) {
    let encoded = STANDARD.encode(key);
    text.extend_from_slice(format!("-----BEGIN {name}-----\n").as_bytes());
    for line in encoded.as_bytes().chunks(64) {
        text.extend_from_slice(line);
        text.push(b'\n');
    }
    text.extend_from_slice(format!("-----END {name}-----\n").as_bytes());
}
