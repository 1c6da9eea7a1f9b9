//! Tar in all dialects: v7, ustar, GNU with long names and sparse files, pax. A header that is none is passed over, and
//! the next one looked for.

mod header;
mod sparse;

pub use header::{Entry, EntryKind, is_tar};

use super::reader::{fill, skip};
use super::trouble::Trouble;
use super::walk::Walk;
use header::{BLOCK, Extended};
use sparse::Sparse;
use std::io::{self, Read};

const LOST: &str = "a header is damaged: what follows it, up to the next sound one, was passed over";

/// Reads a tar from its beginning to its end.
pub struct Reader<R> {
    source: R,
    /// Bytes up to the next header.
    left: u64,
    /// How many of them are padding.
    padding: u64,
    extended: Extended,
    is_lost: bool,
}

impl<R: Read> Reader<R> {
    /// Begins before the first header.
    pub fn new(source: R) -> Reader<R> {
        Reader { source, left: 0, padding: 0, extended: Extended::default(), is_lost: false }
    }

    /// The next entry, whatever it is; none at the end. Bytes that are no header are an entry `Lost`.
    pub fn next_entry(&mut self) -> Result<Option<Entry>, Trouble> {
        let left = std::mem::take(&mut self.left);
        match skip(&mut self.source, left) {
            // Some writers of image layers leave the end of the last block out.
            Err(Trouble::Damaged(_)) if left <= self.padding => return Ok(None),
            skipped => skipped?,
        }
        let mut block = [0; BLOCK];
        loop {
            match fill(&mut self.source, &mut block)? {
                0 => return Ok(None),
                BLOCK => {}
                // Padding of another size.
                count if self.is_lost || block[..count].iter().all(|byte| *byte == 0) => return Ok(None),
                _ => return Err(Trouble::CUT_SHORT),
            }
            if block == [0; BLOCK] {
                continue;
            }
            let Some(entry) = Entry::parse(&block) else {
                if std::mem::replace(&mut self.is_lost, true) {
                    continue;
                }
                let (path, link, parts) = (Vec::new(), Vec::new(), Vec::new());
                return Ok(Some(Entry { path, kind: EntryKind::Lost, link, size: 0, parts }));
            };
            self.is_lost = false;
            let padding = entry.size.wrapping_neg() % BLOCK as u64;
            if self.extended.take_in(&entry, &mut self.source)? {
                skip(&mut self.source, padding)?;
                continue;
            }
            let entry = std::mem::take(&mut self.extended).apply(entry, &mut self.source)?;
            self.padding = entry.size.wrapping_neg() % BLOCK as u64;
            self.left = if entry.kind.has_content() {
                entry.size.saturating_add(entry.size.wrapping_neg() % BLOCK as u64)
            } else {
                0
            };
            return Ok(Some(entry));
        }
    }

    /// The content of the entry that `next_entry` gave; holes of sparse files are shortened.
    pub fn content<'r>(&'r mut self, entry: &'r Entry) -> Box<dyn Read + 'r> {
        let content = Content { reader: self, left: entry.size };
        match entry.kind {
            kind if !kind.has_content() => Box::new(io::empty()),
            EntryKind::Sparse => Box::new(Sparse::new(content, entry)),
            _ => Box::new(content),
        }
    }
}

/// An entry's bytes, counted.
struct Content<'r, R> {
    reader: &'r mut Reader<R>,
    left: u64,
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let most = self.left.min(room.len() as u64) as usize;
        if most == 0 {
            return Ok(0);
        }
        let count = self.reader.source.read(&mut room[..most])?;
        if count == 0 {
            self.left = 0;
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.left -= count as u64;
        self.reader.left -= count as u64;
        Ok(count)
    }
}

/// Hands over every file.
pub(super) fn unpack(walk: &mut Walk<'_, '_>, source: &mut dyn Read) -> Result<(), Trouble> {
    let mut reader = Reader::new(source);
    let mut lost = Ok(());
    loop {
        match reader.next_entry() {
            Ok(None) => return lost,
            Ok(Some(entry)) if entry.kind.has_content() => {
                walk.entry(&entry.path, &mut reader.content(&entry))?;
            }
            Ok(Some(entry)) if entry.kind == EntryKind::Lost => lost = Err(Trouble::damaged(LOST)),
            Ok(Some(_)) => walk.budget.enter()?,
            Err(trouble) => return Err(trouble),
        }
    }
}
