//! Finds base64 and hex: long runs of their characters that decode to the beginning of text or of an archive.
//!
//! A bit a byte tells where runs are, 64 bytes at a time. Whether a run is text its first twelve decoded bytes tell; what
//! most long runs hold, names, hashes and images, ends there.

use super::bits::{BLOCK, to_bits, widest};
use super::packed::begins_as_archive;
use super::text::begins_as_text;
use super::{Encoding, Looked, MAX_STRETCH, Stretch, base64, hex};
use std::ops::Range;

/// The shortest run: 16 bytes in base64 without padding.
const LEAST: usize = 22;
/// The shortest run of hex digits: 16 bytes.
const LEAST_HEX: usize = 32;

/// A line of wrapped base64 that another follows has at least this many characters.
const LEAST_LINE: usize = 40;
/// Spaces before a line of wrapped base64.
const MAX_INDENT: usize = 24;
/// The longest line that continues another.
const LONGEST_LINE: usize = 80;
/// Bytes between two lines of wrapped base64.
const MAX_GAP: usize = MAX_INDENT + 12;
/// Bytes before and after a run that tell whether other lines belong to it.
const BEYOND: usize = MAX_GAP + LONGEST_LINE + 8;

/// Bytes beyond a changed one in which a run may begin or end that depends on it.
pub const MARGIN: usize = BEYOND + 2 * LEAST;

/// A run longer than this is taken as a whole: it is no path with a token in it.
const MAX_MIXED: usize = 4096;

/// Appends every run that may depend on `range`.
pub fn find(bytes: &[u8], range: Range<usize>, out: &mut Vec<Stretch>) {
    find_between(bytes, range.start.saturating_sub(MARGIN)..bytes.len().min(range.end + MARGIN), out);
}

widest!(find_between, find_between_avx2, find_in_blocks, (bytes: &[u8], range: Range<usize>, out: &mut Vec<Stretch>));

#[inline(always)]
fn find_in_blocks(bytes: &[u8], range: Range<usize>, out: &mut Vec<Stretch>) {
    let mut at = range.start;
    // Characters of a run right before `at`.
    let mut before = 0;
    while at < range.end {
        let characters = match bytes[at..].first_chunk::<BLOCK>() {
            Some(block) => characters(block),
            None => {
                let mut block = [0; BLOCK];
                block[..bytes.len() - at].copy_from_slice(&bytes[at..]);
                characters(&block)
            }
        };
        let first = characters.trailing_ones() as usize;
        let long = long_runs(characters);
        if before + first < LEAST && long == 0 {
            before = if first == BLOCK { before + BLOCK } else { characters.leading_ones() as usize };
            at += BLOCK;
            continue;
        }
        let place = if before + first >= LEAST { at - before } else { at + long.trailing_zeros() as usize };
        at = run_around(bytes, place, out);
        before = 0;
    }
}

/// The places from which on a block holds `LEAST` characters in a row.
#[inline(always)]
fn long_runs(characters: u64) -> u64 {
    let two = characters & characters >> 1;
    let four = two & two >> 2;
    let eight = four & four >> 4;
    let sixteen = eight & eight >> 8;
    sixteen & sixteen >> (LEAST - 16)
}

/// Which of a block's bytes are characters of either base64 alphabet, the first in the lowest bit.
#[inline(always)]
fn characters(block: &[u8; BLOCK]) -> u64 {
    to_bits(&block.map(|byte| 0u8.wrapping_sub(is_character(byte) as u8)))
}

/// Whether a byte is a character of either base64 alphabet.
#[inline(always)]
fn is_character(byte: u8) -> bool {
    let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    // `+`, `/` and the digits are neighbours but for two.
    let is_other = (byte.wrapping_sub(b'/') < 11) | (byte == b'+') | (byte == b'-') | (byte == b'_');
    is_letter | is_other
}

/// Looks at the run that holds the byte at `at`, in both directions; returns where the next may begin.
fn run_around(bytes: &[u8], at: usize, out: &mut Vec<Stretch>) -> usize {
    let end = run_end(bytes, at);
    let Some(start) = run_start(bytes, at, MAX_STRETCH + MARGIN) else { return end + 1 };
    // A rule drawn with dashes is no text.
    if start + LEAST > end || bytes[start..start + 4].iter().all(|byte| *byte == bytes[start]) {
        return end + 1;
    }
    let block_end = last_line(bytes, start..end).end;
    if let Some(first) = first_line(bytes, start..end) {
        look(bytes, &first, block_end, out);
    }
    block_end + 1
}

