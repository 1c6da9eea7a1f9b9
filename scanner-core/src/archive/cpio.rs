//! Cpio in its dialects: newc with and without checksums, odc, and the old binary one in either byte order. What follows
//! the last entry is opened too: initial RAM disks are several archives in a row.

use super::reader::{bytes, exactly, fill, skip};
use super::trouble::Trouble;
use super::walk::Walk;
use std::io::{Cursor, Read};

/// Longer names are no names.
const MAX_NAME: u64 = 64 << 10;
const FILE_TYPE: u32 = 0o170_000;
const REGULAR: u32 = 0o100_000;

struct Header {
    mode: u32,
    name: u64,
    size: u64,
    /// What names and contents are padded to.
    align: u64,
    header: u64,
}

/// Whether a beginning is of the old binary dialect, whose mark is two bytes: the rest must be of a sound size.
pub fn is_binary(head: &[u8]) -> bool {
    let Some(block) = head.first_chunk::<26>() else { return false };
    let header = binary(block);
    let end = 26 + header.name as usize;
    let name = head.get(26..end.min(head.len())).unwrap_or_default();
    let is_type = matches!(header.mode >> 12, 1 | 2 | 4 | 6 | 8 | 10 | 12);
    let is_name = (1..1024).contains(&header.name) && name.last() == Some(&0);
    is_type && is_name && name[..name.len() - 1].iter().all(|byte| *byte >= b' ')
}

/// Hands over every file.
pub fn unpack(walk: &mut Walk<'_, '_>, source: &mut dyn Read) -> Result<(), Trouble> {
    loop {
        let header = header(source)?;
        if header.name > MAX_NAME {
            return Err(Trouble::damaged("a name is too long"));
        }
        let mut name = bytes(source, header.name)?;
        name.truncate(memchr::memchr(0, &name).unwrap_or(name.len()));
        skip(source, (header.header + header.name).wrapping_neg() % header.align)?;
        if name == b"TRAILER!!!" {
            return rest(walk, source);
        }
        if header.mode & FILE_TYPE == REGULAR {
            let mut content = source.take(header.size);
            let outcome = walk.entry(&name, &mut content);
            let unread = content.limit();
            outcome?;
            skip(source, unread)?;
        } else {
            walk.budget.enter()?;
            skip(source, header.size)?;
        }
        skip(source, header.size.wrapping_neg() % header.align)?;
    }
}

/// Opens what follows the padding after the last entry.
fn rest(walk: &mut Walk<'_, '_>, source: &mut dyn Read) -> Result<(), Trouble> {
    let mut block = [0; 4096];
    loop {
        let count = fill(source, &mut block)?;
        if count == 0 {
            return Ok(());
        }
        if let Some(start) = block[..count].iter().position(|byte| *byte != 0) {
            return Ok(walk.entry(b"(what follows)", &mut Cursor::new(&block[start..count]).chain(source))?);
        }
    }
}

fn header(source: &mut dyn Read) -> Result<Header, Trouble> {
    let mark: [u8; 6] = exactly(source)?;
    match &mark {
        b"070701" | b"070702" => {
            let fields: [u8; 104] = exactly(source)?;
            let field = |index: usize| digits(&fields[index * 8..index * 8 + 8], 16);
            Ok(Header { mode: field(1)? as u32, name: field(11)?, size: field(6)?, align: 4, header: 110 })
        }
        b"070707" => {
            let fields: [u8; 70] = exactly(source)?;
            let (mode, name, size) = (&fields[12..18], &fields[53..59], &fields[59..70]);
            let (mode, name, size) = (digits(mode, 8)? as u32, digits(name, 8)?, digits(size, 8)?);
            Ok(Header { mode, name, size, align: 1, header: 76 })
        }
        [0xc7, 0x71, ..] | [0x71, 0xc7, ..] => {
            let rest: [u8; 20] = exactly(source)?;
            let mut block = [0; 26];
            block[..6].copy_from_slice(&mark);
            block[6..].copy_from_slice(&rest);
            Ok(binary(&block))
        }
        _ => Err(Trouble::damaged("a header is damaged")),
    }
}

fn digits(field: &[u8], radix: u32) -> Result<u64, Trouble> {
    let value = std::str::from_utf8(field).ok().and_then(|text| u64::from_str_radix(text, radix).ok());
    value.ok_or(Trouble::damaged("a header is damaged"))
}

fn binary(block: &[u8; 26]) -> Header {
    let is_little = block[0] == 0xc7;
    let half = |at: usize| {
        let pair = [block[at], block[at + 1]];
        u64::from(if is_little { u16::from_le_bytes(pair) } else { u16::from_be_bytes(pair) })
    };
    Header { mode: half(6) as u32, name: half(20), size: half(22) << 16 | half(24), align: 2, header: 26 }
}
