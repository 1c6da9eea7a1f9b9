//! Finds text in which single characters are encoded: marks of one kind that stand near each other, with what is around.
//!
//! Most marks of ordinary text hide nothing (`%20` between words, `\"` around a literal): only one that stands in or
//! beside a word long enough for a secret, or in a row of marks, makes its surroundings a stretch.

use super::bits::{BLOCK, to_bits, widest};
use super::text::{Builder, Text};
use super::{Encoding, Looked, MAX_STRETCH, Stretch, concat, entity, escape, percent, quoted};
use std::ops::Range;

/// Bytes of the line that are decoded before and after the marks of a stretch: room for a name.
const CONTEXT: usize = 128;
/// The context ends between words, unless a word is longer than this.
const LONGEST_WORD: usize = 256;
/// The most bytes of a mark.
const LONGEST_MARK: usize = 128;
/// Bytes of a line that may matter to what stands in it.
const REACH: usize = CONTEXT + LONGEST_WORD + 16;
/// The most bytes that a mark looks at on either side: the rest of its line and one more.
pub const LOOK: usize = 2 * REACH + LONGEST_MARK + 2;

/// Marks further apart belong to different stretches.
const MAX_APART: usize = 128;
/// Marks at least this far apart are where a long stretch may be divided.
const LEAST_APART: usize = 16;
/// One in this many of those places divides a stretch.
const DIVIDES: u64 = 128;

/// Characters of a word beside a mark that are looked at.
const WORD: usize = 24;
/// Bytes after a mark in which the rest of its word is looked for.
const LONGEST_WORD_LOOK: usize = 96;
/// A word of so many characters may be part of a secret when it holds a digit, and of so many in any case.
const LEAST_WORD: usize = 12;
const LEAST_LETTERS: usize = 20;

const KINDS: [Encoding; 5] = Encoding::SPARSE;

/// An encoded piece: its length and the text it stands for.
#[derive(Clone, Copy, Debug)]
pub struct Mark {
    /// Encoded bytes.
    pub len: usize,
    text: [u8; 4],
    text_len: u8,
}

impl Mark {
    /// A mark of `len` bytes for `text`, at most four bytes.
    pub fn new(len: usize, text: &[u8]) -> Mark {
        let mut mark = Mark { len, text: [0; 4], text_len: text.len() as u8 };
        mark.text[..text.len()].copy_from_slice(text);
        mark
    }

    /// What it stands for.
    pub fn text(&self) -> &[u8] {
        &self.text[..self.text_len as usize]
    }
}

/// Reads a mark of one kind.
fn read(kind: Encoding, bytes: &[u8], at: usize) -> Option<Mark> {
    match kind {
        Encoding::Concat => concat::read(bytes, at),
        Encoding::Escape => escape::read(bytes, at),
        Encoding::Percent => percent::read(bytes, at),
        Encoding::Entity => entity::read(bytes, at),
        Encoding::Quoted => quoted::read(bytes, at),
        Encoding::Base64 | Encoding::Hex => None,
    }
}

/// The bytes a mark of one kind begins with.
fn first_bytes(kind: Encoding) -> (u8, u8) {
    match kind {
        Encoding::Concat => (b'"', b'\''),
        Encoding::Escape => (b'\\', b'\\'),
        Encoding::Percent => (b'%', b'%'),
        Encoding::Entity => (b'&', b'&'),
        _ => (b'=', b'='),
    }
}

fn kind_of(byte: u8) -> Option<usize> {
    match byte {
        b'"' | b'\'' => Some(0),
        b'\\' => Some(1),
        b'%' => Some(2),
        b'&' => Some(3),
        b'=' => Some(4),
        _ => None,
    }
}

