//! Zip: by its central directory where the source can be sought, by its local headers where it cannot.

mod stream;

pub use stream::unpack_stream;

use super::inflate::Inflate;
use super::limits::{Budget, Stop};
use super::reader::{ReadSeek, buffered, bytes, exactly, stretch};
use super::trouble::Trouble;
use super::walk::Walk;
use super::{bzip2::Bzip2, xz, zstd::Zstd};
use crate::archive::{Kind, Peeked};
use deflate64::Deflate64Decoder;
use lzma_rust2::LzmaReader;
use std::io::{Read, SeekFrom};

/// The longest comment, and the record at the end.
const MAX_END: u64 = 65_535 + 22;
/// The longest entry of the directory: a header, a name, extra fields and a comment.
const MAX_ENTRY: usize = 46 + 3 * 65_535;
/// Bytes of the directory that are read at a time.
const PIECE: u64 = 256 << 10;
const IS_ENCRYPTED: u16 = 1;
/// The sizes stand behind the content.
const HAS_DESCRIPTOR: u16 = 8;

/// Where the central directory is.
struct End {
    entries: u64,
    at: u64,
    size: u64,
    /// Bytes that stand before the zip: a program that unpacks it.
    before: u64,
    comment: Vec<u8>,
}

/// A member, as either header tells it.
struct Member {
    name: Vec<u8>,
    flags: u16,
    method: u16,
    compressed: u64,
    size: u64,
}

/// Hands over every file.
pub fn unpack(walk: &mut Walk<'_, '_>, source: &mut dyn ReadSeek) -> Result<(), Trouble> {
    let Some(end) = find_end(source)? else {
        source.rewind()?;
        unpack_stream(walk, source)?;
        return Err(Trouble::damaged("it has no directory: it was read from its beginning as far as that goes"));
    };
    if !end.comment.is_empty() {
        walk.text("(comment)", &end.comment)?;
    }
    let mut encrypted = Encrypted::default();
    let mut directory = Directory::new(&end);
    for index in 0..end.entries {
        let Some((member, offset)) = directory.next(source)? else {
            return Err(Trouble::Damaged(format!("its directory holds {index} of {} members", end.entries).into()));
        };
        if index == 0 && end.before + offset > 0 {
            let mut program = stretch(source, 0, end.before.saturating_add(offset))?;
            walk.entry(b"(what goes before)", &mut program)?;
        }
        if member.flags & IS_ENCRYPTED != 0 {
            encrypted.add(&member.name);
            walk.budget.enter()?;
        } else if !member.name.ends_with(b"/") || member.size > 0 {
            file(walk, source, &member, end.before.saturating_add(offset))?;
        }
    }
    encrypted.report(walk);
    Ok(())
}

/// Members that take a password: one warning for all.
#[derive(Default)]
struct Encrypted {
    count: u64,
    first: Vec<u8>,
}

impl Encrypted {
    fn add(&mut self, name: &[u8]) {
        if self.count == 0 {
            self.first = name.to_vec();
        }
        self.count += 1;
    }

    fn report(&self, walk: &mut Walk<'_, '_>) {
        let first = super::path::clean(&self.first);
        let message = match self.count {
            0 => return,
            1 => format!("{first} is encrypted"),
            count => format!("{count} members are encrypted, {first} is the first"),
        };
        walk.report(&Trouble::Encrypted(message.into()));
    }
}

fn file(walk: &mut Walk<'_, '_>, source: &mut dyn ReadSeek, member: &Member, at: u64) -> Result<(), Stop> {
    let budget = walk.budget;
    let content = content_at(source, at).and_then(|start| {
        let content = stretch(source, start, member.compressed)?;
        decoder(member, Box::new(content), budget)
    });
    match content {
        Ok(mut content) => walk.entry(&member.name, &mut content),
        Err(trouble) => {
            walk.budget.enter()?;
            walk.warn(&member.name, trouble)
        }
    }
}

/// Where the content begins behind the local header at `at`.
fn content_at(source: &mut dyn ReadSeek, at: u64) -> Result<u64, Trouble> {
    source.seek(SeekFrom::Start(at))?;
    let header: [u8; 30] = exactly(&mut *source)?;
    if header[..4] != *b"PK\x03\x04" {
        return Err(Trouble::damaged("it is not where the directory says"));
    }
    Ok(at + 30 + u64::from(half(&header, 26)) + u64::from(half(&header, 28)))
}

/// The content of a member.
fn decoder<'a>(member: &Member, source: Box<dyn Read + 'a>, budget: &'a Budget) -> Result<Box<dyn Read + 'a>, Trouble> {
    let len = member.compressed;
    Ok(match member.method {
        0 => source,
        8 => Box::new(Inflate::raw(buffered(source, len))),
        9 => Box::new(Deflate64Decoder::with_buffer(buffered(source, len))),
        12 => Box::new(Bzip2::new(buffered(source, len))),
        14 => lzma(member, source, budget)?,
        93 => Box::new(Zstd::new(buffered(source, len), budget)),
        95 => xz::decoder(Kind::Xz, Peeked::new(source)?, budget)?,
        99 => return Err(Trouble::Encrypted("it is encrypted".into())),
        method => return Err(Trouble::Unsupported(format!("compression method {method} is not read").into())),
    })
}

