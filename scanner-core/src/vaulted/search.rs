//! Finds vaulted values in text: eight bytes of each, hashed under the key, are looked for at every position; where they
//! may stand the whole value is hashed and compared.
//!
//! Method: a multiplicative hash of the eight bytes at each position indexes a bitmap of 32 KiB, then one that is larger.
//! A position in a thousand passes both by chance, and only then a keyed hash is computed.

use super::Place;
use crate::rule::grams;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;
use zeroize::Zeroizing;

/// Bytes of a value that are looked for at every position.
pub const WINDOW: usize = 8;
/// The shortest value that an index holds.
pub const MIN_LEN: usize = WINDOW;
/// The longest one.
pub const MAX_LEN: usize = 8 << 10;
/// The furthest from a value's beginning that its window begins.
pub const MAX_OFFSET: usize = 255;

/// Words of the small bitmap: it stays in the nearest cache beside the rules' table.
const SMALL: usize = 4096;
/// Positions looked at together.
const STEP: usize = 8;

/// The first 128 bits of a value's keyed hash.
pub(super) type Tag = [u8; 16];

/// What of a value is known beside its tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shape {
    /// The first bits of its window's hash.
    pub hash: u32,
    /// Where the window begins.
    pub offset: u16,
    /// The value's length.
    pub len: u16,
}

/// One value.
#[derive(Clone, Debug, Default)]
pub(super) struct Value {
    /// Whether it counts as a word of its own only: it may be guessed, so that it may be a part of another word.
    pub is_word: bool,
    pub places: Vec<Place>,
}

/// Vaulted values, ready to be looked for.
pub struct Vaulted {
    multiplier: u64,
    bits: u32,
    small: Box<[u64; SMALL]>,
    large: Vec<u64>,
    /// Sorted.
    shapes: Vec<Shape>,
    key: Zeroizing<[u8; 32]>,
    values: HashMap<Tag, Value>,
}

impl fmt::Debug for Vaulted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vaulted").field("values", &self.values.len()).finish_non_exhaustive()
    }
}

impl Vaulted {
    pub(super) fn new(
        multiplier: u64,
        bits: u32,
        mut shapes: Vec<Shape>,
        key: Zeroizing<[u8; 32]>,
        mut values: HashMap<Tag, Value>,
    ) -> Vaulted {
        shapes.sort_unstable();
        shapes.dedup();
        let mut small = Box::new([0u64; SMALL]);
        let mut large = vec![0u64; (1usize << bits).div_ceil(64)];
        for shape in &shapes {
            large[shape.hash as usize / 64] |= 1 << (shape.hash % 64);
            // With fewer bits than the small bitmap has, one hash stands for several of its places.
            let top = u64::from(shape.hash) << (64 - bits);
            for rest in 0..1u64 << 18u32.saturating_sub(bits) {
                let (word, bit) = place(top | rest << 46);
                small[word] |= 1u64.rotate_left(bit);
            }
        }
        for value in values.values_mut() {
            value.places.sort();
            value.places.dedup();
        }
        Vaulted { multiplier, bits, small, large, shapes, key, values }
    }

    /// How many different values there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Where this very value stands; nothing when it stands nowhere.
    pub fn places(&self, value: &[u8]) -> &[Place] {
        let is_possible = (MIN_LEN..=MAX_LEN).contains(&value.len());
        let found = if is_possible { self.values.get(&tag(&self.key, value)) } else { None };
        found.map_or(&[], |value| &value.places)
    }

    /// Every value's places, in no order.
    pub fn values(&self) -> impl Iterator<Item = &[Place]> {
        self.values.values().map(|value| value.places.as_slice())
    }

    /// Tells of every position in `range` where a window may stand that lies wholly in it.
    pub fn scan(&self, bytes: &[u8], range: Range<usize>, found: &mut dyn FnMut(usize)) {
        if self.shapes.is_empty() {
            return;
        }
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("bmi2") {
            // SAFETY: the processor has the instructions the function was compiled for.
            return unsafe { self.scan_bmi2(bytes, range, found) };
        }
        self.scan_any(bytes, range, found);
    }

    /// The same code with shifts that leave the flags alone, as in the rules' filter.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "bmi2")]
    fn scan_bmi2(&self, bytes: &[u8], range: Range<usize>, found: &mut dyn FnMut(usize)) {
        self.scan_any(bytes, range, found);
    }

    #[inline(always)]
    fn scan_any(&self, bytes: &[u8], range: Range<usize>, found: &mut dyn FnMut(usize)) {
        let text = &bytes[range.clone()];
        let mut at = 0;
        while let Some(words) = text.get(at..at + STEP + WINDOW) {
            let words: &[u8; STEP + WINDOW] = words.try_into().expect("as many bytes as were asked for");
            // Eight loads that overlap: less work than shifting two words together.
            let any = self.look(word::<0>(words))
                | self.look(word::<1>(words))
                | self.look(word::<2>(words))
                | self.look(word::<3>(words))
                | self.look(word::<4>(words))
                | self.look(word::<5>(words))
                | self.look(word::<6>(words))
                | self.look(word::<7>(words));
            if any & 1 != 0 {
                self.look_closer(text, at..at + STEP, range.start, found);
            }
            at += STEP;
        }
        self.look_closer(text, at..text.len().saturating_sub(WINDOW - 1), range.start, found);
    }