/// A mark that hides something.
fn read_telling(kind: Encoding, bytes: &[u8], at: usize) -> Option<Mark> {
    let mark = read(kind, bytes, at)?;
    let is_telling = match kind {
        Encoding::Escape => escape::is_telling(bytes, at, &mark),
        Encoding::Quoted => quoted::is_telling(&mark),
        Encoding::Percent | Encoding::Entity => matches!(mark.text(), [b' '..=b'~']),
        _ => true,
    };
    let end = at + mark.len;
    // A line that an encoder broke goes on, whatever stands there.
    let is_broken = kind == Encoding::Quoted && mark.text().is_empty();
    let hides = || is_in_row(kind, bytes, end) || is_in_word(kind, bytes, at, end);
    (is_broken || (is_telling && hides())).then_some(mark)
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'/' | b'=')
}

/// Whether a byte may be part of a word that marks of a kind stand in: some split words of other encodings.
fn is_split(kind: Encoding, byte: u8) -> bool {
    let splits_any = matches!(kind, Encoding::Concat | Encoding::Quoted);
    is_word(byte) || (splits_any && matches!(byte, b'%' | b'\\' | b'&' | b'#' | b';' | b'.'))
}

/// Whether what adjoins a mark on both sides may be part of a secret: a word, which more marks may be part of.
fn is_in_word(kind: Encoding, bytes: &[u8], start: usize, end: usize) -> bool {
    let before = bytes[..start].iter().rev().take(WORD).take_while(|byte| is_split(kind, **byte)).count();
    let mut has_digit = bytes[start - before..start].iter().any(u8::is_ascii_digit);
    let (first, second) = first_bytes(kind);
    let (mut len, mut at) = (before, end);
    while len < LEAST_LETTERS && at < end + LONGEST_WORD_LOOK {
        let Some(&byte) = bytes.get(at) else { break };
        let mark = if byte == first || byte == second { read(kind, bytes, at) } else { None };
        let (text, width) = match &mark {
            // Marks of three lines would depend on each other.
            Some(mark) if spans_lines(bytes, at..at + mark.len) => break,
            Some(mark) => (mark.text(), mark.len),
            None => (std::slice::from_ref(&byte), 1),
        };
        if mark.is_none() && !is_split(kind, byte) {
            break;
        }
        has_digit |= text.iter().any(u8::is_ascii_digit);
        len += text.len();
        at += width;
    }
    len >= LEAST_LETTERS || (len >= LEAST_WORD && has_digit)
}

/// Whether three more marks follow, each right after the other and on one line.
fn is_in_row(kind: Encoding, bytes: &[u8], mut end: usize) -> bool {
    let (first, _) = first_bytes(kind);
    (0..3).all(|_| {
        let mark = bytes.get(end).filter(|byte| **byte == first).and_then(|_| read(kind, bytes, end));
        mark.is_some_and(|mark| {
            end += mark.len;
            !spans_lines(bytes, end - mark.len..end)
        })
    })
}

fn spans_lines(bytes: &[u8], mark: Range<usize>) -> bool {
    memchr::memchr(b'\n', &bytes[mark]).is_some()
}

/// Appends every stretch of marks that may depend on `range`.
pub fn find(bytes: &[u8], range: Range<usize>, out: &mut Vec<Stretch>) {
    let low = joint_start(bytes, before(bytes, range.start.min(bytes.len())));
    let high = (after(bytes, range.end.min(bytes.len())) + 1).min(bytes.len());
    find_between(bytes, low..high, out);
}

/// Where the mark may begin that ends a line before `at`.
fn joint_start(bytes: &[u8], at: usize) -> usize {
    let is_joint = |byte: &&u8| byte.is_ascii_whitespace() || b"+.&|~<>_\\\"'=".contains(byte);
    at - bytes[..at].iter().rev().take(LONGEST_MARK).take_while(is_joint).count()
}

widest!(find_between, find_between_avx2, find_in_blocks, (bytes: &[u8], range: Range<usize>, out: &mut Vec<Stretch>));

