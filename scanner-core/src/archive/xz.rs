//! Xz, and lzma before it. The dictionary they ask for is taken from the budget before it is made.

use super::kind::Kind;
use super::limits::{Budget, Reserved};
use super::reader::{Peeked, buffered};
use super::trouble::Trouble;
use lzma_rust2::{LzmaReader, XzReader};
use std::io::{self, Read};

/// What a decoder takes beside its dictionary.
const OVERHEAD: u64 = 1 << 20;
/// What `xz -9` asks for.
const USUAL: u64 = 66 << 20;
/// Bytes read at a time: what was unpacked in a read that fails is lost.
const STEP: usize = 16 << 10;

/// The content of a stream of this kind.
pub fn decoder<'a, R: Read + 'a>(
    kind: Kind,
    source: Peeked<R>,
    budget: &'a Budget,
) -> Result<Box<dyn Read + 'a>, Trouble> {
    let dictionary = match kind {
        Kind::Xz => xz_dictionary(source.head()),
        _ => source.head().get(1..5).and_then(|size| size.try_into().ok()).map(u32::from_le_bytes).map(u64::from),
    };
    let least = dictionary.unwrap_or(0) + OVERHEAD;
    let memory = match kind {
        // A later block may ask for more than the first; for more than this it is refused.
        Kind::Xz => least.max(USUAL.min(budget.free() / 4 * 3)),
        _ => least,
    };
    let reserved = budget.reserve(memory)?;
    let limit = (memory / 1024).min(u64::from(u32::MAX)) as u32;
    let source = buffered(source, u64::MAX);
    Ok(match kind {
        Kind::Xz => held(XzReader::new_mem_limit(source, true, limit), reserved),
        _ => held(LzmaReader::new_mem_limit(source, limit, None)?, reserved),
    })
}

/// A decoder with the memory it took.
pub fn held<'a>(decoder: impl Read + 'a, reserved: Reserved<'a>) -> Box<dyn Read + 'a> {
    Box::new(Held { decoder, reserved })
}

struct Held<'a, D> {
    decoder: D,
    reserved: Reserved<'a>,
}

impl<D: Read> Read for Held<'_, D> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let step = room.len().min(STEP);
        self.decoder.read(&mut room[..step]).map_err(|error| match error.kind() {
            io::ErrorKind::OutOfMemory => self.reserved.refusal().into(),
            _ => error,
        })
    }
}

/// The dictionary of the first block.
fn xz_dictionary(head: &[u8]) -> Option<u64> {
    let block = head.get(12..)?;
    let flags = *block.get(1)?;
    let mut at = 2;
    for _ in 0..(flags >> 6).count_ones() {
        number(block, &mut at)?;
    }
    for _ in 0..=flags & 3 {
        let filter = number(block, &mut at)?;
        let len = number(block, &mut at)?;
        if filter == 0x21 {
            return match *block.get(at)? {
                40 => Some(u64::from(u32::MAX)),
                size @ 0..40 => Some((2 | u64::from(size & 1)) << (size / 2 + 11)),
                _ => None,
            };
        }
        at = at.checked_add(usize::try_from(len).ok()?)?;
    }
    None
}

fn number(bytes: &[u8], at: &mut usize) -> Option<u64> {
    let mut value = 0;
    for shift in (0..63).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}
