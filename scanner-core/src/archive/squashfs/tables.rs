//! The tables of a squashfs: what files and folders there are, and where the ends of small files are kept.

use super::{DAMAGED, System, half, long, word};
use crate::archive::limits::{Budget, Reserved};
use crate::archive::trouble::Trouble;

/// A table, unpacked.
pub struct Table<'b> {
    bytes: Vec<u8>,
    /// Where each packed block began, relative to the first, and where it is unpacked.
    starts: Vec<(u64, usize)>,
    _reserved: Vec<Reserved<'b>>,
}

impl<'b> Table<'b> {
    /// Reads the blocks from `at` to `end`.
    pub fn read(system: &mut System, at: u64, end: u64, budget: &'b Budget) -> Result<Table<'b>, Trouble> {
        let (mut bytes, mut starts, mut reserved) = (Vec::new(), Vec::new(), Vec::new());
        let mut next = at;
        while next < end {
            let (block, after) = system.table_block(next, budget)?;
            reserved.push(budget.reserve(2 * block.len() as u64 + 16)?);
            starts.push((next - at, bytes.len()));
            bytes.extend_from_slice(&block);
            next = after;
        }
        Ok(Table { bytes, starts, _reserved: reserved })
    }

    /// What stands at a place: a block, and an offset in it.
    pub fn at(&self, block: u64, offset: usize) -> Result<&[u8], Trouble> {
        let index = self.starts.binary_search_by_key(&block, |(start, _)| *start).map_err(|_| DAMAGED)?;
        self.bytes.get(self.starts[index].1 + offset..).ok_or(DAMAGED)
    }

    /// What a reference names.
    pub fn named(&self, reference: u64) -> Result<&[u8], Trouble> {
        self.at(reference >> 16, (reference & 0xffff) as usize)
    }
}

/// Where blocks are that hold the ends of files, and their sizes as written.
pub fn fragments(system: &mut System, at: u64, count: u32, budget: &Budget) -> Result<Vec<(u64, u32)>, Trouble> {
    let mut fragments = Vec::new();
    for index in 0..u64::from(count).div_ceil(512) {
        let mut pointer = super::stretch(system.source, at.saturating_add(8 * index), 8)?;
        let block = u64::from_le_bytes(super::exactly(&mut pointer)?);
        drop(pointer);
        let (bytes, _) = system.table_block(block, budget)?;
        fragments.extend(bytes.chunks_exact(16).map(|entry| (long(entry, 0), word(entry, 8))));
    }
    Ok(fragments)
}

/// The entries of a folder: name, reference, and kind (1 a folder, 2 a file).
pub fn entries(inodes: &Table, folders: &Table, folder: u64) -> Result<Vec<(Vec<u8>, u64, u16)>, Trouble> {
    let inode = inodes.named(folder)?;
    let (block, size, offset) = match half(inode, 0) {
        1 => (word(inode, 16), u32::from(half(inode, 24)), half(inode, 26)),
        8 => (word(inode, 24), word(inode, 20), half(inode, 34)),
        _ => return Err(DAMAGED),
    };
    let mut entries = Vec::new();
    // Three bytes stand for `.` and `..`, which are not there.
    let Some(size) = size.checked_sub(3).filter(|size| *size > 0) else { return Ok(entries) };
    let listing = folders.at(u64::from(block), usize::from(offset))?;
    let mut rest = listing.get(..size as usize).ok_or(DAMAGED)?;
    while rest.len() > 12 {
        let (count, start) = (word(rest, 0), word(rest, 4));
        rest = &rest[12..];
        for _ in 0..=count {
            if rest.len() < 8 {
                return Err(DAMAGED);
            }
            let (offset, kind, len) = (half(rest, 0), half(rest, 4), usize::from(half(rest, 6)) + 1);
            let name = rest.get(8..8 + len).ok_or(DAMAGED)?.to_vec();
            entries.push((name, u64::from(start) << 16 | u64::from(offset), kind));
            rest = &rest[8 + len..];
        }
    }
    Ok(entries)
}
