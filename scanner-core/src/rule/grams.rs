//! How often four bytes stand together in ordinary text, letter case aside: what a literal costs the filter.
//!
//! `grams.bin` is made by `benches/grams.py` from source code, logs and minified scripts.

/// The most frequent grams, sorted: four folded bytes little-endian, then occurrences per 16 MiB as u16.
static GRAMS: &[u8] = include_bytes!("grams.bin");
const ENTRY: usize = 6;

/// Folds letter case as the filter does: `|0x20` on each byte.
pub const FOLD: u32 = 0x2020_2020;

/// The folded gram at `bytes[at..at + 4]`.
#[inline(always)]
pub fn gram(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]) | FOLD
}

/// Occurrences of `gram` in 16 MiB of ordinary text; half a one when it was not seen.
pub fn frequency(gram: u32) -> f64 {
    let entry = |i: usize| &GRAMS[i * ENTRY..(i + 1) * ENTRY];
    let key = |i: usize| u32::from_le_bytes(entry(i)[..4].try_into().expect("an entry has six bytes"));
    let count = GRAMS.len() / ENTRY;
    let (mut low, mut high) = (0, count);
    while low < high {
        let middle = (low + high) / 2;
        if key(middle) < gram { low = middle + 1 } else { high = middle }
    }
    if low < count && key(low) == gram {
        f64::from(u16::from_le_bytes(entry(low)[4..].try_into().expect("an entry has six bytes"))).max(0.5)
    } else {
        0.5
    }
}

/// Every gram of ordinary text with its frequency, for the search of a hash that collides least.
pub fn all() -> impl Iterator<Item = (u32, u16)> {
    GRAMS.chunks_exact(ENTRY).map(|entry| {
        let key = u32::from_le_bytes(entry[..4].try_into().expect("an entry has six bytes"));
        (key, u16::from_le_bytes(entry[4..].try_into().expect("an entry has six bytes")))
    })
}

/// The rarest gram of a literal of at least four bytes: its offset and frequency.
pub fn rarest(literal: &[u8]) -> (usize, f64) {
    let windows = (0..=literal.len() - 4).map(|at| (at, frequency(gram(literal, at))));
    windows.min_by(|a, b| a.1.total_cmp(&b.1)).expect("a literal has at least four bytes")
}
