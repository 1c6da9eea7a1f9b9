//! Reads bytes while remembering how far it looked, so that a verdict can say what it depends on.

use std::ops::Range;

/// The input and the stretch of it that was looked at.
pub struct Reader<'a> {
    bytes: &'a [u8],
    low: usize,
    high: usize,
}

impl<'a> Reader<'a> {
    /// Starts with `seen` already looked at.
    pub fn new(bytes: &'a [u8], seen: &Range<usize>) -> Reader<'a> {
        Reader { bytes, low: seen.start, high: seen.end }
    }

    /// The byte at `index`, 0 beyond the end.
    #[inline]
    pub fn at(&mut self, index: usize) -> u8 {
        if index >= self.high {
            self.high = index + 1;
        }
        self.bytes.get(index).copied().unwrap_or(0)
    }

    /// The byte before `index`, 0 at the start.
    #[inline]
    pub fn before(&mut self, index: usize) -> u8 {
        let place = index.saturating_sub(1);
        if place < self.low {
            self.low = place;
        }
        if index == 0 { 0 } else { self.bytes[place] }
    }

    /// Whether `text` stands at `index`, ASCII case aside.
    pub fn has(&mut self, index: usize, text: &[u8]) -> bool {
        text.iter().enumerate().all(|(offset, byte)| self.at(index + offset).eq_ignore_ascii_case(byte))
    }

    /// The first place at or after `index` that is neither space nor tab, at most `most` bytes on.
    #[inline]
    pub fn skip_spaces(&mut self, mut index: usize, most: usize) -> usize {
        let stop = index + most;
        while index < stop && matches!(self.at(index), b' ' | b'\t') {
            index += 1;
        }
        index
    }

    /// As `skip_spaces`, line breaks included (and a backslash that continues the line).
    pub fn skip_white(&mut self, mut index: usize, most: usize) -> usize {
        let stop = index + most;
        while index < stop {
            match self.at(index) {
                b' ' | b'\t' | b'\n' | b'\r' => index += 1,
                b'\\' if matches!(self.at(index + 1), b'\n' | b'\r') => index += 1,
                _ => break,
            }
        }
        index
    }

    /// The end of the run of word characters that starts at `index`, at most `most` bytes long.
    #[inline]
    pub fn word_end(&mut self, mut index: usize, most: usize) -> usize {
        let stop = index + most;
        while index < stop && is_word(self.at(index)) {
            index += 1;
        }
        index
    }

    /// The bytes of a range that was read before.
    pub fn slice(&self, range: Range<usize>) -> &'a [u8] {
        let end = range.end.min(self.bytes.len());
        &self.bytes[range.start.min(end)..end]
    }

    /// Everything looked at so far, as `Parsed::looked` defines it.
    pub fn looked(&self) -> Range<usize> {
        self.low..self.high.min(self.bytes.len() + 1)
    }
}

/// A letter, digit, underscore or dollar sign.
#[inline]
pub fn is_word(byte: u8) -> bool {
    CLASS[byte as usize] & WORD != 0
}

/// A byte that can stand right after a name which has a value.
#[inline]
pub fn may_follow_name(byte: u8) -> bool {
    CLASS[byte as usize] & FOLLOW != 0
}

/// A quote of any kind.
#[inline]
pub fn is_quote(byte: u8) -> bool {
    matches!(byte, b'"' | b'\'' | b'`')
}

const WORD: u8 = 1;
const FOLLOW: u8 = 2;

static CLASS: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let b = byte as u8;
        if b.is_ascii_alphanumeric() || b == b'_' || b == b'$' {
            table[byte] |= WORD;
        }
        if matches!(
            b,
            b' ' | b'\t'
                | b'\n'
                | b'\r'
                | b'='
                | b':'
                | b'"'
                | b'\''
                | b'`'
                | b'>'
                | b'('
                | b'['
                | b'\\'
                | b'|'
                | b'*'
                | b'?'
                | b'!'
                | b'<'
                | b'&'
                | b'+'
                | b','
                | 0xef
        ) {
            table[byte] |= FOLLOW;
        }
        byte += 1;
    }
    table
};
