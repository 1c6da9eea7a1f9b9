//! A file of a squashfs: whole blocks, then an end that it shares a block with other files' ends.

use super::tables::Table;
use super::{DAMAGED, System, half, long, word};
use crate::archive::limits::Budget;
use crate::archive::trouble::Trouble;
use std::io::{self, Read};

const IS_PLAIN: u32 = 1 << 24;
const NO_FRAGMENT: u32 = u32::MAX;

/// A file's content.
pub struct Content<'a, 's> {
    system: &'a mut System<'s>,
    budget: &'a Budget,
    /// Sizes of the blocks as written.
    blocks: Vec<u32>,
    next: usize,
    at: u64,
    left: u64,
    fragment: Option<(u64, u32, usize)>,
    held: Vec<u8>,
    given: usize,
}

impl<'a, 's> Content<'a, 's> {
    /// The file that an inode describes.
    pub fn new(inodes: &Table, inode: u64, system: &'a mut System<'s>, budget: &'a Budget) -> Result<Self, Trouble> {
        let inode = inodes.named(inode)?;
        let (at, size, fragment, offset, sizes) = match half(inode, 0) {
            2 => (u64::from(word(inode, 16)), u64::from(word(inode, 28)), word(inode, 20), word(inode, 24), 32),
            9 => (long(inode, 16), long(inode, 24), word(inode, 44), word(inode, 48), 56),
            _ => return Err(DAMAGED),
        };
        let has_fragment = fragment != NO_FRAGMENT;
        let count = if has_fragment { size / system.block } else { size.div_ceil(system.block) };
        let len = usize::try_from(count).ok().and_then(|count| count.checked_mul(4)).ok_or(DAMAGED)?;
        let sizes = inode.get(sizes..).and_then(|sizes| sizes.get(..len)).ok_or(DAMAGED)?;
        let blocks = sizes.chunks_exact(4).map(|size| word(size, 0)).collect();
        let fragment = match has_fragment {
            true => {
                let (at, size) = *system.fragments.get(fragment as usize).ok_or(DAMAGED)?;
                Some((at, size, offset as usize))
            }
            false => None,
        };
        Ok(Content { system, budget, blocks, next: 0, at, left: size, fragment, held: Vec::new(), given: 0 })
    }

    /// Unpacks the next block; `false` at the end.
    fn advance(&mut self) -> Result<bool, Trouble> {
        let most = self.system.block;
        if let Some(size) = self.blocks.get(self.next).copied() {
            self.next += 1;
            let len = u64::from(size & (IS_PLAIN - 1));
            self.held = match len {
                0 => vec![0; most.min(self.left) as usize],
                _ => self.system.block(self.at, len, size & IS_PLAIN == 0, most, self.budget)?,
            };
            self.at += len;
        } else if let Some((at, size, offset)) = self.fragment.take() {
            let len = u64::from(size & (IS_PLAIN - 1));
            let block = self.system.block(at, len, size & IS_PLAIN == 0, most, self.budget)?;
            self.held = block.get(offset..).ok_or(DAMAGED)?.to_vec();
        } else {
            return Ok(false);
        }
        self.held.truncate(self.left.min(usize::MAX as u64) as usize);
        self.left -= self.held.len() as u64;
        self.given = 0;
        Ok(!self.held.is_empty())
    }
}

impl Read for Content<'_, '_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if self.given == self.held.len() {
            let more = self.advance().map_err(|trouble| match trouble {
                Trouble::Stop(stop) => io::Error::from(stop),
                other => io::Error::new(io::ErrorKind::InvalidData, other.describe().1),
            })?;
            if !more {
                return Ok(0);
            }
        }
        let count = (&self.held[self.given..]).read(room)?;
        self.given += count;
        Ok(count)
    }
}
