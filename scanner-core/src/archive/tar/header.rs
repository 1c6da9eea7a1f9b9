//! One header of a tar, and the extended ones that go before it.

use super::super::reader::{bytes, exactly, skip};
use super::super::trouble::Trouble;
use std::io::Read;

/// Everything in a tar is a multiple of this long.
pub const BLOCK: usize = 512;
/// Extended headers that are longer hold no names.
const MAX_EXTENDED: u64 = 1 << 20;
/// Parts of a sparse file that are followed.
const MAX_PARTS: usize = 1 << 20;

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EntryKind {
    /// A file, or something unknown that has content.
    File,
    /// A file with holes.
    Sparse,
    /// A folder.
    Folder,
    /// A link, a device: no content.
    Other,
    /// No entry: bytes that are no header, passed over up to the next one.
    Lost,
    /// What follows belongs to the next entry, or to all.
    Extended(u8),
}

impl EntryKind {
    /// Whether bytes of its own follow.
    pub fn has_content(self) -> bool {
        matches!(self, EntryKind::File | EntryKind::Sparse)
    }
}

/// One entry.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its name, as written.
    pub path: Vec<u8>,
    /// What it is.
    pub kind: EntryKind,
    /// Where a link leads, as written; empty for anything else.
    pub link: Vec<u8>,
    /// Bytes that follow the header.
    pub size: u64,
    /// Of a sparse file: where each part of the bytes belongs, and its length.
    pub(super) parts: Vec<(u64, u64)>,
}

/// Whether a first block is a header: by its mark, or by its checksum.
pub fn is_tar(head: &[u8]) -> bool {
    let Some(block) = head.first_chunk::<BLOCK>() else { return false };
    // An octal number ends in NUL or a space; text is told by this one byte.
    matches!(block[154] | block[155], 0 | b' ') && checksum(block)
}

fn checksum(block: &[u8; BLOCK]) -> bool {
    let Some(stored) = octal(&block[148..156]) else { return false };
    let as_spaces = |(at, byte): (usize, &u8)| if (148..156).contains(&at) { b' ' } else { *byte };
    let unsigned: u64 = block.iter().enumerate().map(|byte| u64::from(as_spaces(byte))).sum();
    let signed: i64 = block.iter().enumerate().map(|byte| i64::from(as_spaces(byte) as i8)).sum();
    stored > 0 && (stored == unsigned || i64::try_from(stored) == Ok(signed))
}

fn octal(field: &[u8]) -> Option<u64> {
    let text = field.trim_ascii_start();
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let is_ended = text[digits..].iter().all(|byte| matches!(byte, 0 | b' '));
    let value = |digits| u64::from_str_radix(std::str::from_utf8(digits).ok()?, 8).ok();
    match digits {
        0 => is_ended.then_some(0),
        _ if is_ended => value(&text[..digits]),
        _ => None,
    }
}

