//! The one pass over all text: a hashed table of four-byte grams says where a rule's literal may stand.

use crate::rule::grams;
use crate::rule::plan::{Literal, Plan, TABLE_BITS, slot};
use std::ops::Range;

const SLOTS: usize = 1 << TABLE_BITS;
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
/// Method and figures: a multiplicative hash of each folded four-byte window indexes a 64 KiB table; ordinary text
/// hits it about once in a hundred positions, and only then are literals compared.
pub struct Filter {
    table: Box<[u8; SLOTS]>,
    /// First entry of each slot; entries are sorted by slot.
    first: Box<[u16]>,
    entries: Vec<Entry>,
    literals: Vec<Literal>,
    multiplier: u32,
    longest: usize,
}

struct Entry {
    slot: u16,
    literal: u16,
    window: u8,
    len: u8,
    /// The literal's first eight bytes and which of them count.
    value: u64,
    mask: u64,
}

impl Filter {
    /// Builds the tables; tens of microseconds.
    pub fn new(plan: &Plan) -> Filter {
        let mut entries: Vec<Entry> = plan.literals.iter().enumerate().map(|(i, l)| Entry::new(i, l, plan)).collect();
        entries.sort_by_key(|entry| (entry.slot, entry.literal));
        let mut table: Box<[u8; SLOTS]> = vec![0u8; SLOTS].into_boxed_slice().try_into().expect("SLOTS bytes");
        let mut first = vec![0u16; SLOTS].into_boxed_slice();
        for (i, entry) in entries.iter().enumerate().rev() {
            table[entry.slot as usize] = 1;
            first[entry.slot as usize] = i as u16;
        }
        let longest = plan.literals.iter().map(|literal| literal.bytes.len()).max().unwrap_or(0);
        Filter { table, first, entries, literals: plan.literals.clone(), multiplier: plan.multiplier, longest }
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
        let text = &bytes[range.clone()];
        let mut at = 0;
        while let Some(window) = text.get(at..at + STEP + 4) {
            let low = u64::from_le_bytes(window[..8].try_into().expect("eight bytes")) | 0x2020_2020_2020_2020;
            let high = u64::from_le_bytes(window[4..].try_into().expect("eight bytes")) | 0x2020_2020_2020_2020;
            let look = |gram: u64| self.table[slot(gram as u32, self.multiplier)];
            let any = (look(low) | look(low >> 8))
                | (look(low >> 16) | look(low >> 24))
                | ((look(high) | look(high >> 8)) | (look(high >> 16) | look(high >> 24)));
            if any != 0 {
                self.compare_step(bytes, range.start + at, &range, hits);
            }
            at += STEP;
        }
        for at in at..text.len().saturating_sub(3) {
            self.compare(bytes, range.start + at, &range, hits);
        }
    }

    #[cold]
    #[inline(never)]
    fn compare_step(&self, bytes: &[u8], at: usize, range: &Range<usize>, hits: &mut Vec<Hit>) {
        (at..at + STEP).for_each(|at| self.compare(bytes, at, range, hits));
    }

    #[inline]
    fn compare(&self, bytes: &[u8], at: usize, range: &Range<usize>, hits: &mut Vec<Hit>) {
        let slot = slot(grams::gram(bytes, at), self.multiplier);
        if self.table[slot] == 0 {
            return;
        }
        for entry in &self.entries[self.first[slot] as usize..] {
            if entry.slot as usize != slot {
                break;
            }
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
            slot: slot(gram, plan.multiplier) as u16,
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