#[inline(always)]
fn find_in_blocks(bytes: &[u8], range: Range<usize>, out: &mut Vec<Stretch>) {
    let mut known = [range.start; KINDS.len()];
    let mut at = range.start;
    while at < range.end {
        let Some(block) = bytes[at..].first_chunk::<{ BLOCK + 2 }>() else { break };
        let mut marks = may_be_marks(block);
        while marks != 0 {
            look_at(bytes, at + marks.trailing_zeros() as usize, &mut known, out);
            marks &= marks - 1;
        }
        at += BLOCK;
    }
    (at..range.end).for_each(|place| look_at(bytes, place, &mut known, out));
}

/// Up to where marks of each kind belong to stretches that were added.
type Known = [usize; KINDS.len()];

#[inline(never)]
fn look_at(bytes: &[u8], place: usize, known: &mut Known, out: &mut Vec<Stretch>) {
    let Some(kind) = kind_of(bytes[place]).filter(|kind| known[*kind] <= place) else { return };
    if let Some(mark) = read_telling(KINDS[kind], bytes, place) {
        known[kind] = gather(KINDS[kind], bytes, place..place + mark.len, out);
    }
}

/// Where a mark may begin in a block: one of their signs with what may follow it.
#[inline(always)]
fn may_be_marks(block: &[u8; BLOCK + 2]) -> u64 {
    let mut flags = [0; BLOCK];
    for i in 0..BLOCK {
        let (byte, next, third) = (block[i], block[i + 1], block[i + 2]);
        // After a literal no letter comes soon, where another literal is joined to it.
        let joins = (next <= b'.') & (next != b',') & (next != b')') & ((third | 0x20).wrapping_sub(b'a') > 25);
        let quote = ((byte == b'"') | (byte == b'\'')) & joins;
        let slash = (byte == b'\\')
            & ((next.wrapping_sub(b'/') < 5) | (next <= b'\r') | (next | 0x20 == b'u') | (next == b'x'));
        let percent = (byte == b'%') & (next.wrapping_sub(b'2') < 6);
        let entity = (byte == b'&') & ((next == b'#') | (next.wrapping_sub(b'a') < 19));
        let quoted = (byte == b'=') & ((next == b'3') | (next <= b'\r'));
        flags[i] = 0u8.wrapping_sub((quote | slash | percent | entity | quoted) as u8);
    }
    to_bits(&flags)
}

/// From where on bytes matter to what stands at `at`: the line before its own, within reach.
fn before(bytes: &[u8], at: usize) -> usize {
    line_start(bytes, line_start(bytes, at, REACH).saturating_sub(1), REACH)
}

/// Up to where bytes matter to what stands at `at`: the line after its own, within reach.
fn after(bytes: &[u8], at: usize) -> usize {
    line_end(bytes, (line_end(bytes, at, REACH) + 1).min(bytes.len()), REACH)
}

fn line_start(bytes: &[u8], at: usize, reach: usize) -> usize {
    let low = at.saturating_sub(reach);
    memchr::memrchr(b'\n', &bytes[low..at]).map_or(low, |newline| low + newline + 1)
}

fn line_end(bytes: &[u8], at: usize, reach: usize) -> usize {
    let high = bytes.len().min(at + reach);
    memchr::memchr(b'\n', &bytes[at..high]).map_or(high, |newline| at + newline)
}

/// Adds the stretch around a mark; returns where the marks after it begin.
fn gather(kind: Encoding, bytes: &[u8], mark: Range<usize>, out: &mut Vec<Stretch>) -> usize {
    let mut core = mark;
    let origin = core.start;
    while let Some(before) = mark_before(kind, bytes, core.start) {
        core.start = before;
        if origin - core.start > MAX_STRETCH + CONTEXT {
            // The rest of a stretch that is too long.
            while let Some(after) = mark_after(kind, bytes, core.end) {
                core.end = after.end;
            }
            return core.end;
        }
    }
    while let Some(after) = mark_after(kind, bytes, core.end) {
        core.end = after.end;
    }
    let end = core.end;
    let is_cut = core.len() > MAX_STRETCH;
    core.end = core.end.min(core.start + MAX_STRETCH);
    let line = line_start(bytes, core.start, REACH)..line_end(bytes, core.end, REACH);
    let start = word_start(bytes, core.start.saturating_sub(CONTEXT)).max(line.start);
    let span = start..word_end(bytes, (core.end + CONTEXT).min(bytes.len())).min(line.end);
    let looked = Looked::around(before(bytes, core.start)..after(bytes, core.end), 1, bytes.len());
    out.push(Stretch { encoding: kind, span, core, looked, is_cut });
    end
}