/// Adds what lines of base64 hold, the first of which is `line`.
fn look(bytes: &[u8], line: &Range<usize>, end: usize, out: &mut Vec<Stretch>) {
    let whole = line.start..end;
    let (standard, url) = signs(&bytes[line.clone()]);
    if !(standard && url) && take(bytes, whole.clone(), &whole, out) {
        return;
    }
    if line.end < end || whole.len() > MAX_MIXED || whole.len() == LEAST {
        return;
    }
    // A path or a name may end where the token begins.
    if standard {
        take_parts(bytes, &whole, |byte| matches!(byte, b'+' | b'/'), out);
    }
    if url {
        take_parts(bytes, &whole, |byte| matches!(byte, b'-' | b'_'), out);
    }
}

fn take_parts(bytes: &[u8], whole: &Range<usize>, splits: fn(&u8) -> bool, out: &mut Vec<Stretch>) {
    let mut start = whole.start;
    for part in bytes[whole.clone()].split(splits) {
        let end = start + part.len();
        if part.len() >= LEAST {
            take(bytes, start..end, whole, out);
        }
        start = end + 1;
    }
}

/// Which of the two alphabets' own signs stand in a run.
fn signs(run: &[u8]) -> (bool, bool) {
    let first = &run[..run.len().min(MAX_MIXED)];
    (memchr::memchr2(b'+', b'/', first).is_some(), memchr::memchr2(b'-', b'_', first).is_some())
}

/// Adds a run that decodes to the beginning of text; it may be a part of the run `whole`.
fn take(bytes: &[u8], run: Range<usize>, whole: &Range<usize>, out: &mut Vec<Stretch>) -> bool {
    let mut sample = [0; 12];
    let is_text = |sample: &[u8]| sample.len() >= 4 && (begins_as_text(sample) || begins_as_archive(sample));
    let text = &bytes[run.clone()];
    let digits = if text.starts_with(b"0x") || text.starts_with(b"0X") { 2 } else { 0 };
    let len = hex::peek(&text[digits..], &mut sample);
    let is_hex = text.len() - digits >= LEAST_HEX && len == sample.len() && is_text(&sample[..len]) && {
        let is_digit = |byte: &u8| hex::digit(*byte).is_some() || is_gap(*byte);
        text[digits..text.len().min(MAX_STRETCH)].iter().all(is_digit)
    };
    let (encoding, start) = match is_hex {
        true => (Encoding::Hex, run.start + digits),
        false => {
            let len = base64::peek(text, &mut sample);
            if !is_text(&sample[..len]) {
                return false;
            }
            (Encoding::Base64, run.start)
        }
    };
    let is_cut = run.end - run.start > MAX_STRETCH;
    let padding = bytes[run.end..].iter().take(2).take_while(|byte| **byte == b'=').count();
    let end = if is_cut { run.start + MAX_STRETCH } else { run.end + padding };
    let seen = if is_cut { end } else { end.max(whole.end) };
    let looked = Looked::around(whole.start..seen, BEYOND, bytes.len());
    out.push(Stretch { encoding, span: start..end, core: start..end, looked, is_cut });
    true
}

fn is_gap(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'\\' | b'n')
}

/// Where the run ends that holds the byte at `at`.
fn run_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(block) = bytes[at..].first_chunk::<BLOCK>() {
        let count = characters(block).trailing_ones() as usize;
        at += count;
        if count < BLOCK {
            return at;
        }
    }
    at + bytes[at..].iter().take_while(|byte| is_character(**byte)).count()
}

/// Where the run begins that holds the byte at `at`; `None` when that is more than `most` bytes before it.
fn run_start(bytes: &[u8], at: usize, most: usize) -> Option<usize> {
    let mut start = at;
    loop {
        let Some(block) = bytes[..start].last_chunk::<BLOCK>() else {
            start -= bytes[..start].iter().rev().take_while(|byte| is_character(**byte)).count();
            break;
        };
        let count = characters(block).leading_ones() as usize;
        start -= count;
        if count < BLOCK {
            break;
        }
        if at - start > most {
            return None;
        }
    }
    // The letter of `\n` is no part of what follows it.
    let follows_escape = start > 0 && bytes[start - 1] == b'\\' && matches!(bytes[start], b'n' | b'r' | b't');
    Some(start + usize::from(follows_escape))
}

