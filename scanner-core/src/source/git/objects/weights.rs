//! How many wanted objects hang below each entry: what to prune, what to visit last, what is worth sharing.

use super::catalog::Catalog;
use super::visit::Kinds;

/// Set when the entry itself is wanted.
const WANTED: u32 = 1 << 31;

/// For each entry, the wanted objects in its subtree.
pub struct Weights(Vec<u32>);

impl Weights {
    /// Weighs every subtree. Of several copies of an object one alone is wanted.
    pub fn new(catalog: &Catalog, kinds: Kinds, wanted: &(dyn Fn(u32) -> bool + Sync)) -> Weights {
        // What has no kind, or none that is known yet, may be what is asked for.
        let may_be = |entry| catalog.state(entry).kind().is_none_or(|kind| kinds.contains(kind));
        let is_wanted = |entry: u32| {
            let object = catalog.object(entry);
            may_be(entry) && catalog.primary(object) == entry && wanted(object)
        };
        let count = catalog.entries() as u32;
        let mut weights = Weights((0..count).map(|entry| if is_wanted(entry) { WANTED | 1 } else { 0 }).collect());
        let has_bases_first = (0..count).all(|entry| catalog.base(entry).is_none_or(|base| base < entry));
        if has_bases_first {
            (0..count).rev().for_each(|entry| weights.add_to_base(catalog, entry));
        } else {
            bases_first(catalog).into_iter().rev().for_each(|entry| weights.add_to_base(catalog, entry));
        }
        weights
    }

    fn add_to_base(&mut self, catalog: &Catalog, entry: u32) {
        let weight = self.of(entry);
        if let Some(base) = catalog.base(entry) {
            self.0[base as usize] += weight;
        }
    }

    /// Wanted objects in the subtree.
    #[inline]
    pub fn of(&self, entry: u32) -> u32 {
        self.0[entry as usize] & !WANTED
    }

    /// Whether the entry itself is wanted.
    #[inline]
    pub fn is_wanted(&self, entry: u32) -> bool {
        self.0[entry as usize] & WANTED != 0
    }

    /// Whether nothing below the entry is wanted.
    #[inline]
    pub fn is_leaf(&self, entry: u32) -> bool {
        self.0[entry as usize] == WANTED | 1
    }
}

/// All entries, each after its base.
fn bases_first(catalog: &Catalog) -> Vec<u32> {
    let mut order = Vec::with_capacity(catalog.entries());
    order.extend((0..catalog.entries() as u32).filter(|entry| catalog.base(*entry).is_none()));
    let mut next = 0;
    while let Some(entry) = order.get(next) {
        order.extend(catalog.children.of(*entry));
        next += 1;
    }
    order
}
