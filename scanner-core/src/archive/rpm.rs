//! RPM: a lead, two headers with the package's texts and scripts, and a compressed cpio.

use super::reader::{bytes, exactly, skip};
use super::trouble::Trouble;
use super::walk::Walk;
use std::io::Read;

/// Larger headers than any package has.
const MAX_HEADER: u64 = 64 << 20;

/// Hands over the header's texts, and every file of the payload.
pub fn unpack(walk: &mut Walk<'_, '_>, source: &mut dyn Read) -> Result<(), Trouble> {
    skip(source, 96)?;
    let signature = header(walk, source)?;
    skip(source, (signature.len() as u64).wrapping_neg() % 8)?;
    let texts = header(walk, source)?;
    let lines: Vec<u8> = texts.iter().map(|byte| if *byte == 0 { b'\n' } else { *byte }).collect();
    walk.text("(header)", &lines)?;
    walk.inner(source)
}

/// The values of a header, each ended by a NUL.
fn header(walk: &Walk<'_, '_>, source: &mut dyn Read) -> Result<Vec<u8>, Trouble> {
    let start: [u8; 16] = exactly(source)?;
    if start[..3] != [0x8e, 0xad, 0xe8] {
        return Err(Trouble::damaged("a header is damaged"));
    }
    let number = |at: usize| u64::from(u32::from_be_bytes([start[at], start[at + 1], start[at + 2], start[at + 3]]));
    let (entries, size) = (number(8), number(12));
    if size > MAX_HEADER {
        return Err(Trouble::damaged("a header is too long"));
    }
    let _reserved = walk.budget.reserve(size)?;
    skip(source, entries * 16)?;
    bytes(source, size)
}
