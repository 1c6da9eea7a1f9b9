//! All objects of one repository, packed and loose, its own and borrowed: read in the order deltas depend on each other,
//! so that each base is inflated once.

mod error;
mod visit;

use std::path::{Path, PathBuf};

use crate::{ObjectId, Warning};

pub use error::{ObjectError, ObjectsError};
pub use visit::{Base, Kind, Kinds, Operation, Visit, Visitor, Walked};

/// How much is read on trust.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A larger object is announced and not read; sizes of 4 GiB and more never are.
    pub max_object_bytes: u64,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits { max_object_bytes: 512 << 20 }
    }
}

/// All objects of one repository; each has a number below `len()`.
pub struct Objects {
    warnings: Vec<Warning>,
}

/// Reusable memory for reading single objects.
#[derive(Default)]
pub struct Reader {}

#[allow(unused_variables, clippy::todo)]
impl Objects {
    /// Opens `.git/objects`, the folders it borrows from (`info/alternates`, recursively) and `extra` object folders.
    pub fn open(objects_dir: &Path, extra: &[PathBuf], limits: Limits) -> Result<Objects, ObjectsError> {
        todo!()
    }

    /// What could not be opened: packs, indices, alternates. `walk` reports single objects.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The number of unique objects.
    pub fn len(&self) -> usize {
        todo!()
    }

    /// Whether there is no object.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of the object with this id.
    pub fn find(&self, id: &ObjectId) -> Option<u32> {
        todo!()
    }

    /// The id of an object.
    pub fn id(&self, object: u32) -> ObjectId {
        todo!()
    }

    /// What an object is; `None` when it cannot be known because it, or a base of its delta, is unreadable.
    pub fn kind(&self, object: u32) -> Option<Kind> {
        todo!()
    }

    /// Whether an object is only present in a borrowed object folder.
    pub fn is_borrowed(&self, object: u32) -> bool {
        todo!()
    }

    /// Bytes of packs on disk.
    pub fn size_on_disk(&self) -> u64 {
        todo!()
    }

    /// Reads one object, whatever chain of deltas it hangs on.
    pub fn read(&self, object: u32, reader: &mut Reader) -> Result<(Kind, Vec<u8>), ObjectError> {
        todo!()
    }

    /// Visits every object of `kinds` that is `wanted`, each exactly once, on `threads` threads, a delta's base before the
    /// delta. `make` builds one visitor per thread.
    pub fn walk<V: Visitor>(
        &self,
        kinds: Kinds,
        wanted: &(dyn Fn(u32) -> bool + Sync),
        threads: usize,
        make: &(dyn Fn() -> V + Sync),
    ) -> Walked<V> {
        todo!()
    }
}