/// The first of the lines that `line` belongs to; `None` when it is too far before.
fn first_line(bytes: &[u8], line: Range<usize>) -> Option<Range<usize>> {
    let mut first = line.clone();
    while let Some(before) = line_before(bytes, first.clone()) {
        first = before;
        if line.start - first.start > MAX_STRETCH + MARGIN {
            return None;
        }
    }
    Some(first)
}

/// The last of the lines that `line` belongs to.
fn last_line(bytes: &[u8], line: Range<usize>) -> Range<usize> {
    let mut last = line;
    while let Some(after) = line_after(bytes, last.clone()) {
        last = after;
    }
    last
}

/// The line of base64 that continues `line`.
fn line_after(bytes: &[u8], line: Range<usize>) -> Option<Range<usize>> {
    let start = line.end + gap(&bytes[line.end..])?;
    if !can_go_on(bytes, &line) {
        return None;
    }
    let end = run_end(bytes, start);
    (end > start && continues(bytes, start..end)).then_some(start..end)
}

/// The line of base64 that `line` continues.
fn line_before(bytes: &[u8], line: Range<usize>) -> Option<Range<usize>> {
    if !matches!(bytes[..line.start].last()?, b'\n' | b'n' | b' ' | b'\t') {
        return None;
    }
    let white = bytes[..line.start].iter().rev().take(MAX_GAP).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let at = line.start - white;
    // What ends a line takes at most `\\\\r\\\\n`.
    let ends = |byte: &&u8| matches!(byte, b'\n' | b'\r' | b'\\' | b'n');
    let most = bytes[..at].iter().rev().take(10).take_while(ends).count();
    let end = (1..=most).map(|len| at - len).find(|end| {
        let is_run_end = *end > 0 && is_character(bytes[end - 1]) && !bytes[*end].is_ascii_alphanumeric();
        is_run_end && gap(&bytes[*end..]) == Some(line.start - end)
    })?;
    let start = run_start(bytes, end - 1, MAX_STRETCH)?;
    let is_joined = start < end && can_go_on(bytes, &(start..end)) && continues(bytes, line);
    is_joined.then_some(start..end)
}

/// Whether another line may follow: it is long, and its end is without signs of the other alphabet.
fn can_go_on(bytes: &[u8], line: &Range<usize>) -> bool {
    line.len() >= LEAST_LINE && memchr::memchr2(b'-', b'_', &bytes[line.end - LEAST_LINE..line.end]).is_none()
}

/// Whether a line may continue another: not a long one, and nothing but a line's end, a quote or a tag follows it.
fn continues(bytes: &[u8], line: Range<usize>) -> bool {
    let rest = &bytes[line.end..];
    // Padding, also as mail writes it.
    let rest = (0..2).fold(rest, |rest, _| rest.strip_prefix(b"=3D").or(rest.strip_prefix(b"=")).unwrap_or(rest));
    let next = rest.first();
    let ends = matches!(next, None | Some(b'\n' | b'\r' | b'\\' | b'"' | b'\'' | b'`' | b'<' | b' ' | b'\t' | b','));
    ends && line.len() <= LONGEST_LINE && memchr::memchr2(b'-', b'_', &bytes[line]).is_none()
}

/// Bytes of the line's end and the indentation that `text` begins with.
fn gap(text: &[u8]) -> Option<usize> {
    let escaped = |at: usize, letter: u8| {
        let slashes = text[at..].iter().take(4).take_while(|byte| **byte == b'\\').count();
        (slashes > 0 && text.get(at + slashes) == Some(&letter)).then_some(slashes + 1)
    };
    let mut at = match text.first()? {
        b'\r' if text.get(1) == Some(&b'\n') => 2,
        b'\n' => 1,
        b'\\' => {
            let carriage = escaped(0, b'r').unwrap_or(0);
            carriage + escaped(carriage, b'n')?
        }
        _ => return None,
    };
    at += text[at..].iter().take(MAX_INDENT).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    Some(at)
}
