//! 7z: the directory stands at the end, the members in blocks that are unpacked one after the other.

mod coder;
mod header;

use super::limits::Reserved;
use super::reader::{Metered, ReadSeek, bytes, exactly, skip};
use super::trouble::Trouble;
use super::walk::Walk;
use coder::Block;
use header::{Directory, Fields};
use std::cell::RefCell;
use std::io::{Read, SeekFrom};

/// A directory may itself be compressed, and that one again.
const MAX_WRAPPED: usize = 4;

/// Hands over every file.
pub fn unpack(walk: &mut Walk<'_, '_>, source: &mut dyn ReadSeek) -> Result<(), Trouble> {
    source.rewind()?;
    let start: [u8; 32] = exactly(&mut *source)?;
    let long = |at: usize| start[at..at + 8].iter().rev().fold(0u64, |sum, byte| sum << 8 | u64::from(*byte));
    let (at, size) = (long(12).saturating_add(32), long(20));
    if size == 0 {
        return Ok(());
    }
    let mut reserved = walk.budget.reserve(size)?;
    source.seek(SeekFrom::Start(at))?;
    let mut directory = bytes(&mut *source, size)?;
    let source = RefCell::new(source);
    for _ in 0..MAX_WRAPPED {
        let mut fields = Fields::new(&directory);
        match fields.byte()? {
            1 => return members(walk, &source, fields.directory()?),
            0x17 => {
                let packed = fields.directory_streams()?;
                (directory, reserved) = unwrap(walk, &source, &packed)?;
            }
            _ => break,
        }
    }
    drop(reserved);
    Err(Trouble::damaged("its directory is damaged"))
}

/// A directory that is compressed itself.
fn unwrap<'w>(
    walk: &Walk<'w, '_>,
    source: &RefCell<&mut dyn ReadSeek>,
    packed: &Directory,
) -> Result<(Vec<u8>, Reserved<'w>), Trouble> {
    let block = packed.blocks.first().ok_or(Trouble::damaged("its directory is damaged"))?;
    if block.is_encrypted() {
        return Err(Trouble::Encrypted("it is encrypted, its names too".into()));
    }
    let reserved = walk.budget.reserve(block.size())?;
    let mut reader = coder::reader(block, source, walk.budget)?;
    Ok((bytes(&mut reader, block.size())?, reserved))
}

fn members(walk: &mut Walk<'_, '_>, source: &RefCell<&mut dyn ReadSeek>, directory: Directory) -> Result<(), Trouble> {
    let mut names = directory.names.iter();
    let (mut encrypted, mut first) = (0u64, None);
    for block in &directory.blocks {
        let members: Vec<(&Vec<u8>, u64)> =
            names.by_ref().take(block.members.len()).zip(block.members.iter().copied()).collect();
        if block.is_encrypted() {
            encrypted += members.len() as u64;
            first = first.or(members.first().map(|(name, _)| super::path::clean(name)));
        } else if let Err(trouble) = unpack_block(walk, source, block, &members) {
            let Trouble::Stop(stop) = trouble else {
                walk.report(&trouble);
                continue;
            };
            if stop.is_final() {
                return Err(stop.into());
            }
            walk.report(&trouble);
        }
    }
    if encrypted > 0 {
        let first = first.unwrap_or_default();
        walk.report(&Trouble::Encrypted(format!("encrypted: {encrypted} members, {first} is the first").into()));
    }
    Ok(())
}

fn unpack_block(
    walk: &mut Walk<'_, '_>,
    source: &RefCell<&mut dyn ReadSeek>,
    block: &Block,
    members: &[(&Vec<u8>, u64)],
) -> Result<(), Trouble> {
    // What is passed over counts, too: a size may be any number.
    let mut reader = Metered::new(coder::reader(block, source, walk.budget)?, walk.budget);
    for (name, size) in members {
        let mut content = (&mut reader).take(*size);
        let outcome = walk.entry(name, &mut content);
        let unread = content.limit();
        outcome?;
        skip(&mut reader, unread)?;
    }
    Ok(())
}
