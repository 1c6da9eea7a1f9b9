//! The index as a text: a line that says what it is, a line for each place, and one that seals them all.

use super::search::{self, Shape, Tag, Value, Vaulted, WINDOW};
use super::{Key, MAX_LEN, MIN_LEN, Place};
use crate::secret::Secret;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap};
use zeroize::Zeroizing;

const TYPE: &str = "stopleak-vault-index";
const VERSION: u32 = 1;

/// Bits of a window's hash beyond those that tell as many values apart: a position in a thousand passes by chance.
const MORE_BITS: u32 = 10;
/// The fewest and the most of them.
const BITS: (u32, u32) = (12, 26);

/// A line's sealed part: the tag, the window's hash, its offset, the length, whether it is a word.
const PAYLOAD: usize = 16 + 4 + 2 + 2 + 1;

/// A value to be known, and where it stands.
#[derive(Clone, Debug)]
pub struct Known {
    /// The value, of `MIN_LEN` to `MAX_LEN` bytes; others are left out.
    pub value: Secret,
    /// Whether it counts as a word of its own only.
    pub is_word: bool,
    /// Where it stands.
    pub place: Place,
}

/// What an index says of itself without the key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// When it was made, RFC 3339.
    pub created: String,
    /// Which key it was made with.
    #[serde(default, rename = "made_with")]
    pub key: String,
    /// The vaults, without credentials.
    pub vaults: Vec<String>,
    /// How many entries and versions were read.
    pub entries: u64,
    /// Versions of them that were read.
    pub versions: u64,
    /// Values that are not in it, by the reason.
    pub skipped: BTreeMap<String, u64>,
}

/// Why a text cannot be used as an index.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IndexError {
    /// Not one of ours.
    #[error("it is no vault index of stopleak")]
    Foreign,
    /// Of a later version.
    #[error("it has version {0}, this stopleak reads version 1")]
    Version(u32),
    /// Made with another key.
    #[error("it was made with the key {index}, this is the key {given}")]
    Key {
        /// The index's.
        index: String,
        /// The one at hand.
        given: String,
    },
    /// Cut off or changed.
    #[error("it is damaged: {0}")]
    Damaged(String),
}

#[derive(Serialize, Deserialize)]
struct Head {
    #[serde(rename = "type")]
    kind: String,
    version: u32,
    // Not called what it is: an index is no finding.
    #[serde(rename = "unique")]
    salt: String,
    bits: u32,
    lines: u64,
    #[serde(flatten)]
    about: About,
}

#[derive(Serialize, Deserialize)]
struct Line {
    #[serde(flatten)]
    place: Place,
    sealed: String,
}

#[derive(Serialize, Deserialize)]
struct End {
    #[serde(rename = "type")]
    kind: String,
    mac: String,
}

/// The keys of one index.
struct Keys {
    tag: Zeroizing<[u8; 32]>,
    seal: Zeroizing<[u8; 32]>,
    mac: Zeroizing<[u8; 32]>,
    multiplier: u64,
}

impl Keys {
    /// Every index has keys of its own, so that two of them cannot be compared without the organisation's key.
    fn new(key: &Key, salt: &[u8]) -> Keys {
        let part = |purpose| Zeroizing::new(*blake3::keyed_hash(&key.part(purpose), salt).as_bytes());
        let window = part("window");
        let multiplier = u64::from_le_bytes(window[..8].try_into().expect("a key has 32 bytes")) | 1;
        Keys { tag: part("tag"), seal: part("seal"), mac: part("mac"), multiplier }
    }

    /// Seals or opens the part of a line; the line's number makes every one different.
    fn seal(&self, line: u64, payload: &mut [u8; PAYLOAD]) {
        let mut stream = Zeroizing::new([0; PAYLOAD]);
        blake3::Hasher::new_keyed(&self.seal).update(&line.to_le_bytes()).finalize_xof().fill(&mut *stream);
        payload.iter_mut().zip(stream.iter()).for_each(|(byte, mask)| *byte ^= mask);
    }

    fn mac(&self, text: &str) -> String {
        blake3::keyed_hash(&self.mac, text.as_bytes()).to_hex()[..32].to_owned()
    }
}

/// Writes an index; `salt` is random and new for each.
pub fn write(key: &Key, salt: [u8; 16], mut values: Vec<Known>, about: About) -> String {
    values.retain(|known| (MIN_LEN..=MAX_LEN).contains(&known.value.expose().len()));
    values.sort_by(|a, b| a.place.cmp(&b.place));
    let keys = Keys::new(key, &salt);
    let bits = bits(values.len());
    let head = Head {
        kind: TYPE.into(),
        version: VERSION,
        salt: STANDARD_NO_PAD.encode(salt),
        bits,
        lines: values.len() as u64,
        about: About { key: key.id(), ..about },
    };
    let mut text = json(&head);
    for (number, known) in (0..).zip(&values) {
        let mut payload = payload(&keys, bits, known);
        keys.seal(number, &mut payload);
        text.push_str(&json(&Line { place: known.place.clone(), sealed: STANDARD_NO_PAD.encode(payload) }));
    }
    let mac = keys.mac(&text);
    text.push_str(&json(&End { kind: "end".into(), mac }));
    text
}

