//! Splits the objects of a repository, so that a long scan can stop between parts: no chain of deltas is cut.

use super::Objects;
use crate::source::git::bits::Bits;

impl Objects {
    /// Splits `wanted` into parts that hold about `weight` objects each; what is a delta of each other stays together.
    pub fn parts(&self, wanted: &Bits, weight: usize) -> Vec<Bits> {
        if wanted.count() <= weight.max(1) {
            return vec![wanted.clone()];
        }
        let mut rooted: Vec<(u32, u32)> = wanted.iter().map(|object| (self.root(object), object)).collect();
        rooted.sort_unstable();
        let mut parts: Vec<(usize, Bits)> = Vec::new();
        for family in rooted.chunk_by(|a, b| a.0 == b.0) {
            if parts.last().is_none_or(|(held, _)| *held >= weight) {
                parts.push((0, Bits::new(self.len())));
            }
            if let Some((held, part)) = parts.last_mut() {
                *held += family.len();
                family.iter().for_each(|(_, object)| _ = part.insert(*object));
            }
        }
        parts.into_iter().map(|(_, part)| part).collect()
    }

    /// The entry at the bottom of an object's chain of deltas; a chain that runs in a circle ends somewhere.
    fn root(&self, object: u32) -> u32 {
        const LONGEST: usize = 1 << 16;
        let mut entry = self.catalog.primary(object);
        for _ in 0..LONGEST {
            match self.catalog.base(entry) {
                Some(base) => entry = base,
                None => break,
            }
        }
        entry
    }
}
