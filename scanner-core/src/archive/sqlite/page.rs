//! Pages of a database file, each given once.

use crate::archive::reader::{ReadSeek, bytes, exactly};
use crate::archive::trouble::Trouble;
use std::io::SeekFrom;

/// How text is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    Utf8,
    Utf16Le,
    Utf16Be,
}

/// The pages of a file.
pub struct Pages<'s> {
    source: &'s mut dyn ReadSeek,
    /// Bytes of a page.
    pub size: usize,
    /// Bytes of a page that are used.
    pub usable: usize,
    pub encoding: Encoding,
    /// How many there are.
    pub count: u32,
    seen: Vec<u64>,
}

impl<'s> Pages<'s> {
    /// Reads the file's header.
    pub fn open(source: &'s mut dyn ReadSeek) -> Result<Pages<'s>, Trouble> {
        let len = source.seek(SeekFrom::End(0))?;
        source.rewind()?;
        let header: [u8; 100] = exactly(&mut *source)?;
        let size = match u16::from_be_bytes([header[16], header[17]]) {
            1 => 65_536,
            size => usize::from(size),
        };
        let usable = size.saturating_sub(usize::from(header[20]));
        if !size.is_power_of_two() || size < 512 || usable < 480 {
            return Err(Trouble::damaged("its header is damaged"));
        }
        let encoding = match header[59] {
            2 => Encoding::Utf16Le,
            3 => Encoding::Utf16Be,
            _ => Encoding::Utf8,
        };
        let count = u32::try_from(len / size as u64).unwrap_or(u32::MAX - 1);
        Ok(Pages { source, size, usable, encoding, count, seen: vec![0; count as usize / 64 + 1] })
    }

    /// A page that was not given before.
    pub fn take(&mut self, number: u32) -> Option<Result<Vec<u8>, Trouble>> {
        if number == 0 || number > self.count || self.is_seen(number) {
            return None;
        }
        self.seen[number as usize / 64] |= 1 << (number % 64);
        Some(self.read(number))
    }

    /// A page, whether it was given before or not.
    pub fn read(&mut self, number: u32) -> Result<Vec<u8>, Trouble> {
        self.source.seek(SeekFrom::Start(u64::from(number - 1) * self.size as u64))?;
        bytes(&mut *self.source, self.size as u64)
    }

    /// Whether a page was given.
    pub fn is_seen(&self, number: u32) -> bool {
        self.seen[number as usize / 64] & 1 << (number % 64) != 0
    }

    /// Lets every page be given again.
    pub fn forget(&mut self) {
        self.seen.fill(0);
    }
}

/// Where a page's header begins: the first page has the file's in front.
pub fn start(number: u32) -> usize {
    if number == 1 { 100 } else { 0 }
}

/// Two bytes as a number.
pub fn half(page: &[u8], at: usize) -> usize {
    page.get(at..at + 2).map_or(0, |pair| usize::from(u16::from_be_bytes([pair[0], pair[1]])))
}

/// Four bytes as a number.
pub fn word(page: &[u8], at: usize) -> u32 {
    page.get(at..at + 4).map_or(0, |four| u32::from_be_bytes([four[0], four[1], four[2], four[3]]))
}
