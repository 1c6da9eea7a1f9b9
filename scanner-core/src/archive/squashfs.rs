//! Squashfs 4, little-endian, as snaps and live systems are: no library of it is free of C. Tables of files and folders are
//! held, contents are read block by block.

mod file;
mod tables;

use super::limits::Budget;
use super::reader::{ReadSeek, bytes, exactly, stretch};
use super::trouble::Trouble;
use super::walk::Walk;
use super::{Kind, Peeked, inflate::Inflate, xz, zstd::Zstd};
use file::Content;
use std::collections::HashSet;
use std::io::{Read, SeekFrom};
use tables::Table;

/// Folders inside folders.
const MAX_FOLDERS: usize = 256;
/// A folder's path and a name in it.
const MAX_PATH: usize = 4096;
const DAMAGED: Trouble = Trouble::Damaged(std::borrow::Cow::Borrowed("its tables are damaged"));

/// An open file system.
struct System<'s> {
    source: &'s mut dyn ReadSeek,
    block: u64,
    method: u16,
    fragments: Vec<(u64, u32)>,
}

/// Hands over every file.
pub fn unpack(walk: &mut Walk<'_, '_>, source: &mut dyn ReadSeek) -> Result<(), Trouble> {
    source.rewind()?;
    let head: [u8; 96] = exactly(&mut *source)?;
    let block = u64::from(word(&head, 12));
    if !(4096..=1 << 20).contains(&block) {
        return Err(DAMAGED);
    }
    let mut system = System { source, block, method: half(&head, 20), fragments: Vec::new() };
    if !matches!(system.method, 1 | 4 | 5 | 6) {
        let method = ["nothing", "zlib", "lzma", "lzo"].get(usize::from(system.method)).unwrap_or(&"an unknown method");
        return Err(Trouble::Unsupported(format!("it is compressed with {method}, which is not read").into()));
    }
    let (inodes, folders) = (long(&head, 64), long(&head, 72));
    let end = [long(&head, 80), long(&head, 88), long(&head, 48), long(&head, 56), long(&head, 40)];
    let after = |start: u64| end.into_iter().filter(|at| *at > start && *at != u64::MAX).min().unwrap_or(start);
    let budget = walk.budget;
    let inodes = Table::read(&mut system, inodes, folders, budget)?;
    let folders = Table::read(&mut system, folders, after(folders), budget)?;
    system.fragments = tables::fragments(&mut system, long(&head, 80), word(&head, 16), budget)?;
    let root = long(&head, 32);
    let mut seen = HashSet::from([root]);
    let mut pending = vec![(String::new(), root, 0)];
    while let Some((path, folder, depth)) = pending.pop() {
        let entries = match tables::entries(&inodes, &folders, folder) {
            Ok(entries) => entries,
            Err(trouble) => {
                walk.warn(path.as_bytes(), trouble)?;
                continue;
            }
        };
        for (name, inode, kind) in entries {
            let name = String::from_utf8_lossy(&name);
            let path = if path.is_empty() { name.into_owned() } else { format!("{path}/{name}") };
            match kind {
                1 if seen.insert(inode) && depth < MAX_FOLDERS && path.len() < MAX_PATH => {
                    pending.push((path, inode, depth + 1))
                }
                2 => match Content::new(&inodes, inode, &mut system, budget) {
                    Ok(mut content) => walk.entry(path.as_bytes(), &mut content)?,
                    Err(trouble) => walk.warn(path.as_bytes(), trouble)?,
                },
                _ => walk.budget.enter()?,
            }
        }
    }
    Ok(())
}

impl System<'_> {
    /// A block of the file, unpacked; `most` is the largest it may be.
    fn block(&mut self, at: u64, size: u64, is_packed: bool, most: u64, budget: &Budget) -> Result<Vec<u8>, Trouble> {
        let mut raw = stretch(self.source, at, size)?;
        if !is_packed {
            return bytes(&mut raw, size.min(most));
        }
        let raw = bytes(&mut raw, size)?;
        let mut out = Vec::new();
        match self.method {
            1 => Inflate::zlib(&raw[..]).take(most).read_to_end(&mut out)?,
            4 => xz::decoder(Kind::Xz, Peeked::new(&raw[..])?, budget)?.take(most).read_to_end(&mut out)?,
            5 => {
                out.resize(most as usize, 0);
                let len = lz4_flex::block::decompress_into(&raw, &mut out)
                    .map_err(|_| Trouble::damaged("a block is damaged"))?;
                out.truncate(len);
                len
            }
            _ => Zstd::new(&raw[..], budget).take(most).read_to_end(&mut out)?,
        };
        Ok(out)
    }

    /// A block of a table, whose header tells its size; and where the next one begins.
    fn table_block(&mut self, at: u64, budget: &Budget) -> Result<(Vec<u8>, u64), Trouble> {
        self.source.seek(SeekFrom::Start(at))?;
        let header = u16::from_le_bytes(exactly(&mut *self.source)?);
        let size = u64::from(header & 0x7fff);
        Ok((self.block(at + 2, size, header & 0x8000 == 0, 8192, budget)?, at + 2 + size))
    }
}

fn half(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..at + 2).map_or(0, |pair| u16::from_le_bytes([pair[0], pair[1]]))
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from(half(bytes, at)) | u32::from(half(bytes, at + 2)) << 16
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from(word(bytes, at)) | u64::from(word(bytes, at + 4)) << 32
}
