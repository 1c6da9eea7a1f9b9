//! A forge's public keys by their ids, from a file or an address, kept for a while.

use crate::http::{Request, Transport};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Mutex;

/// Before the 65 bytes of the point: an EC key on P-256 (RFC 5480).
const HEAD: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];
/// How long keys are good for, in seconds.
const LIFETIME: i64 = 3600;
/// An unknown id asks for the keys again, but not more often than this.
const PAUSE: i64 = 60;
const MAX_KEYS: u64 = 1 << 20;

/// Where the keys are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeySource {
    /// A file in the form of the address's answer.
    File(PathBuf),
    /// `https://api.github.com/meta/public_keys/secret_scanning`.
    Url(String),
}

/// Keys by id.
pub struct PublicKeys {
    source: KeySource,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    keys: BTreeMap<String, Vec<u8>>,
    asked: Option<i64>,
    got: i64,
}

#[derive(Deserialize)]
struct List {
    public_keys: Vec<Listed>,
}

#[derive(Deserialize)]
struct Listed {
    key_identifier: String,
    key: String,
}

impl PublicKeys {
    /// Nothing is read yet.
    pub fn new(source: KeySource) -> PublicKeys {
        PublicKeys { source, known: Mutex::default() }
    }

    /// Whether the key with this id signed the bytes; `Err` when the keys cannot be had.
    pub fn signed(
        &self,
        id: &str,
        signature: &str,
        bytes: &[u8],
        transport: &dyn Transport,
        now: i64,
    ) -> Result<bool, String> {
        let Some(point) = self.find(id, transport, now)? else { return Ok(false) };
        let Ok(signature) = STANDARD.decode(signature) else { return Ok(false) };
        Ok(UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point).verify(bytes, &signature).is_ok())
    }

    fn find(&self, id: &str, transport: &dyn Transport, now: i64) -> Result<Option<Vec<u8>>, String> {
        // One request asks, the others wait for the answer.
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let is_fresh = known.asked.is_some() && now - known.got < LIFETIME;
        if is_fresh && known.keys.contains_key(id) {
            return Ok(known.keys.get(id).cloned());
        }
        if known.asked.is_some_and(|asked| now - asked < PAUSE) {
            return match known.got == 0 {
                true => Err("the public keys could not be read a moment ago".to_owned()),
                false => Ok(known.keys.get(id).cloned()),
            };
        }
        known.asked = Some(now);
        known.keys = parse(&self.read(transport)?)?;
        known.got = now;
        Ok(known.keys.get(id).cloned())
    }

    fn read(&self, transport: &dyn Transport) -> Result<Vec<u8>, String> {
        match &self.source {
            KeySource::File(path) => {
                std::fs::read(path).map_err(|error| format!("cannot read the public keys {}: {error}", path.display()))
            }
            KeySource::Url(url) => {
                let request = Request::get(url.clone()).header("Accept", "application/json").at_most(MAX_KEYS);
                let answer =
                    transport.send(&request).map_err(|error| format!("cannot get the public keys: {error}"))?;
                match answer.status {
                    200 => answer.bytes().map_err(|error| format!("cannot get the public keys: {error}")),
                    status => Err(format!("cannot get the public keys: the answer is {status}")),
                }
            }
        }
    }
}

fn parse(bytes: &[u8]) -> Result<BTreeMap<String, Vec<u8>>, String> {
    let list: List = serde_json::from_slice(bytes).map_err(|_| "the list of public keys cannot be read".to_owned())?;
    let keys = list.public_keys.into_iter();
    Ok(keys.filter_map(|listed| Some((listed.key_identifier, point(&listed.key)?))).collect())
}

/// The point of a key in PEM.
fn point(pem: &str) -> Option<Vec<u8>> {
    let body = pem.trim().strip_prefix("-----BEGIN PUBLIC KEY-----")?.strip_suffix("-----END PUBLIC KEY-----")?;
    let text: String = body.chars().filter(|c| !c.is_whitespace()).collect();
    let der = STANDARD.decode(text).ok()?;
    let point = der.strip_prefix(&HEAD)?;
    (point.len() == 65).then(|| point.to_vec())
}
