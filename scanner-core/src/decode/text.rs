//! Decoded text: its bytes, the encodings that were peeled, and the way back to the bytes it came from.

use std::borrow::Cow;
use std::ops::Range;

/// The share of control characters, one in this many, from which on bytes are no text.
const CONTROL_SHARE: usize = 20;

/// Bytes that may always be decoded from one stretch of the outermost text.
const FLOOR: usize = 64 << 10;
/// How often the length of that stretch may be decoded, over all depths.
const TIMES: usize = 8;
/// The most bytes decoded from it, whatever its length.
const CEILING: usize = 64 << 20;

/// Text seen through one encoding.
#[derive(Debug)]
pub struct Text {
    /// The decoded bytes.
    pub bytes: Vec<u8>,
    /// What was peeled, outermost first.
    pub trail: Vec<Cow<'static, str>>,
    /// Where in the outer text it stands.
    span: Range<usize>,
    /// What was replaced; `None` when all of it was.
    replaced: Option<Vec<Replaced>>,
}

/// A decoded piece and the encoded one it stands for; what lies between pieces is the same in both texts.
#[derive(Clone, Copy, Debug)]
struct Replaced {
    at: u32,
    len: u32,
    outer_at: u32,
    outer_len: u32,
}

impl Text {
    /// A text of which every byte was encoded.
    pub fn whole(bytes: Vec<u8>, trail: Vec<Cow<'static, str>>, span: Range<usize>) -> Text {
        Text { bytes, trail, span, replaced: None }
    }

    /// The outer text's bytes that `range` was decoded from.
    pub fn outer(&self, range: Range<usize>) -> Range<usize> {
        let Some(replaced) = &self.replaced else { return self.span.clone() };
        let piece = |at: usize| replaced[..replaced.partition_point(|piece| piece.at as usize <= at)].last();
        let start = match piece(range.start) {
            Some(piece) if range.start < piece.end() => piece.outer_at as usize,
            Some(piece) => piece.outer_end() + range.start - piece.end(),
            None => self.span.start + range.start,
        };
        let last = range.end.max(range.start + 1) - 1;
        let end = match piece(last) {
            Some(piece) if last < piece.end() => piece.outer_end(),
            Some(piece) => piece.outer_end() + last - piece.end() + 1,
            None => self.span.start + last + 1,
        };
        start..end.max(start)
    }

    /// Whether something inside `range` was encoded.
    pub fn is_changed(&self, range: Range<usize>) -> bool {
        let Some(replaced) = &self.replaced else { return true };
        let from = replaced.partition_point(|piece| piece.end() < range.start);
        let of_range = replaced[from..].iter().take_while(|piece| (piece.at as usize) < range.end);
        let mut inside = of_range.filter(|piece| match piece.len {
            0 => piece.at as usize > range.start,
            _ => piece.end() > range.start,
        });
        inside.next().is_some()
    }

    /// Whether an encoded piece lies in `range` or ends right where it begins.
    pub fn touches_change(&self, range: Range<usize>) -> bool {
        self.is_changed(range.start.saturating_sub(1)..range.end + 1)
    }
}

impl Replaced {
    fn end(&self) -> usize {
        self.at as usize + self.len as usize
    }

    fn outer_end(&self) -> usize {
        self.outer_at as usize + self.outer_len as usize
    }
}

/// Builds a text in which some pieces were encoded.
pub(super) struct Builder<'a> {
    outer: &'a [u8],
    span: Range<usize>,
    at: usize,
    bytes: Vec<u8>,
    replaced: Vec<Replaced>,
}

