//! A 7z directory: which blocks there are, how each was made, and the names of what is in them.

use super::coder::{Block, Coder};
use crate::archive::trouble::Trouble;

/// Coders of one block; real ones have up to six.
const MAX_CODERS: u64 = 16;
const DAMAGED: Trouble = Trouble::Damaged(std::borrow::Cow::Borrowed("its directory is damaged"));

/// What a directory says.
#[derive(Default)]
pub struct Directory {
    /// Blocks in order.
    pub blocks: Vec<Block>,
    /// Names of the members that have content, in the order of the blocks.
    pub names: Vec<Vec<u8>>,
}

/// A directory's bytes, read one field after the other.
pub struct Fields<'d> {
    rest: &'d [u8],
}

impl<'d> Fields<'d> {
    /// Begins at the first byte.
    pub fn new(rest: &'d [u8]) -> Fields<'d> {
        Fields { rest }
    }

    /// The next byte.
    pub fn byte(&mut self) -> Result<u8, Trouble> {
        Ok(self.take(1)?[0])
    }

    fn take(&mut self, count: u64) -> Result<&'d [u8], Trouble> {
        let (taken, rest) =
            usize::try_from(count).ok().and_then(|count| self.rest.split_at_checked(count)).ok_or(DAMAGED)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The first byte's leading ones tell how many bytes follow.
    fn number(&mut self) -> Result<u64, Trouble> {
        let first = self.byte()?;
        let more = first.leading_ones();
        let low = self.take(u64::from(more))?.iter().rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
        let high = if more < 7 { u64::from(first & (0x7f >> more)) } else { 0 };
        Ok(if more < 8 { low | high << (8 * more) } else { low })
    }

    /// A number of things that each take at least a bit.
    fn count(&mut self) -> Result<u64, Trouble> {
        let count = self.number()?;
        if count / 8 > self.rest.len() as u64 { Err(DAMAGED) } else { Ok(count) }
    }

    fn bits(&mut self, count: u64) -> Result<Vec<bool>, Trouble> {
        let bytes = self.take(count.div_ceil(8))?;
        Ok((0..count as usize).map(|index| bytes[index / 8] & (0x80 >> (index % 8)) != 0).collect())
    }

    /// Checksums are passed over; tells which are there.
    fn checksums(&mut self, count: u64) -> Result<Vec<bool>, Trouble> {
        let defined = match self.byte()? {
            0 => self.bits(count)?,
            _ if count / 4 > self.rest.len() as u64 => return Err(DAMAGED),
            _ => vec![true; count as usize],
        };
        self.take(4 * defined.iter().filter(|is| **is).count() as u64)?;
        Ok(defined)
    }

    fn expect(&mut self, id: u8) -> Result<(), Trouble> {
        if self.byte()? == id { Ok(()) } else { Err(DAMAGED) }
    }

    /// The whole directory, behind its mark.
    pub fn directory(&mut self) -> Result<Directory, Trouble> {
        let mut directory = Directory::default();
        loop {
            match self.byte()? {
                0 => return Ok(directory),
                2 => loop {
                    match self.byte()? {
                        0 => break,
                        _ => {
                            let len = self.number()?;
                            self.take(len)?;
                        }
                    }
                },
                3 => _ = self.directory_streams()?,
                4 => directory.blocks = self.directory_streams()?.blocks,
                5 => directory.names = self.files()?,
                _ => return Err(DAMAGED),
            }
        }
    }

    /// The part about packed streams.
    pub fn directory_streams(&mut self) -> Result<Directory, Trouble> {
        let (mut at, mut sizes, mut blocks) = (0, Vec::new(), Vec::new());
        let mut has_checksum = Vec::new();
        loop {
            match self.byte()? {
                0 => break,
                6 => (at, sizes) = self.packed()?,
                7 => (blocks, has_checksum) = self.blocks()?,
                8 => self.members(&mut blocks, &has_checksum)?,
                _ => return Err(DAMAGED),
            }
        }
        let mut at = 32u64.saturating_add(at);
        let mut sizes = sizes.into_iter();
        for block in &mut blocks {
            for _ in 0..block.inputs.len() {
                let size = sizes.next().ok_or(DAMAGED)?;
                block.packed.push((at, size));
                at = at.saturating_add(size);
            }
        }
        Ok(Directory { blocks, names: Vec::new() })
    }

    fn packed(&mut self) -> Result<(u64, Vec<u64>), Trouble> {
        let at = self.number()?;
        let count = self.count()?;
        let mut sizes = Vec::new();
        loop {
            match self.byte()? {
                0 => return Ok((at, sizes)),
                9 => sizes = (0..count).map(|_| self.number()).collect::<Result<_, _>>()?,
                10 => _ = self.checksums(count)?,
                _ => return Err(DAMAGED),
            }
        }
    }

    fn blocks(&mut self) -> Result<(Vec<Block>, Vec<bool>), Trouble> {
        self.expect(11)?;
        let count = self.count()?;
        self.expect(0)?;
        let mut blocks = (0..count).map(|_| self.block()).collect::<Result<Vec<_>, _>>()?;
        self.expect(12)?;
        for block in &mut blocks {
            block.sizes = block.coders.iter().map(|_| self.number()).collect::<Result<_, _>>()?;
            block.members = vec![block.size()];
        }
        let mut has_checksum = vec![false; blocks.len()];
        loop {
            match self.byte()? {
                0 => return Ok((blocks, has_checksum)),
                10 => has_checksum = self.checksums(count)?,
                _ => return Err(DAMAGED),
            }
        }
    }

    fn block(&mut self) -> Result<Block, Trouble> {
        let count = self.number()?;
        if !(1..=MAX_CODERS).contains(&count) {
            return Err(DAMAGED);
        }
        let coders = (0..count).map(|_| self.coder()).collect::<Result<Vec<_>, _>>()?;
        let inputs: u64 = coders.iter().map(|coder| coder.inputs as u64).sum();
        // Every output but one feeds another coder.
        let bonds = (1..count).map(|_| Ok((self.number()?, self.number()?))).collect::<Result<Vec<_>, Trouble>>()?;
        let free: Vec<u64> = (0..inputs).filter(|input| bonds.iter().all(|(bound, _)| bound != input)).collect();
        let inputs = match free.len() {
            1 => free,
            packed => (0..packed).map(|_| self.number()).collect::<Result<_, _>>()?,
        };
        Ok(Block { coders, bonds, inputs, ..Block::default() })
    }

    fn coder(&mut self) -> Result<Coder, Trouble> {
        let flags = self.byte()?;
        let id = self.take(u64::from(flags & 15))?.iter().fold(0u64, |id, byte| id << 8 | u64::from(*byte));
        let (mut inputs, mut outputs) = (1, 1);
        if flags & 0x10 != 0 {
            (inputs, outputs) = (self.number()?, self.number()?);
        }
        if !(1..=4).contains(&inputs) || outputs != 1 {
            return Err(DAMAGED);
        }
        let len = if flags & 0x20 != 0 { self.number()? } else { 0 };
        Ok(Coder { id, inputs: inputs as usize, properties: self.take(len)?.to_vec() })
    }

    /// How each block is cut into members.
    fn members(&mut self, blocks: &mut [Block], has_checksum: &[bool]) -> Result<(), Trouble> {
        let mut id = self.byte()?;
        if id == 13 {
            for block in blocks.iter_mut() {
                let count = self.count()?;
                block.members = vec![0; count as usize];
            }
            id = self.byte()?;
        }
        for block in blocks.iter_mut() {
            let size = block.size();
            if let Some((last, others)) = block.members.split_last_mut() {
                let mut sum = 0u64;
                for member in others {
                    *member = if id == 9 { self.number()? } else { 0 };
                    sum = sum.saturating_add(*member);
                }
                *last = size.saturating_sub(sum);
            }
        }
        if id == 9 {
            id = self.byte()?;
        }
        let is_known = |(block, has): &(&Block, &bool)| block.members.len() == 1 && **has;
        let known: u64 = blocks.iter().zip(has_checksum).filter(|pair| is_known(pair)).count() as u64;
        let total: u64 = blocks.iter().map(|block| block.members.len() as u64).sum();
        loop {
            match id {
                0 => return Ok(()),
                10 => _ = self.checksums(total - known)?,
                _ => return Err(DAMAGED),
            }
            id = self.byte()?;
        }
    }

    /// The names of the files that have content.
    fn files(&mut self) -> Result<Vec<Vec<u8>>, Trouble> {
        let count = self.count()?;
        let (mut names, mut is_empty) = (Vec::new(), Vec::new());
        loop {
            let kind = self.byte()?;
            if kind == 0 {
                break;
            }
            let len = self.number()?;
            let mut field = Fields::new(self.take(len)?);
            match kind {
                14 => is_empty = field.bits(count)?,
                17 => names = field.names()?,
                _ => {}
            }
        }
        let has_content = |index: &usize| !is_empty.get(*index).copied().unwrap_or(false);
        Ok((0..count as usize).filter(has_content).map(|index| names.get(index).cloned().unwrap_or_default()).collect())
    }

    fn names(&mut self) -> Result<Vec<Vec<u8>>, Trouble> {
        self.expect(0)?;
        let units: Vec<u16> = self.rest.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
        Ok(units.split(|unit| *unit == 0).map(|name| String::from_utf16_lossy(name).into_bytes()).collect())
    }
}
