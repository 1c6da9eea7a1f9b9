//! Turns byte offsets into lines and columns, walking each text once.

use crate::finding::Position;
use std::ops::Range;

/// Bytes looked at on either side for the line an offset is on.
const MAX_LINE: usize = 4096;

/// Walks forward through one text; offsets must not go back by more than one asked-for start.
pub struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    line: u32,
    column: u32,
}

impl<'a> Cursor<'a> {
    /// Starts at the beginning of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Cursor<'a> {
        Cursor { bytes, at: 0, line: 1, column: 1 }
    }

    /// Lines and columns of `span`, whose start is not before the last one asked for.
    pub fn position(&mut self, span: Range<usize>) -> Position {
        self.advance(span.start);
        let (line, column) = (self.line, self.column);
        let mut end = Cursor { bytes: self.bytes, at: self.at, line, column };
        end.advance(span.end);
        Position { line, column, end_line: end.line, end_column: end.column }
    }

    /// Goes to `to`; going back is allowed and starts over.
    pub fn advance(&mut self, to: usize) {
        if to < self.at {
            *self = Cursor::new(self.bytes);
        }
        let passed = &self.bytes[self.at..to];
        let lines = memchr::memchr_iter(b'\n', passed).count();
        let last_line = match memchr::memrchr(b'\n', passed) {
            Some(newline) => {
                self.column = 1;
                &passed[newline + 1..]
            }
            None => passed,
        };
        self.line = self.line.saturating_add(lines as u32);
        self.column = self.column.saturating_add(characters(last_line) as u32);
        self.at = to;
    }
}

/// Characters in UTF-8 text: bytes that do not continue one.
fn characters(bytes: &[u8]) -> usize {
    bytes.iter().filter(|&&byte| byte & 0xc0 != 0x80).count()
}

/// The line `at` is on and the one before it, cut to 4 KiB on either side.
pub fn lines_around(bytes: &[u8], at: usize) -> (&[u8], &[u8]) {
    let low = at.saturating_sub(MAX_LINE);
    let start = memchr::memrchr(b'\n', &bytes[low..at]).map_or(low, |newline| low + newline + 1);
    let high = bytes.len().min(at + MAX_LINE);
    let end = memchr::memchr(b'\n', &bytes[at..high]).map_or(high, |newline| at + newline);
    let before_end = start.saturating_sub(1);
    let before_low = before_end.saturating_sub(MAX_LINE);
    let before = memchr::memrchr(b'\n', &bytes[before_low..before_end]).map_or(before_low, |n| before_low + n + 1);
    (&bytes[start..end], &bytes[before..before_end])
}
