//! Quoted literals of every language: prefixes, raw strings, triple quotes, escaped quotes, quotes as entities.

use super::reader::{Reader, is_quote};
use super::value::LONGEST;
use std::ops::Range;

/// A literal at `at`, its prefix included: the range between its quotes and the place after it.
pub fn quoted(reader: &mut Reader, at: usize) -> Option<(Range<usize>, usize)> {
    let mut open = at;
    while open < at + 3 && matches!(reader.at(open), b'a'..=b'z' | b'A'..=b'Z' | b'@' | b'$' | b'8') {
        open += 1;
    }
    let raw = open > at && matches!(reader.before(open), b'r' | b'R' | b'@');
    let mut hashes = 0;
    while raw && hashes < 4 && reader.at(open) == b'#' {
        hashes += 1;
        open += 1;
    }
    let mut escapes = 0;
    while escapes < 7 && reader.at(open) == b'\\' {
        escapes += 1;
        open += 1;
    }
    if reader.at(open) == b'&' && open == at {
        return entity_quoted(reader, at);
    }
    let quote = reader.at(open);
    if !is_quote(quote) || (open > at && escapes == 0 && hashes == 0 && quote == b'`' && !raw) {
        return None;
    }
    let triple = escapes == 0 && reader.at(open + 1) == quote && reader.at(open + 2) == quote;
    if triple {
        return triple_quoted(reader, open + 3, quote);
    }
    let start = open + 1;
    let mut end = start;
    while end < start + LONGEST {
        match reader.at(end) {
            byte if byte == quote && escapes == 0 => return Some((start..end, end + 1 + hashes)),
            b'\\' if escapes > 0 => {
                let mut run = end;
                while run < end + 16 && reader.at(run) == b'\\' {
                    run += 1;
                }
                if run - end == escapes && reader.at(run) == quote {
                    return Some((start..end, run + 1));
                }
                end = run + 1;
            }
            b'\\' if !raw => end += 2,
            // A quote of the outer string ends the search: the inner one never closed.
            byte if escapes > 0 && byte == quote => return None,
            b'\n' | b'\r' | 0 => return None,
            _ => end += 1,
        }
    }
    None
}

fn triple_quoted(reader: &mut Reader, from: usize, quote: u8) -> Option<(Range<usize>, usize)> {
    let start = reader.skip_white(from, 64);
    let mut end = start;
    while end < start + LONGEST {
        match reader.at(end) {
            byte if byte == quote && reader.at(end + 1) == quote => return Some((start..end, end + 3)),
            b'\n' | b'\r' => return Some((start..end, end)),
            0 => return None,
            _ => end += 1,
        }
    }
    None
}

fn entity_quoted(reader: &mut Reader, at: usize) -> Option<(Range<usize>, usize)> {
    let entity = [&b"&quot;"[..], b"&#34;", b"&#39;"].into_iter().find(|text| reader.has(at, text))?;
    let start = at + entity.len();
    let mut end = start;
    while end < start + LONGEST && !matches!(reader.at(end), b'\n' | b'"' | b'<' | 0) {
        if reader.has(end, entity) {
            return Some((start..end, end + entity.len()));
        }
        end += 1;
    }
    None
}