    /// Whether a window's hash may be known: the lowest bit says so, the others mean nothing.
    #[inline(always)]
    fn look(&self, window: u64) -> u64 {
        let (word, bit) = place(window.wrapping_mul(self.multiplier));
        self.small[word].wrapping_shr(bit)
    }

    #[inline(never)]
    fn look_closer(&self, text: &[u8], positions: Range<usize>, shift: usize, found: &mut dyn FnMut(usize)) {
        for at in positions {
            let Some(window) = text.get(at..at + WINDOW) else { return };
            let window = u64::from_le_bytes(window.try_into().expect("eight bytes"));
            // The large bitmap is far from the processor: it is asked about one position in hundreds.
            if self.look(window) & 1 == 0 {
                continue;
            }
            let hash = window.wrapping_mul(self.multiplier) >> (64 - self.bits);
            if self.large[hash as usize / 64] >> (hash % 64) & 1 != 0 {
                found(shift + at);
            }
        }
    }

    /// Tells of every value whose window stands at `at`. `looked` grows by the bytes that the answer depends on; returns
    /// where a value begins that more text could complete (`usize::MAX` when none).
    pub fn find(
        &self,
        bytes: &[u8],
        at: usize,
        looked: &mut Range<usize>,
        found: &mut dyn FnMut(Range<usize>),
    ) -> usize {
        let Some(window) = bytes.get(at..at + WINDOW) else { return usize::MAX };
        let hash = hash(window, self.multiplier, self.bits);
        let first = self.shapes.partition_point(|shape| shape.hash < hash);
        let mut open = usize::MAX;
        for shape in self.shapes[first..].iter().take_while(|shape| shape.hash == hash) {
            let Some(start) = at.checked_sub(usize::from(shape.offset)) else {
                looked.start = 0;
                continue;
            };
            let span = start..start + usize::from(shape.len);
            looked.start = looked.start.min(span.start.saturating_sub(1));
            looked.end = looked.end.max(span.end + 1);
            let Some(value) = bytes.get(span.clone()) else {
                open = open.min(start);
                continue;
            };
            let known = self.values.get(&tag(&self.key, value));
            if known.is_some_and(|known| !known.is_word || stands_alone(bytes, &span)) {
                found(span);
            }
        }
        open
    }
}

#[inline(always)]
fn word<const AT: usize>(words: &[u8; STEP + WINDOW]) -> u64 {
    u64::from_le_bytes(words[AT..AT + WINDOW].try_into().expect("eight bytes"))
}

fn stands_alone(bytes: &[u8], span: &Range<usize>) -> bool {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80;
    let before = span.start.checked_sub(1).and_then(|before| bytes.get(before));
    !before.is_some_and(is_word) && !bytes.get(span.end).is_some_and(is_word)
}

/// The word and the bit of the small bitmap, from the product's first 18 bits.
#[inline(always)]
fn place(product: u64) -> (usize, u32) {
    ((product >> 52) as usize, (product >> 46) as u32)
}

/// The first `bits` bits of a window's hash.
pub(super) fn hash(window: &[u8], multiplier: u64, bits: u32) -> u32 {
    let word = u64::from_le_bytes(window[..WINDOW].try_into().expect("a window has eight bytes"));
    (word.wrapping_mul(multiplier) >> (64 - bits)) as u32
}

pub(super) fn tag(key: &[u8; 32], value: &[u8]) -> Tag {
    let hash = blake3::keyed_hash(key, value);
    hash.as_bytes()[..16].try_into().expect("a hash has 32 bytes")
}

/// Where the window of a value begins that is rarest in ordinary text. Of a value with white space the first word is
/// taken or the beginning, so that a filter on a stream knows early that it may have begun.
pub(super) fn window(value: &[u8]) -> usize {
    let word = value.iter().position(u8::is_ascii_whitespace).unwrap_or(value.len());
    let last = if word < WINDOW { 0 } else { (word - WINDOW).min(MAX_OFFSET) };
    let cost = |at: &usize| -> f64 {
        (*at..=*at + WINDOW - 4).map(|gram| grams::frequency(grams::gram(value, gram)).ln()).sum()
    };
    (0..=last).min_by(|a, b| cost(a).total_cmp(&cost(b))).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rarest_window_is_taken() {
        assert_eq!(window(b"password"), 0);
        assert!(window(b"password-zq8#Kx1!v") >= 5);
        assert_eq!(window(b"two words of zq8#Kx1!v"), 0);
    }
}