impl<'a> Builder<'a> {
    pub fn new(outer: &'a [u8], span: Range<usize>) -> Builder<'a> {
        let bytes = Vec::with_capacity(span.len());
        Builder { outer, at: span.start, span, bytes, replaced: Vec::new() }
    }

    /// Takes over what lies before `at`, then `text` in place of the `len` bytes there.
    pub fn replace(&mut self, at: usize, len: usize, text: &[u8]) {
        self.bytes.extend_from_slice(&self.outer[self.at..at]);
        let piece = Replaced {
            at: self.bytes.len() as u32,
            len: text.len() as u32,
            outer_at: at as u32,
            outer_len: len as u32,
        };
        self.replaced.push(piece);
        self.bytes.extend_from_slice(text);
        self.at = at + len;
    }

    /// The whole text.
    pub fn finish(mut self, encoding: &'static str) -> Text {
        if self.at < self.span.end {
            self.bytes.extend_from_slice(&self.outer[self.at..self.span.end]);
        }
        Text { bytes: self.bytes, trail: vec![Cow::Borrowed(encoding)], span: self.span, replaced: Some(self.replaced) }
    }
}

/// Why something that was hidden was not looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cut {
    /// A stretch goes on beyond `MAX_STRETCH`.
    Long,
    /// Encodings are nested deeper than `MAX_DEPTH`.
    Depth,
    /// More would be decoded than a text of that length is worth.
    Budget,
    /// An archive in encoded text was not unpacked to its end.
    Archive,
}

/// Bounds what is decoded from one stretch of the outermost text, and remembers what was left out.
#[derive(Debug)]
pub struct Budget {
    left: usize,
    ceiling: usize,
    /// What was left out.
    pub cuts: Vec<Cut>,
}

impl Budget {
    /// For a stretch of `len` bytes: in proportion to it, so that all of a text's stretches are, too.
    pub fn new(len: usize) -> Budget {
        Budget { left: FLOOR + TIMES * len, ceiling: CEILING, cuts: Vec::new() }
    }

    /// Whether `len` more bytes may be decoded.
    pub(super) fn take(&mut self, len: usize) -> bool {
        let is_enough = len <= self.left && len <= self.ceiling;
        if is_enough {
            self.left -= len;
            self.ceiling -= len;
        } else {
            self.cut(Cut::Budget);
        }
        is_enough
    }

    /// Bytes that may still be decoded at most.
    pub fn ceiling(&self) -> usize {
        self.ceiling
    }

    /// Makes room for what `len` bytes that were unpacked may hold.
    pub fn grow(&mut self, len: usize) {
        self.left += TIMES * len;
        self.ceiling = self.ceiling.saturating_sub(len);
    }

    /// Remembers that something was left out.
    pub fn cut(&mut self, cut: Cut) {
        if !self.cuts.contains(&cut) {
            self.cuts.push(cut);
        }
    }
}

/// Whether `byte` is no part of text: a control character other than a tab, a line's end or an escape.
fn is_control(byte: u8) -> bool {
    matches!(byte, 0..=8 | 11 | 14..=26 | 28..=31 | 127)
}

/// Whether bytes are text: few control characters, and UTF-8 or mostly ASCII.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    let controls = bytes.iter().filter(|byte| is_control(**byte)).count();
    let high = || bytes.iter().filter(|byte| !byte.is_ascii()).count();
    !bytes.is_empty()
        && controls * CONTROL_SHARE <= bytes.len()
        && (high() * 4 <= bytes.len() || std::str::from_utf8(bytes).is_ok())
}

/// Whether the first bytes of something are those of text, of compressed text or of UTF-16.
pub(super) fn begins_as_text(start: &[u8]) -> bool {
    match *start {
        // gzip; zlib at its usual levels; byte order marks
        [0x1f, 0x8b, 8, ..] | [0x78, 0x01 | 0x5e | 0x9c | 0xda, ..] => return true,
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => return true,
        [first, 0, third, 0, ..] if !is_control(first) && !is_control(third) => return true,
        [0, second, 0, fourth, ..] if !is_control(second) && !is_control(fourth) => return true,
        [0, 0, 0, last, ..] | [last, 0, 0, 0, ..] if !is_control(last) => return true,
        _ => {}
    }
    if start.iter().any(|byte| is_control(*byte)) {
        return false;
    }
    match std::str::from_utf8(start) {
        Ok(_) => true,
        // A character that the sample cuts.
        Err(error) => error.error_len().is_none(),
    }
}