fn lzma<'a>(
    member: &Member,
    mut source: Box<dyn Read + 'a>,
    budget: &'a Budget,
) -> Result<Box<dyn Read + 'a>, Trouble> {
    let [_, _, len, 0, properties, a, b, c, d] = exactly(&mut source)? else {
        return Err(Trouble::damaged("its lzma header is damaged"));
    };
    let dictionary = u32::from_le_bytes([a, b, c, d]);
    if len != 5 {
        return Err(Trouble::damaged("its lzma header is damaged"));
    }
    let reserved = budget.reserve(u64::from(dictionary) + (1 << 20))?;
    // Flag 2: the stream marks its own end.
    let size = if member.flags & 2 != 0 { u64::MAX } else { member.size };
    let decoder = LzmaReader::new_with_props(buffered(source, member.compressed), size, properties, dictionary, None)?;
    Ok(xz::held(decoder, reserved))
}

/// Finds the record at the end, and zip64's if there is one.
fn find_end(source: &mut dyn ReadSeek) -> Result<Option<End>, Trouble> {
    let len = source.seek(SeekFrom::End(0))?;
    let from = len.saturating_sub(MAX_END);
    source.seek(SeekFrom::Start(from))?;
    let tail = bytes(&mut *source, len - from)?;
    let mut until = tail.len();
    while let Some(at) = memchr::memmem::rfind(&tail[..until], b"PK\x05\x06") {
        let record = &tail[at..];
        if record.len() >= 22 && record.len() - 22 >= usize::from(half(record, 20)) {
            let mut end = End {
                entries: u64::from(half(record, 10)),
                size: u64::from(word(record, 12)),
                at: u64::from(word(record, 16)),
                before: 0,
                comment: record[22..22 + usize::from(half(record, 20))].to_vec(),
            };
            let mut until = from + at as u64;
            if at >= 20 && tail[at - 20..].starts_with(b"PK\x06\x07") {
                until = zip64(source, &tail[at - 20..], until - 20, &mut end)?;
            }
            if let Some(before) = until.checked_sub(end.at.saturating_add(end.size)) {
                end.before = before;
                return Ok(Some(end));
            }
        }
        until = at;
    }
    Ok(None)
}

/// Reads zip64's record; returns where it begins, which is where the directory ends.
fn zip64(source: &mut dyn ReadSeek, locator: &[u8], locator_at: u64, end: &mut End) -> Result<u64, Trouble> {
    // Behind a program the record is not where it says, but still right before its locator.
    for at in [long(locator, 8), locator_at.saturating_sub(56)] {
        if at.saturating_add(56) > locator_at {
            continue;
        }
        source.seek(SeekFrom::Start(at))?;
        let record: [u8; 56] = exactly(&mut *source)?;
        if record.starts_with(b"PK\x06\x06") {
            (end.entries, end.size, end.at) = (long(&record, 32), long(&record, 40), long(&record, 48));
            return Ok(at);
        }
    }
    Err(Trouble::damaged("its zip64 directory is not where it should be"))
}

/// The central directory, read in large pieces.
struct Directory {
    at: u64,
    left: u64,
    piece: Vec<u8>,
    read: usize,
}

impl Directory {
    fn new(end: &End) -> Directory {
        Directory { at: end.before + end.at, left: end.size, piece: Vec::new(), read: 0 }
    }

    /// The next member, and where its local header is; none at the end.
    fn next(&mut self, source: &mut dyn ReadSeek) -> Result<Option<(Member, u64)>, Trouble> {
        if self.piece.len() - self.read < MAX_ENTRY && self.left > 0 {
            self.piece.drain(..self.read);
            self.read = 0;
            let count = self.left.min(PIECE);
            let more = bytes(&mut stretch(source, self.at, count)?, count)?;
            self.piece.extend_from_slice(&more);
            self.at += count;
            self.left -= count;
        }
        let mut rest = &self.piece[self.read..];
        if rest.is_empty() {
            return Ok(None);
        }
        let before = rest.len();
        let entry = central(&mut rest)?;
        self.read += before - rest.len();
        Ok(Some(entry))
    }
}

/// One entry of the directory: the member, and where its local header is.
fn central(source: &mut &[u8]) -> Result<(Member, u64), Trouble> {
    let header: [u8; 46] = exactly(source)?;
    if header[..4] != *b"PK\x01\x02" {
        return Err(Trouble::damaged("its directory is damaged"));
    }
    let (name, extra, comment) = (half(&header, 28), half(&header, 30), half(&header, 32));
    let mut member = Member {
        name: bytes(source, u64::from(name))?,
        flags: half(&header, 8),
        method: half(&header, 10),
        compressed: u64::from(word(&header, 20)),
        size: u64::from(word(&header, 24)),
    };
    let mut offset = u64::from(word(&header, 42));
    let extra = bytes(source, u64::from(extra))?;
    large(&extra, [&mut member.size, &mut member.compressed, &mut offset]);
    bytes(source, u64::from(comment))?;
    Ok((member, offset))
}

/// Replaces the values that did not fit into 32 bits by zip64's; tells whether there are any.
fn large<const N: usize>(mut extra: &[u8], values: [&mut u64; N]) -> bool {
    while extra.len() >= 4 {
        let (id, len) = (half(extra, 0), usize::from(half(extra, 2)));
        let Some(field) = extra.get(4..4 + len) else { return false };
        if id == 1 {
            let mut longs = field.chunks_exact(8).map(|chunk| long(chunk, 0));
            for value in values.into_iter().filter(|value| **value == u64::from(u32::MAX)) {
                *value = longs.next().unwrap_or(*value);
            }
            return true;
        }
        extra = &extra[4 + len..];
    }
    false
}

fn half(bytes: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([bytes[at], bytes[at + 1]])
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from(half(bytes, at)) | u32::from(half(bytes, at + 2)) << 16
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from(word(bytes, at)) | u64::from(word(bytes, at + 4)) << 32
}
