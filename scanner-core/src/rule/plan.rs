//! The filter's plan: all rules' literals, the rarest four bytes of each, and the hash that collides least with text.

use super::Rule;
use super::factor::Reach;
use super::grams;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashSet};

/// Words of the filter's table, each of 32 bits: 64 KiB, within a core's own caches.
pub const TABLE_WORDS: usize = 1 << 15;

/// What one more gram in the table costs, in hits per 16 MiB: chance collisions with text.
const ROOM: f64 = 32.0;

/// What the filter looks for and whom it tells.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Plan {
    /// Sorted, without repeats.
    pub literals: Vec<Literal>,
    /// Multiplies a gram; its top bits are the table's index.
    pub multiplier: u32,
}

/// One literal.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Literal {
    /// Folded to lower case; at least four bytes.
    pub bytes: Vec<u8>,
    /// Where its rarest gram begins.
    pub window: u8,
    /// The rules that want it, by index, and where their matches start.
    pub targets: Vec<(u16, Reach)>,
}

/// Gathers the literals of `rules` and searches `tries` multipliers.
pub fn make(rules: &[Rule], tries: usize) -> Plan {
    let mut by_literal: BTreeMap<&[u8], Vec<(u16, Reach)>> = BTreeMap::new();
    for (index, rule) in rules.iter().enumerate() {
        let index = u16::try_from(index).expect("a rule set has fewer than 65,536 rules");
        for (literal, reach) in &rule.factors {
            by_literal.entry(literal).or_default().push((index, *reach));
        }
    }
    let mut used = HashSet::new();
    let mut literals = Vec::with_capacity(by_literal.len());
    for (bytes, targets) in by_literal {
        let cost = |at: usize| {
            let gram = grams::gram(bytes, at);
            let frequency = grams::frequency(gram);
            // A gram that another literal occupies takes no room in the table, only a second comparison.
            if used.contains(&gram) { frequency * 0.4 } else { frequency + ROOM }
        };
        let window = (0..=bytes.len() - 4).min_by(|&a, &b| cost(a).total_cmp(&cost(b))).expect("four bytes or more");
        used.insert(grams::gram(bytes, window));
        literals.push(Literal { bytes: bytes.to_vec(), window: window as u8, targets });
    }
    Plan { multiplier: search_multiplier(&used, tries), literals }
}

/// The table word of a folded gram, and its bit in the low five bits of the second number.
///
/// The top bits of the product mix all four bytes; its low bits are the first byte's, shuffled, and come for free.
#[inline(always)]
pub fn place(gram: u32, multiplier: u32) -> (usize, u32) {
    let product = gram.wrapping_mul(multiplier);
    ((product >> 17) as usize, product)
}

fn search_multiplier(wanted: &HashSet<u32>, tries: usize) -> u32 {
    let mut text: Vec<(u32, u16)> = grams::all().filter(|(gram, _)| !wanted.contains(gram)).collect();
    text.sort_by_key(|&(gram, count)| (std::cmp::Reverse(count), gram));
    let mut best = (u64::MAX, 0x9e37_79b1);
    let mut state = 0x1234_5678_9abc_def1u64;
    let mut table = vec![0u32; TABLE_WORDS];
    for _ in 0..tries {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let multiplier = (state >> 16) as u32 | 1;
        table.fill(0);
        for &gram in wanted {
            let (word, bit) = place(gram, multiplier);
            table[word] |= 1u32.rotate_left(bit);
        }
        let mut collisions = 0u64;
        for &(gram, count) in &text {
            let (word, bit) = place(gram, multiplier);
            if table[word].wrapping_shr(bit) & 1 != 0 {
                collisions += u64::from(count);
                if collisions >= best.0 {
                    break;
                }
            }
        }
        if collisions < best.0 {
            best = (collisions, multiplier);
        }
    }
    best.1
}