/// Where the mark begins that belongs to the same stretch as one at `at`, and stands before it.
fn mark_before(kind: Encoding, bytes: &[u8], at: usize) -> Option<usize> {
    let (first, second) = first_bytes(kind);
    let low = at.saturating_sub(MAX_APART + LONGEST_MARK);
    for place in memchr::memrchr2_iter(first, second, &bytes[low..at]).map(|place| low + place) {
        match read_telling(kind, bytes, place) {
            Some(mark) if place + mark.len <= at => return is_same(kind, bytes, place + mark.len, at).then_some(place),
            _ => {}
        }
        // What is further on this side of a line's end belongs to another stretch, unless a mark spans the end.
        if at - place > LONGEST_MARK && memchr::memchr(b'\n', &bytes[place..at]).is_some() {
            return None;
        }
    }
    None
}

/// The mark that belongs to the same stretch as one that ends at `at`, and stands after it.
fn mark_after(kind: Encoding, bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let (first, second) = first_bytes(kind);
    let high = line_end(bytes, at.min(bytes.len()), MAX_APART + 1);
    for place in memchr::memchr2_iter(first, second, bytes.get(at..high)?).map(|place| at + place) {
        if let Some(mark) = read_telling(kind, bytes, place) {
            return is_same(kind, bytes, at, place).then_some(place..place + mark.len);
        }
    }
    None
}

/// Whether a mark that ends at `end` and the next at `start` belong to one stretch: they stand near and on one line.
/// What stands before the second one divides long stretches between words, by chance and always in the same places.
fn is_same(kind: Encoding, bytes: &[u8], end: usize, start: usize) -> bool {
    let between = &bytes[end..start];
    if between.len() > MAX_APART || memchr::memchr(b'\n', between).is_some() {
        return false;
    }
    let divides =
        |eight: &[u8; 8]| u64::from_le_bytes(*eight).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32 & (DIVIDES - 1) == 0;
    // A broken line is one line, however often.
    kind == Encoding::Quoted
        || between.len() < LEAST_APART
        || !bytes[..start].last_chunk::<8>().is_some_and(divides)
        || !between.iter().any(u8::is_ascii_whitespace)
}

/// Where the word begins that `at` stands in.
fn word_start(bytes: &[u8], at: usize) -> usize {
    let at = at.min(bytes.len());
    at - bytes[..at].iter().rev().take(LONGEST_WORD).take_while(|byte| is_word(**byte)).count()
}

/// Where the word ends that `at` stands in.
fn word_end(bytes: &[u8], at: usize) -> usize {
    at + bytes[at..].iter().take(LONGEST_WORD).take_while(|byte| is_word(**byte)).count()
}

/// The stretch with its marks replaced by what they stand for.
pub fn decode(bytes: &[u8], stretch: &Stretch) -> Text {
    let kind = stretch.encoding;
    let (first, second) = first_bytes(kind);
    // What lies outside must not matter.
    let inner = &bytes[stretch.span.clone()];
    let mut builder = Builder::new(bytes, stretch.span.clone());
    let mut at = 0;
    while let Some(place) = memchr::memchr2(first, second, &inner[at..]).map(|place| at + place) {
        at = match read(kind, inner, place) {
            Some(mark) => {
                builder.replace(stretch.span.start + place, mark.len, mark.text());
                place + mark.len
            }
            None => place + 1,
        };
    }
    builder.finish(kind.name())
}
