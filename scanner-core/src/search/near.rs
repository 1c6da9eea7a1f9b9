//! How far apart two matches stand, in lines and columns.

use super::Found;
use crate::rule::own::Required;
use std::collections::HashMap;

/// Lines and columns of all matches, when any rule asks for them.
pub struct Near(HashMap<usize, (u32, u32)>);

impl Near {
    /// Walks the text once; `asks` says of each search whether it requires another.
    pub fn new(text: &[u8], asks: impl Iterator<Item = bool>, of_search: &[Vec<Found>]) -> Near {
        let is_asked = asks.zip(of_search).any(|(asks, found)| asks && !found.is_empty());
        if !is_asked {
            return Near(HashMap::new());
        }
        let mut starts: Vec<usize> = of_search.iter().flatten().map(|found| found.whole.start).collect();
        starts.sort_unstable();
        starts.dedup();
        let (mut at, mut line, mut column) = (0, 1, 1);
        let mut places = HashMap::with_capacity(starts.len());
        for start in starts {
            for &byte in &text[at..start] {
                match byte {
                    b'\n' => (line, column) = (line + 1, 1),
                    // A byte that continues a character is no column.
                    _ => column += u32::from(byte & 0xc0 != 0x80),
                }
            }
            at = start;
            places.insert(start, (line, column));
        }
        Near(places)
    }

    /// Whether matches that begin at these offsets are as near as required.
    pub fn is_within(&self, one: usize, other: usize, required: &Required) -> bool {
        let (Some(one), Some(other)) = (self.0.get(&one), self.0.get(&other)) else { return false };
        required.lines.is_none_or(|most| one.0.abs_diff(other.0) <= most)
            && required.columns.is_none_or(|most| one.1.abs_diff(other.1) <= most)
    }
}
