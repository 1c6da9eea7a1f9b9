//! The sorted ids of all objects: an object's number is its place among them.

use crate::ObjectId;

use super::index::Index;

/// All ids, in order, with a table from an id's first bits to where it would be.
pub struct Names {
    ids: Ids,
    shift: u32,
    buckets: Vec<u32>,
}

enum Ids {
    /// The one pack's index is sorted already.
    Index(Index),
    Table(Vec<ObjectId>),
}

impl Names {
    /// The ids of an index that is sorted.
    pub fn of_index(index: Index) -> Names {
        Names::new(Ids::Index(index))
    }

    /// Sorted ids.
    pub fn of_table(ids: Vec<ObjectId>) -> Names {
        Names::new(Ids::Table(ids))
    }

    fn new(ids: Ids) -> Names {
        let mut names = Names { ids, shift: 0, buckets: Vec::new() };
        // About four ids to a bucket: one byte of table per object.
        let bits = (names.len().max(1).ilog2().saturating_sub(2)).clamp(1, 24);
        names.shift = 32 - bits;
        names.buckets = vec![0; (1 << bits) + 1];
        for object in 0..names.len() {
            let bucket = names.bucket(&names.id(object as u32));
            names.buckets[bucket + 1] += 1;
        }
        for bucket in 1..names.buckets.len() {
            names.buckets[bucket] += names.buckets[bucket - 1];
        }
        names
    }

    /// The number of ids.
    pub fn len(&self) -> usize {
        match &self.ids {
            Ids::Index(index) => index.len(),
            Ids::Table(ids) => ids.len(),
        }
    }

    /// The id at a place.
    #[inline]
    pub fn id(&self, object: u32) -> ObjectId {
        match &self.ids {
            Ids::Index(index) => index.id(object as usize),
            Ids::Table(ids) => ids[object as usize],
        }
    }

    /// The place of an id.
    #[inline]
    pub fn find(&self, id: &ObjectId) -> Option<u32> {
        let bucket = self.bucket(id);
        let (mut low, mut high) = (self.buckets[bucket], self.buckets[bucket + 1]);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.id(middle).cmp(id) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Some(middle),
            }
        }
        None
    }

    fn bucket(&self, id: &ObjectId) -> usize {
        let [a, b, c, d, ..] = id.0;
        (u32::from_be_bytes([a, b, c, d]) >> self.shift) as usize
    }
}
