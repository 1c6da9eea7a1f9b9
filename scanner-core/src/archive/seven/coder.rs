//! A 7z block: coders that feed each other, and the reader they make together.

use crate::archive::bzip2::Bzip2;
use crate::archive::inflate::Inflate;
use crate::archive::limits::Budget;
use crate::archive::reader::{ReadSeek, buffered};
use crate::archive::trouble::Trouble;
use crate::archive::xz;
use crate::archive::zstd::Zstd;
use deflate64::Deflate64Decoder;
use lzma_rust2::filter::{bcj::BcjReader, bcj2::Bcj2Reader, delta::DeltaReader};
use lzma_rust2::{Lzma2Reader, LzmaReader};
use std::cell::RefCell;
use std::io::{self, Read, SeekFrom};

/// What decoders take beside their dictionaries.
const OVERHEAD: u64 = 1 << 20;
const AES: u64 = 0x06f1_0701;

/// One step of unpacking.
#[derive(Clone, Debug)]
pub struct Coder {
    /// The method.
    pub id: u64,
    /// Streams it takes; it gives one.
    pub inputs: usize,
    /// Its settings.
    pub properties: Vec<u8>,
}

/// Members that were packed together.
#[derive(Clone, Debug, Default)]
pub struct Block {
    /// Steps in the order of the directory.
    pub coders: Vec<Coder>,
    /// Inputs, counted over all coders, and the coder whose output each takes.
    pub bonds: Vec<(u64, u64)>,
    /// Inputs that take what is in the file.
    pub inputs: Vec<u64>,
    /// What is in the file for each of them: where, and how long.
    pub packed: Vec<(u64, u64)>,
    /// Bytes that come out of each coder.
    pub sizes: Vec<u64>,
    /// Sizes of the members.
    pub members: Vec<u64>,
}

impl Block {
    /// The coder whose output is the members.
    fn last(&self) -> usize {
        (0..self.coders.len()).find(|coder| self.bonds.iter().all(|(_, out)| out != &(*coder as u64))).unwrap_or(0)
    }

    /// Bytes of all members.
    pub fn size(&self) -> u64 {
        self.sizes.get(self.last()).copied().unwrap_or(0)
    }

    /// Whether it takes a password.
    pub fn is_encrypted(&self) -> bool {
        self.coders.iter().any(|coder| coder.id == AES)
    }
}

/// The content of a block.
pub fn reader<'a>(
    block: &'a Block,
    source: &'a RefCell<&mut dyn ReadSeek>,
    budget: &'a Budget,
) -> Result<Box<dyn Read + 'a>, Trouble> {
    output(block, block.last(), source, budget, block.coders.len())
}

/// What comes out of a coder; `depth` ends a circle.
fn output<'a>(
    block: &'a Block,
    index: usize,
    source: &'a RefCell<&mut dyn ReadSeek>,
    budget: &'a Budget,
    depth: usize,
) -> Result<Box<dyn Read + 'a>, Trouble> {
    let damaged = || Trouble::damaged("its coders do not fit together");
    let coder = block.coders.get(index).filter(|_| depth > 0).ok_or_else(damaged)?;
    let first: u64 = block.coders[..index].iter().map(|coder| coder.inputs as u64).sum();
    let mut inputs = Vec::new();
    for input in first..first + coder.inputs as u64 {
        let bond = block.bonds.iter().find(|(bound, _)| *bound == input);
        inputs.push(match bond {
            Some((_, feeding)) => {
                output(block, usize::try_from(*feeding).map_err(|_| damaged())?, source, budget, depth - 1)?
            }
            None => {
                let at = block.inputs.iter().position(|free| *free == input).ok_or_else(damaged)?;
                let (at, left) = *block.packed.get(at).ok_or_else(damaged)?;
                Box::new(buffered(Packed { source, at, left }, left)) as Box<dyn Read + 'a>
            }
        });
    }
    decode(coder, inputs, block.sizes.get(index).copied().unwrap_or(0), budget)
}