fn bits(values: usize) -> u32 {
    (values.max(1).next_power_of_two().ilog2() + MORE_BITS).clamp(BITS.0, BITS.1)
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("plain data can be written") + "\n"
}

fn payload(keys: &Keys, bits: u32, known: &Known) -> [u8; PAYLOAD] {
    let value = known.value.expose();
    let offset = search::window(value);
    let hash = search::hash(&value[offset..offset + WINDOW], keys.multiplier, bits);
    let mut payload = [0; PAYLOAD];
    payload[..16].copy_from_slice(&search::tag(&keys.tag, value));
    payload[16..20].copy_from_slice(&hash.to_le_bytes());
    payload[20..22].copy_from_slice(&(offset as u16).to_le_bytes());
    payload[22..24].copy_from_slice(&(value.len() as u16).to_le_bytes());
    payload[24] = u8::from(known.is_word);
    payload
}

/// What an index says of itself; the key is not needed.
pub fn about(text: &str) -> Result<About, IndexError> {
    head(text).map(|(head, _)| head.about)
}

fn head(text: &str) -> Result<(Head, &str), IndexError> {
    #[derive(Deserialize)]
    struct Kind {
        #[serde(rename = "type")]
        kind: String,
        version: u32,
    }
    let (first, rest) = text.split_once('\n').ok_or(IndexError::Foreign)?;
    let kind: Kind = serde_json::from_str(first).map_err(|_| IndexError::Foreign)?;
    if kind.kind != TYPE {
        return Err(IndexError::Foreign);
    }
    if kind.version != VERSION {
        return Err(IndexError::Version(kind.version));
    }
    let head = serde_json::from_str(first).map_err(|error| IndexError::Damaged(error.to_string()))?;
    Ok((head, rest))
}

/// Reads an index with its key.
pub fn read(text: &str, key: &Key) -> Result<Vaulted, IndexError> {
    let damaged = |what: &str| IndexError::Damaged(what.to_owned());
    let (head, rest) = head(text)?;
    if head.about.key != key.id() {
        return Err(IndexError::Key { index: head.about.key, given: key.id() });
    }
    let salt = STANDARD_NO_PAD.decode(&head.salt).map_err(|_| damaged("its salt is no base64"))?;
    let keys = Keys::new(key, &salt);
    let trimmed = text.trim_end_matches('\n');
    let (sealed, last) = trimmed.rsplit_once('\n').ok_or_else(|| damaged("its end is missing"))?;
    let end: End = serde_json::from_str(last).map_err(|_| damaged("its end is missing"))?;
    let mac = keys.mac(&text[..sealed.len() + 1]);
    // Whoever can make a mac has the key.
    if end.kind != "end" || end.mac != mac || !(BITS.0..=BITS.1).contains(&head.bits) {
        return Err(damaged("it was changed or cut off"));
    }
    let lines = rest[..rest.len() - (text.len() - sealed.len() - 1)].lines();
    let (mut shapes, mut values): (Vec<Shape>, HashMap<Tag, Value>) = (Vec::new(), HashMap::new());
    for (number, line) in (0..).zip(lines) {
        let line: Line = serde_json::from_str(line).map_err(|error| IndexError::Damaged(error.to_string()))?;
        let payload = STANDARD_NO_PAD.decode(&line.sealed).ok().and_then(|bytes| bytes.try_into().ok());
        let mut payload: [u8; PAYLOAD] = payload.ok_or_else(|| damaged("a line's sealed part"))?;
        keys.seal(number, &mut payload);
        let (tag, shape) = open(&payload);
        if shape.hash >> head.bits != 0 || usize::from(shape.len) > MAX_LEN {
            return Err(damaged("a line's sealed part"));
        }
        shapes.push(shape);
        let value = values.entry(tag).or_default();
        value.is_word = payload[24] != 0;
        value.places.push(line.place);
    }
    Ok(Vaulted::new(keys.multiplier, head.bits, shapes, keys.tag, values))
}

fn open(payload: &[u8; PAYLOAD]) -> (Tag, Shape) {
    let two = |at: usize| u16::from_le_bytes([payload[at], payload[at + 1]]);
    let shape = Shape { hash: u32::from(two(16)) | u32::from(two(18)) << 16, offset: two(20), len: two(22) };
    (payload[..16].try_into().expect("a payload is longer"), shape)
}
