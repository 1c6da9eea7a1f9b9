//! The one pass over all text: a hashed table of four-byte grams says where a rule's literal may stand.

use crate::rule::grams;
use crate::rule::plan::{Literal, Plan, TABLE_WORDS, place};
use std::ops::Range;

/// Positions looked at together in the hot loop.
const STEP: usize = 8;

/// A literal found in text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Hit {
    /// Where it begins.
    pub at: u32,
    /// Its index in the plan.
    pub literal: u16,
}

/// Finds every literal of a plan, letter case aside.
///
/// Method: a multiplicative hash of each folded four-byte window indexes a table of 64 KiB; ordinary text hits it about
/// once in a hundred positions, and only then are literals compared.
pub struct Filter {
    table: Box<[u32; TABLE_WORDS]>,
    /// First entry of each table word; entries are sorted by word.
    first: Box<[u16; TABLE_WORDS]>,
    entries: Vec<Entry>,
    literals: Vec<Literal>,
    multiplier: u32,
    longest: usize,
}

struct Entry {
    /// The literal's first eight bytes and which of them count.
    value: u64,
    mask: u64,
    gram: u32,
    word: u16,
    literal: u16,
    window: u8,
    len: u8,
}

impl Filter {
    /// Builds the tables; tens of microseconds.
    pub fn new(plan: &Plan) -> Filter {
        let mut entries: Vec<Entry> = plan.literals.iter().enumerate().map(|(i, l)| Entry::new(i, l, plan)).collect();
        entries.sort_by_key(|entry| (entry.word, entry.gram, entry.literal));
        let mut table = Box::new([0u32; TABLE_WORDS]);
        let mut first = Box::new([0u16; TABLE_WORDS]);
        for (i, entry) in entries.iter().enumerate().rev() {
            let (word, bit) = place(entry.gram, plan.multiplier);
            table[word] |= 1u32.rotate_left(bit);
            first[word] = i as u16;
        }
        let longest = plan.literals.iter().map(|literal| literal.bytes.len()).max().unwrap_or(0);
        Filter { table, first, entries, literals: plan.literals.clone(), multiplier: plan.multiplier, longest }
    }

    /// Whether a literal's gram may be this one: the lowest bit says so, the others mean nothing.
    #[inline(always)]
    fn look(&self, gram: u32) -> u32 {
        let (word, bit) = place(gram, self.multiplier);
        self.table[word].wrapping_shr(bit)
    }

    /// The literal a hit names.
    pub fn literal(&self, hit: Hit) -> &Literal {
        &self.literals[hit.literal as usize]
    }

    /// Bytes of the longest literal.
    pub fn longest(&self) -> usize {
        self.longest
    }

    /// Appends every literal that lies wholly inside `range`, not sorted.
    pub fn scan(&self, bytes: &[u8], range: Range<usize>, hits: &mut Vec<Hit>) {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("bmi2") {
            // SAFETY: the processor has the instructions the function was compiled for.
            return unsafe { self.scan_bmi2(bytes, range, hits) };
        }
        self.scan_any(bytes, range, hits);
    }

    /// The same code with shifts that leave the flags alone: 12 instructions a byte become 8.
    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "bmi2")]
    fn scan_bmi2(&self, bytes: &[u8], range: Range<usize>, hits: &mut Vec<Hit>) {
        self.scan_any(bytes, range, hits);
    }

    #[inline(always)]
    fn scan_any(&self, bytes: &[u8], range: Range<usize>, hits: &mut Vec<Hit>) {
        let text = &bytes[range.clone()];
        let mut at = 0;
        while let Some(window) = text.get(at..at + STEP + 4) {
            let low = u64::from_le_bytes(window[..8].try_into().expect("eight bytes")) | 0x2020_2020_2020_2020;
            let high = u64::from_le_bytes(window[4..].try_into().expect("eight bytes")) | 0x2020_2020_2020_2020;
            let look = |gram: u64| self.look(gram as u32);
            let any = (look(low) | look(low >> 8))
                | (look(low >> 16) | look(low >> 24))
                | ((look(high) | look(high >> 8)) | (look(high >> 16) | look(high >> 24)));
            if any & 1 != 0 {
                self.compare_step(bytes, range.start + at, [low, high], &range, hits);
            }
            at += STEP;
        }
        for at in at..text.len().saturating_sub(3) {
            self.compare(bytes, range.start + at, &range, hits);
        }
    }

    /// Looks closer at the eight positions from `at` on; `words` hold their folded bytes.
    #[inline(never)]
    fn compare_step(&self, bytes: &[u8], at: usize, words: [u64; 2], range: &Range<usize>, hits: &mut Vec<Hit>) {
        for step in 0..STEP {
            let gram = (words[step / 4] >> (8 * (step % 4))) as u32;
            if self.look(gram) & 1 != 0 {
                self.compare_entries(bytes, at + step, gram, range, hits);
            }
        }
    }

    #[inline(always)]
    fn compare(&self, bytes: &[u8], at: usize, range: &Range<usize>, hits: &mut Vec<Hit>) {
        let gram = grams::gram(bytes, at);
        if self.look(gram) & 1 != 0 {
            self.compare_entries(bytes, at, gram, range, hits);
        }
    }

    fn compare_entries(&self, bytes: &[u8], at: usize, gram: u32, range: &Range<usize>, hits: &mut Vec<Hit>) {
        let (word, _) = place(gram, self.multiplier);
        let of_word = self.entries[self.first[word] as usize..].iter().take_while(|entry| entry.word as usize == word);
        for entry in of_word.filter(|entry| entry.gram == gram) {
            let Some(start) = at.checked_sub(entry.window as usize) else { continue };
            let end = start + entry.len as usize;
            if start < range.start || end > range.end || folded(bytes, start) & entry.mask != entry.value {
                continue;
            }
            let literal = &self.literals[entry.literal as usize].bytes;
            // The fold `|0x20` also joins `@` with a backtick and `_` with DEL: letters alone may differ in case.
            if bytes[start..end].eq_ignore_ascii_case(literal) {
                hits.push(Hit { at: start as u32, literal: entry.literal });
            }
        }
    }
}

impl Entry {
    fn new(index: usize, literal: &Literal, plan: &Plan) -> Entry {
        let mut value = [0u8; 8];
        let mut mask = [0u8; 8];
        for (i, byte) in literal.bytes.iter().take(8).enumerate() {
            value[i] = byte | 0x20;
            mask[i] = 0xff;
        }
        let gram = grams::gram(&literal.bytes, literal.window as usize);
        Entry {
            gram,
            word: place(gram, plan.multiplier).0 as u16,
            literal: index as u16,
            window: literal.window,
            len: literal.bytes.len() as u8,
            value: u64::from_le_bytes(value),
            mask: u64::from_le_bytes(mask),
        }
    }
}

#[inline(always)]
fn folded(bytes: &[u8], at: usize) -> u64 {
    let word = match bytes.get(at..at + 8) {
        Some(eight) => u64::from_le_bytes(eight.try_into().expect("eight bytes")),
        None => bytes[at..].iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte)),
    };
    word | 0x2020_2020_2020_2020
}
