//! Ar: static libraries and Debian packages; GNU's and BSD's long names.

use super::reader::{bytes, fill, skip};
use super::trouble::Trouble;
use super::walk::Walk;
use std::io::Read;

/// The longest table of names that is held.
const MAX_NAMES: u64 = 16 << 20;

/// Hands over every file.
pub fn unpack(walk: &mut Walk<'_, '_>, source: &mut dyn Read) -> Result<(), Trouble> {
    skip(source, 8)?;
    let mut names = Vec::new();
    loop {
        let mut header = [0; 60];
        match fill(source, &mut header)? {
            60 => {}
            // A last newline pads.
            0 | 1 => return Ok(()),
            _ => return Err(Trouble::CUT_SHORT),
        }
        let size = decimal(&header[48..58]).filter(|_| header[58..] == *b"`\n");
        let Some(size) = size else { return Err(Trouble::damaged("a header is damaged")) };
        let name = header[..16].trim_ascii_end();
        if name == b"//" && size <= MAX_NAMES {
            names = bytes(source, size)?;
        } else {
            member(walk, source, name, size, &names)?;
        }
        skip(source, size % 2)?;
    }
}

fn member(walk: &mut Walk<'_, '_>, source: &mut dyn Read, name: &[u8], size: u64, names: &[u8]) -> Result<(), Trouble> {
    let mut left = size;
    let name = match name {
        [b'#', b'1', b'/', digits @ ..] => {
            let len = decimal(digits).unwrap_or(0).min(size).min(4096);
            left -= len;
            let name = bytes(source, len)?;
            let end = memchr::memchr(0, &name).unwrap_or(name.len());
            name[..end].to_vec()
        }
        [b'/', digits @ ..] if digits.first().is_some_and(u8::is_ascii_digit) => {
            let at = decimal(digits).unwrap_or(u64::MAX).min(names.len() as u64) as usize;
            let rest = &names[at..];
            let end = memchr::memchr2(b'\n', 0, rest).unwrap_or(rest.len());
            let name = &rest[..end];
            name.strip_suffix(b"/").unwrap_or(name).to_vec()
        }
        _ => name.strip_suffix(b"/").filter(|name| !name.is_empty()).unwrap_or(name).to_vec(),
    };
    let mut content = source.take(left);
    let outcome = walk.entry(&name, &mut content);
    let unread = content.limit();
    outcome?;
    skip(source, unread)
}

fn decimal(field: &[u8]) -> Option<u64> {
    std::str::from_utf8(field).ok()?.trim().parse().ok()
}
