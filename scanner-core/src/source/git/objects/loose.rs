//! Loose objects: one zlib stream per file, `kind size\0` before the content.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::atomic::{AtomicU8, Ordering::Relaxed};

use crate::ObjectId;

use super::buffer::Buffer;
use super::error::ObjectError;
use super::folders::Folder;
use super::inflate::Inflater;
use super::visit::Kind;

/// Most loose objects are read in one piece.
const FIRST_READ: u64 = 16 << 10;
const UNKNOWN: u8 = 0;
const UNREADABLE: u8 = u8::MAX;

/// The loose objects of all folders.
#[derive(Default)]
pub struct Loose {
    pub folders: Vec<Folder>,
    folder_of: Vec<u32>,
    kinds: Vec<AtomicU8>,
}

impl Loose {
    /// Adds the next object.
    pub fn push(&mut self, folder: u32) {
        self.folder_of.push(folder);
        self.kinds.push(AtomicU8::new(UNKNOWN));
    }

    /// The number of loose objects.
    pub fn len(&self) -> usize {
        self.kinds.len()
    }

    /// Whether the object is only borrowed.
    pub fn is_borrowed(&self, number: usize) -> bool {
        self.folders[self.folder_of[number] as usize].borrowed
    }

    /// The kind, if it was learned before.
    pub fn known_kind(&self, number: usize) -> Option<Kind> {
        Kind::from_number(self.kinds[number].load(Relaxed))
    }

    /// The kind, read from the file the first time.
    pub fn kind(&self, number: usize, id: ObjectId, inflater: &mut Inflater) -> Option<Kind> {
        match self.kinds[number].load(Relaxed) {
            UNKNOWN => self.read(number, id, |_| false, inflater, &mut Vec::new(), &mut Buffer::default()).ok(),
            known => Kind::from_number(known),
        }
    }

    /// Reads the header of an object, and its content if it `is_wanted`.
    pub fn read(
        &self,
        number: usize,
        id: ObjectId,
        is_wanted: impl Fn(Kind) -> bool,
        inflater: &mut Inflater,
        file: &mut Vec<u8>,
        out: &mut Buffer,
    ) -> Result<Kind, ObjectError> {
        let name = id.to_string();
        let path = self.folders[self.folder_of[number] as usize].path.join(&name[..2]).join(&name[2..]);
        let kind = read(&path, is_wanted, inflater, file, out);
        let known = match &kind {
            Ok(kind) => *kind as u8,
            Err(ObjectError::TooLarge { .. }) => UNKNOWN,
            Err(_) => UNREADABLE,
        };
        self.kinds[number].store(known, Relaxed);
        kind
    }
}

fn read(
    path: &Path,
    is_wanted: impl Fn(Kind) -> bool,
    inflater: &mut Inflater,
    file: &mut Vec<u8>,
    out: &mut Buffer,
) -> Result<Kind, ObjectError> {
    let failed = |error: std::io::Error| ObjectError::File(error.kind());
    let handle = File::open(path).map_err(failed)?;
    file.clear();
    file.reserve(FIRST_READ as usize);
    (&handle).take(FIRST_READ).read_to_end(file).map_err(failed)?;
    let header = header(file, inflater)?;
    if !is_wanted(header.kind) {
        return Ok(header.kind);
    }
    if file.len() as u64 == FIRST_READ {
        inflater.check(header.size, usize::MAX)?;
        // Deflate stores what it cannot compress with less than 1 % on top.
        (&handle).take(header.size + header.size / 8).read_to_end(file).map_err(failed)?;
    }
    let size = inflater.check(header.size, file.len())?;
    inflater.inflate(file, header.len + size, out)?;
    out.set(header.len, header.len + size);
    Ok(header.kind)
}

struct Header {
    kind: Kind,
    size: u64,
    len: usize,
}

fn header(file: &[u8], inflater: &mut Inflater) -> Result<Header, ObjectError> {
    let mut start = [0; 64];
    let len = inflater.peek(file, &mut start)?;
    parse(&start[..len]).ok_or(ObjectError::Corrupt("its header does not name a kind and a size"))
}

fn parse(start: &[u8]) -> Option<Header> {
    let len = memchr::memchr(0, start)?;
    let space = memchr::memchr(b' ', &start[..len])?;
    let digits = &start[space + 1..len];
    let size = std::str::from_utf8(digits).ok().filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some(Header { kind: Kind::from_name(&start[..space])?, size: size.parse().ok()?, len: len + 1 })
}