/// A number in octal, or in base 256 when it is too large for that.
fn number(field: &[u8]) -> Option<u64> {
    match field[0] {
        0x80 => {
            let (high, low) = field.split_at(field.len() - 8);
            high[1..].iter().all(|byte| *byte == 0).then(|| low.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
        }
        0xff => None,
        _ => octal(field),
    }
}

fn text(field: &[u8]) -> &[u8] {
    &field[..memchr::memchr(0, field).unwrap_or(field.len())]
}

impl Entry {
    /// Reads a header; none when it is no header.
    pub fn parse(block: &[u8; BLOCK]) -> Option<Entry> {
        if !checksum(block) {
            return None;
        }
        let is_posix = block[257..263] == *b"ustar\0";
        let (prefix, name) = (text(&block[345..500]), text(&block[..100]));
        let path = match prefix {
            prefix if is_posix && !prefix.is_empty() => [prefix, b"/", name].concat(),
            _ => name.to_vec(),
        };
        let size = number(&block[124..136])?;
        let kind = match block[156] {
            b'L' | b'K' | b'x' | b'g' | b'X' => EntryKind::Extended(block[156]),
            b'S' => EntryKind::Sparse,
            b'5' => EntryKind::Folder,
            b'1'..=b'6' => EntryKind::Other,
            // Before POSIX a folder was a file whose name ends in a slash; so may a long name where it is cut.
            0 | b'0' if name.ends_with(b"/") && size == 0 => EntryKind::Folder,
            _ => EntryKind::File,
        };
        let parts = if kind == EntryKind::Sparse { parts(&block[386..482]) } else { Vec::new() };
        let link = if kind == EntryKind::Other { text(&block[157..257]).to_vec() } else { Vec::new() };
        let mut entry = Entry { path, kind, link, size, parts };
        if kind == EntryKind::Sparse && block[482] != 0 {
            // Marks that more of the map follows.
            entry.parts.push((u64::MAX, 0));
        }
        Some(entry)
    }
}

fn parts(map: &[u8]) -> Vec<(u64, u64)> {
    let part = |part: &[u8]| Some((number(&part[..12])?, number(&part[12..])?));
    map.chunks_exact(24).take_while(|part| part[0] != 0).map_while(part).collect()
}

/// What extended headers say about the next entry.
#[derive(Default)]
pub struct Extended {
    path: Option<Vec<u8>>,
    size: Option<u64>,
    parts: Vec<(u64, u64)>,
    is_sparse: bool,
    /// Pax 1.0: the map stands before the content.
    has_map: bool,
}

impl Extended {
    /// Reads an extended header's content; `false` when the entry is none.
    pub fn take_in(&mut self, entry: &Entry, source: &mut dyn Read) -> Result<bool, Trouble> {
        let EntryKind::Extended(kind) = entry.kind else { return Ok(false) };
        if entry.size > MAX_EXTENDED {
            skip(source, entry.size)?;
            return Ok(true);
        }
        let content = bytes(source, entry.size)?;
        match kind {
            b'L' => self.path = Some(text(&content).to_vec()),
            b'x' | b'X' => self.records(&content),
            _ => {}
        }
        Ok(true)
    }

    /// `30 path=a/long/name\n`, one after the other.
    fn records(&mut self, mut content: &[u8]) {
        let mut offset = None;
        while let Some(space) = memchr::memchr(b' ', content) {
            let len = std::str::from_utf8(&content[..space]).ok().and_then(|digits| digits.parse::<usize>().ok());
            let Some(record) = len.and_then(|len| content.get(space + 1..len)) else { return };
            content = &content[len.unwrap_or(0)..];
            let record = record.strip_suffix(b"\n").unwrap_or(record);
            let Some(equals) = memchr::memchr(b'=', record) else { continue };
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            let number = || std::str::from_utf8(value).ok()?.parse::<u64>().ok();
            match key {
                b"path" if !self.is_sparse => self.path = Some(value.to_vec()),
                b"size" => self.size = number(),
                b"GNU.sparse.name" => (self.path, self.is_sparse) = (Some(value.to_vec()), true),
                b"GNU.sparse.major" => self.has_map = number() == Some(1),
                b"GNU.sparse.size" | b"GNU.sparse.realsize" => self.is_sparse = true,
                b"GNU.sparse.offset" => offset = number(),
                b"GNU.sparse.numbytes" => self.push(offset.take(), number()),
                b"GNU.sparse.map" => {
                    let mut numbers = value.split(|byte| *byte == b',').map(decimal);
                    while let (Some(at), Some(len)) = (numbers.next(), numbers.next()) {
                        self.push(at, len);
                    }
                }
                _ => {}
            }
        }
    }

    fn push(&mut self, at: Option<u64>, len: Option<u64>) {
        if let (Some(at), Some(len)) = (at, len)
            && self.parts.len() < MAX_PARTS
        {
            self.parts.push((at, len));
        }
    }

    /// Puts together what is known of an entry, and reads the map of a sparse one.
    pub fn apply(self, mut entry: Entry, source: &mut dyn Read) -> Result<Entry, Trouble> {
        entry.path = self.path.unwrap_or(entry.path);
        entry.size = self.size.unwrap_or(entry.size);
        if entry.parts.last() == Some(&(u64::MAX, 0)) {
            entry.parts.pop();
            loop {
                let more: [u8; BLOCK] = exactly(source)?;
                entry.parts.extend(parts(&more[..504]));
                if more[504] == 0 || entry.parts.len() > MAX_PARTS {
                    break;
                }
            }
        }
        if self.is_sparse && entry.kind == EntryKind::File {
            entry.kind = EntryKind::Sparse;
            entry.parts = self.parts;
            if self.has_map {
                entry.parts = map(&mut entry.size, source)?;
            }
        }
        Ok(entry)
    }
}

fn decimal(text: &[u8]) -> Option<u64> {
    std::str::from_utf8(text).ok()?.trim().parse().ok()
}

/// Pax 1.0's map: decimal numbers, one a line, padded to whole blocks that count as content.
fn map(size: &mut u64, source: &mut dyn Read) -> Result<Vec<(u64, u64)>, Trouble> {
    let mut text = Vec::new();
    loop {
        if *size < BLOCK as u64 {
            return Err(Trouble::damaged("the map of a sparse file is damaged"));
        }
        text.extend(exactly::<BLOCK>(source)?);
        *size -= BLOCK as u64;
        let mut numbers = text.split(|byte| *byte == b'\n').map(decimal);
        let Some(Some(count)) = numbers.next() else {
            return Err(Trouble::damaged("the map of a sparse file is damaged"));
        };
        let lines = memchr::memchr_iter(b'\n', &text).count() as u64;
        if lines > count.saturating_mul(2) || text.len() > 32 * MAX_PARTS {
            let mut parts = Vec::new();
            for _ in 0..count {
                let (Some(Some(at)), Some(Some(len))) = (numbers.next(), numbers.next()) else { break };
                parts.push((at, len));
            }
            return Ok(parts);
        }
    }
}
