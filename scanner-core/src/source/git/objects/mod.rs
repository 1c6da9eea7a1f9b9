//! All objects of one repository, packed and loose, its own and borrowed: read in the order deltas depend on each other,
//! so that each base is inflated once.
//!
//! `folders` finds packs and loose objects, `catalog` makes dense tables of them, `walk` visits many objects and `read` one.

mod buffer;
mod bytes;
mod catalog;
mod delta;
mod entry;
mod error;
mod failures;
mod folders;
mod index;
mod inflate;
mod links;
mod loose;
mod midx;
mod names;
mod parts;
mod read;
mod visit;
mod walk;
mod weights;

use std::path::{Path, PathBuf};

use crate::{ObjectId, Warning};

use buffer::Buffer;
use bytes::Bytes;
use catalog::Catalog;
use folders::Source;
use index::Index;
use inflate::Inflater;
use links::State;
use loose::Loose;

pub use error::{ObjectError, ObjectsError};
pub use read::Reader;
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

impl Limits {
    /// The limit, within what an operation's 32 bits can say.
    fn max_bytes(&self) -> u64 {
        self.max_object_bytes.min(u32::MAX.into())
    }
}

/// All objects of one repository; each has a number below `len()`, in the order of the ids.
pub struct Objects {
    catalog: Catalog,
    limits: Limits,
    warnings: Vec<Warning>,
}

impl Objects {
    /// Opens `.git/objects`, the folders it borrows from (`info/alternates`, recursively) and `extra` object folders.
    pub fn open(objects_dir: &Path, extra: &[PathBuf], limits: Limits) -> Result<Objects, ObjectsError> {
        let mut warnings = Vec::new();
        let folders = folders::find(objects_dir, extra, &mut warnings)?;
        let (mut sources, mut loose, mut loose_ids) = (Vec::new(), Loose::default(), Vec::new());
        for (number, folder) in folders.iter().enumerate() {
            sources.extend(folders::packs(folder, &mut warnings));
            let ids = folders::loose(folder, &mut warnings);
            ids.iter().for_each(|_| loose.push(number as u32));
            loose_ids.extend(ids);
        }
        loose.folders = folders;
        let catalog = Catalog::new(sources, loose, loose_ids, &mut Inflater::new(limits.max_bytes()))?;
        Ok(Objects { catalog, limits, warnings })
    }

    /// Opens one pack and its index held in memory, as a fuzzer makes them.
    pub fn from_pack(pack: Vec<u8>, index: Vec<u8>, limits: Limits) -> Result<Objects, ObjectsError> {
        let mut warnings = Vec::new();
        let name = "pack in memory";
        let broken = |why: &str| Warning::unscanned("corrupt-pack", name, format!("the pack is not scanned: {why}"));
        let source = Index::parse(Bytes::Owned(index)).map_err(broken).and_then(|index| {
            folders::check(&pack, &index, Path::new(name), &mut warnings)?;
            Ok(Source { name: name.into(), pack: Bytes::Owned(pack), index, borrowed: false })
        });
        let sources = source.map_or_else(
            |warning| {
                warnings.push(warning);
                Vec::new()
            },
            |source| vec![source],
        );
        let catalog = Catalog::new(sources, Loose::default(), Vec::new(), &mut Inflater::new(limits.max_bytes()))?;
        Ok(Objects { catalog, limits, warnings })
    }

    /// What could not be opened: packs, indices, alternates. `walk` reports single objects.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// The number of unique objects.
    pub fn len(&self) -> usize {
        self.catalog.names.len()
    }

    /// Whether there is no object.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The number of the object with this id.
    #[inline]
    pub fn find(&self, id: &ObjectId) -> Option<u32> {
        self.catalog.names.find(id)
    }

    /// The id of an object.
    #[inline]
    pub fn id(&self, object: u32) -> ObjectId {
        self.catalog.names.id(object)
    }

    /// What an object is; `None` when it cannot be known because it, or a base of its delta, is unreadable.
    /// A loose object's file is opened the first time.
    pub fn kind(&self, object: u32) -> Option<Kind> {
        let known = self.catalog.state(self.catalog.primary(object)).kind();
        let mut inflater = None;
        known.or_else(|| {
            self.catalog.copies(object).find_map(|entry| {
                let inflater = inflater.get_or_insert_with(|| Inflater::new(self.limits.max_bytes()));
                self.catalog.kind(entry, inflater)
            })
        })
    }

    /// Whether an object is only present in a borrowed object folder.
    pub fn is_borrowed(&self, object: u32) -> bool {
        self.catalog.is_borrowed(self.catalog.primary(object))
    }

    /// Bytes of packs on disk.
    pub fn size_on_disk(&self) -> u64 {
        self.catalog.packs.iter().map(|pack| pack.bytes.len() as u64).sum()
    }

    /// Reads one object, whatever chain of deltas it hangs on.
    pub fn read(&self, object: u32, reader: &mut Reader) -> Result<(Kind, Vec<u8>), ObjectError> {
        let (kind, bytes) = reader.read(self, object)?;
        Ok((kind, bytes.to_vec()))
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
        walk::walk(self, kinds, wanted, threads.max(1), make)
    }

    /// Reads an entry that is no delta; the content of a loose one only if its kind `is_wanted`.
    fn read_whole(
        &self,
        entry: u32,
        is_wanted: impl Fn(Kind) -> bool,
        inflater: &mut Inflater,
        file: &mut Vec<u8>,
        out: &mut Buffer,
    ) -> Result<Kind, ObjectError> {
        match entry.checked_sub(self.catalog.packed() as u32) {
            Some(number) => {
                let id = self.catalog.names.id(self.catalog.object(entry));
                self.catalog.loose.read(number as usize, id, is_wanted, inflater, file, out)
            }
            None => {
                let state = self.catalog.state(entry);
                let kind = state.kind().ok_or_else(|| damage(state))?;
                self.inflate(entry, inflater, out)?;
                Ok(kind)
            }
        }
    }

    /// Inflates the stream of a packed entry: an object, or a delta.
    fn inflate(&self, entry: u32, inflater: &mut Inflater, out: &mut Buffer) -> Result<(), ObjectError> {
        let stream = self.catalog.stream(entry).ok_or_else(|| damage(State::BROKEN))?;
        if inflater.is_release_due(stream.length) {
            self.catalog.packs.iter().for_each(|pack| pack.bytes.release());
        }
        let size = inflater.check(stream.size, stream.length)?;
        inflater.inflate(stream.bytes, size, out)
    }
}

/// Why an entry in this state cannot be read.
fn damage(state: State) -> ObjectError {
    match state {
        State::ORPHAN => ObjectError::MissingBase,
        State::CYCLE => ObjectError::Corrupt("it is a delta of itself"),
        _ => ObjectError::Corrupt("its entry in the pack cannot be understood"),
    }
}
