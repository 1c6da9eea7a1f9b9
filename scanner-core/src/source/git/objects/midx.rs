//! Reads a multi-pack index, for packs whose own index is gone.

use std::collections::HashMap;

use crate::ObjectId;

use super::index::{Index, number};

const HEADER: usize = 12;
const CHUNK_ROW: usize = 12;

/// The objects of each pack it lists, by the pack's file name; `None` when the file makes no sense.
pub fn parse(bytes: &[u8]) -> Option<HashMap<String, Index>> {
    let sha1 = bytes.starts_with(b"MIDX\x01\x01");
    let (chunks, packs) = (*bytes.get(6)? as usize, number(bytes, 8)? as usize);
    if !sha1 {
        return None;
    }
    let chunk = |name: &[u8; 4]| chunk(bytes, chunks, name);
    let names = names(chunk(b"PNAM")?);
    let (ids, offsets) = (chunk(b"OIDL")?, chunk(b"OOFF")?);
    let large = chunk(b"LOFF").unwrap_or_default();
    let count = number(chunk(b"OIDF")?, 255 * 4)? as usize;
    if names.len() != packs || ids.len() < count.checked_mul(20)? || offsets.len() < count.checked_mul(8)? {
        return None;
    }
    let mut lists = vec![Vec::new(); packs];
    for (id, row) in ids.chunks_exact(20).zip(offsets.chunks_exact(8)).take(count) {
        let pack = number(row, 0)? as usize;
        lists.get_mut(pack)?.push((ObjectId(id.try_into().ok()?), offset(number(row, 4)?, large)?));
    }
    Some(names.into_iter().zip(lists.into_iter().map(Index::Listed)).collect())
}

/// The bytes of the chunk with this name.
fn chunk<'a>(bytes: &'a [u8], chunks: usize, name: &[u8; 4]) -> Option<&'a [u8]> {
    let row = (0..chunks).map(|i| HEADER + i * CHUNK_ROW).find(|&at| bytes.get(at..at + 4) == Some(name))?;
    let place = |at: usize| Some(u64::from_be_bytes(bytes.get(at..at + 8)?.try_into().ok()?) as usize);
    bytes.get(place(row + 4)?..place(row + 4 + CHUNK_ROW)?)
}

/// The packs' file names, ending in `.idx` or `.pack` depending on git's version, without that ending.
fn names(chunk: &[u8]) -> Vec<String> {
    let names = chunk.split(|&byte| byte == 0).filter(|name| !name.is_empty());
    names.map(|name| stem(&String::from_utf8_lossy(name)).to_owned()).collect()
}

/// A pack's file name without its ending.
fn stem(name: &str) -> &str {
    name.strip_suffix(".idx").or(name.strip_suffix(".pack")).unwrap_or(name)
}

fn offset(stored: u32, large: &[u8]) -> Option<u64> {
    // Without a table of large offsets all 32 bits are the offset.
    if stored & 0x8000_0000 == 0 || large.is_empty() {
        return Some(u64::from(stored));
    }
    let at = (stored & 0x7fff_ffff) as usize * 8;
    Some(u64::from_be_bytes(large.get(at..at + 8)?.try_into().ok()?))
}
