//! Turns byte offsets into lines and columns, walking each text once.

use crate::finding::Position;
use std::ops::Range;

/// Bytes looked at on either side for the line an offset is on.
pub const MAX_LINE: usize = 4096;

/// Walks forward through one text, which may be known in part only: what lies behind can be forgotten.
#[derive(Clone, Copy)]
pub struct Cursor {
    at: usize,
    line: u32,
    column: u32,
}

impl Cursor {
    /// Starts at the beginning of a text.
    pub fn new() -> Cursor {
        Cursor { at: 0, line: 1, column: 1 }
    }

    /// Lines and columns of `span`, whose start is not before the last one asked for.
    pub fn position(&mut self, bytes: &[u8], span: Range<usize>) -> Position {
        self.advance(bytes, span.start);
        let mut end = *self;
        end.advance(bytes, span.end);
        Position { line: self.line, column: self.column, end_line: end.line, end_column: end.column }
    }

    /// Goes on to `to`; it does not go back.
    pub fn advance(&mut self, bytes: &[u8], to: usize) {
        let Some(passed) = bytes.get(self.at..to) else { return };
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

    /// Goes on after the first `count` bytes were taken away; it is not before them.
    pub fn forget(&mut self, count: usize) {
        self.at = self.at.saturating_sub(count);
    }
}

/// Lines and columns of `span`, which stands near `known`, whose own are `position`.
pub fn beside(bytes: &[u8], known: Range<usize>, position: Position, span: Range<usize>) -> Position {
    if span == known {
        return position;
    }
    let place = |at: usize| {
        let (low, high) = (at.min(known.start), at.max(known.start));
        let between = bytes.get(low..high).unwrap_or_default();
        let lines = memchr::memchr_iter(b'\n', between).count() as u32;
        let line = if at < known.start { position.line.saturating_sub(lines) } else { position.line + lines };
        let on_same_line = characters(between) as u32;
        let column = match (lines, at < known.start) {
            (0, true) => position.column.saturating_sub(on_same_line),
            (0, false) => position.column + on_same_line,
            _ => {
                let before = &bytes[..at.min(bytes.len())];
                let start = memchr::memrchr(b'\n', before).map_or(0, |newline| newline + 1);
                characters(&before[start..]) as u32 + 1
            }
        };
        (line.max(1), column.max(1))
    };
    let ((line, column), (end_line, end_column)) = (place(span.start), place(span.end));
    Position { line, column, end_line, end_column }
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
