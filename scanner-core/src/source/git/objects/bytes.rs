//! The bytes of a pack or an index: mapped from a file, or owned.

use std::fs::File;
use std::io;
use std::ops::Deref;
use std::path::Path;

use memmap2::Mmap;

/// Bytes that do not change while they are held.
pub enum Bytes {
    Mapped(Mmap),
    Owned(Vec<u8>),
}

impl Bytes {
    /// Maps a whole file.
    pub fn map(path: &Path) -> io::Result<Bytes> {
        let file = File::open(path)?;
        if file.metadata()?.len() == 0 {
            return Ok(Bytes::Owned(Vec::new()));
        }
        // SAFETY: git never rewrites a pack or an index in place: it writes a new file and renames it, and an unlinked file
        // stays whole while it is mapped. Every read is bounds-checked against the length at the time of mapping.
        let map = unsafe { Mmap::map(&file)? };
        Ok(Bytes::Mapped(map))
    }

    /// Lets go of the memory that holds the file's pages; they are mapped again when they are read.
    pub fn release(&self) {
        #[cfg(unix)]
        if let Bytes::Mapped(map) = self {
            // SAFETY: the map is read-only and of a file that does not change (see `map`), so that a page mapped again holds
            // the bytes it held before. Without this, the resident memory of a scan is the size of the pack.
            let released = unsafe { map.unchecked_advise(memmap2::UncheckedAdvice::DontNeed) };
            // A kernel that refuses keeps the pages, which is harmless.
            released.ok();
        }
    }
}

impl Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Bytes::Mapped(map) => map,
            Bytes::Owned(bytes) => bytes,
        }
    }
}