fn decode<'a>(
    coder: &Coder,
    mut inputs: Vec<Box<dyn Read + 'a>>,
    size: u64,
    budget: &'a Budget,
) -> Result<Box<dyn Read + 'a>, Trouble> {
    const BCJ2: u64 = 0x0303_011b;
    if coder.id == BCJ2 {
        return Ok(Box::new(Bcj2Reader::try_new(inputs, size)?));
    }
    let (Some(input), true) = (inputs.pop(), inputs.is_empty()) else {
        return Err(Trouble::damaged("its coders do not fit together"));
    };
    let properties = coder.properties.as_slice();
    Ok(match coder.id {
        0 => input,
        0x21 => lzma2(input, properties, budget)?,
        0x03_0101 => lzma(input, properties, size, budget)?,
        3 => Box::new(DeltaReader::new(input, usize::from(properties.first().copied().unwrap_or(0)) + 1)),
        4 | 0x0303_0103 => Box::new(BcjReader::new_x86(input, 0)),
        5 | 0x0303_0205 => Box::new(BcjReader::new_ppc(input, 0)),
        6 | 0x0303_0401 => Box::new(BcjReader::new_ia64(input, 0)),
        7 | 0x0303_0501 => Box::new(BcjReader::new_arm(input, 0)),
        8 | 0x0303_0701 => Box::new(BcjReader::new_arm_thumb(input, 0)),
        9 | 0x0303_0805 => Box::new(BcjReader::new_sparc(input, 0)),
        10 => Box::new(BcjReader::new_arm64(input, 0)),
        11 => Box::new(BcjReader::new_riscv(input, 0)),
        0x04_0108 => Box::new(Inflate::raw(buffered(input, u64::MAX))),
        0x04_0109 => Box::new(Deflate64Decoder::with_buffer(buffered(input, u64::MAX))),
        0x04_0202 => Box::new(Bzip2::new(buffered(input, u64::MAX))),
        0x04f7_1101 => Box::new(Zstd::new(buffered(input, u64::MAX), budget)),
        0x03_0401 => return Err(Trouble::Unsupported("PPMd is not read".into())),
        id => return Err(Trouble::Unsupported(format!("method {id:x} is not read").into())),
    })
}

fn lzma2<'a>(input: Box<dyn Read + 'a>, properties: &[u8], budget: &'a Budget) -> Result<Box<dyn Read + 'a>, Trouble> {
    let dictionary = match properties {
        [40] => u32::MAX,
        [size @ 0..40] => (2 | u32::from(size & 1)) << (size / 2 + 11),
        _ => return Err(Trouble::damaged("the settings of a coder are damaged")),
    };
    let reserved = budget.reserve(u64::from(dictionary) + OVERHEAD)?;
    Ok(xz::held(Lzma2Reader::new(input, dictionary, None), reserved))
}

fn lzma<'a>(
    input: Box<dyn Read + 'a>,
    properties: &[u8],
    size: u64,
    budget: &'a Budget,
) -> Result<Box<dyn Read + 'a>, Trouble> {
    let [properties, a, b, c, d] = *properties else {
        return Err(Trouble::damaged("the settings of a coder are damaged"));
    };
    let dictionary = u32::from_le_bytes([a, b, c, d]);
    let reserved = budget.reserve(u64::from(dictionary).min(size) + OVERHEAD)?;
    Ok(xz::held(LzmaReader::new_with_props(input, size, properties, dictionary, None)?, reserved))
}

/// A stretch of the file; several are read by turns.
struct Packed<'a, 's> {
    source: &'a RefCell<&'s mut dyn ReadSeek>,
    at: u64,
    left: u64,
}

impl Read for Packed<'_, '_> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let most = self.left.min(room.len() as u64) as usize;
        if most == 0 {
            return Ok(0);
        }
        let mut source = self.source.borrow_mut();
        source.seek(SeekFrom::Start(self.at))?;
        let count = source.read(&mut room[..most])?;
        self.at += count as u64;
        self.left -= count as u64;
        Ok(count)
    }
}
