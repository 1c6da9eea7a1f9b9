//! Where the name around a keyword begins and ends, and what stands before it.

use super::reader::{Reader, is_word};

/// The longest name: a longer run of letters is data in which the keyword turned up by chance.
const LONGEST: usize = 64;

/// The end of the name that contains the keyword ending at `index`; `None` when it runs on too long.
#[inline]
pub fn end(reader: &mut Reader, mut index: usize) -> Option<usize> {
    let stop = index + LONGEST;
    loop {
        index = reader.word_end(index, LONGEST);
        if index >= stop {
            return None;
        }
        let joins = matches!(reader.at(index), b'.' | b'-');
        // A digit does not start the next part of a name: `password-1` yes, `token.0` is a field, both harmless.
        if !joins || !is_word(reader.at(index + 1)) {
            return Some(index);
        }
        index += 1;
    }
}

/// The start of the name that contains the keyword starting at `index`; `None` when it runs back too far.
pub fn start(reader: &mut Reader, mut index: usize) -> Option<usize> {
    let stop = index.saturating_sub(LONGEST);
    loop {
        while index > stop && is_word(reader.before(index)) {
            index -= 1;
        }
        if index == stop && stop > 0 {
            return None;
        }
        let joins = matches!(reader.before(index), b'.' | b'-') && index > stop + 1;
        if !joins || !is_word(reader.before(index - 1)) {
            return Some(index);
        }
        index -= 1;
    }
}

/// What stands before a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// The start of the line, perhaps after white space, `- ` or a word such as `export`.
    Line,
    /// `--` or `-`.
    Flag,
    /// `?` or `&`, or the `;` of `&amp;`.
    Query,
    /// `;` as in a connection string.
    Pair,
    /// `<`.
    Tag,
    /// `</`.
    ClosingTag,
    /// Anything else.
    Other,
}

/// What stands before the name that starts at `start`.
pub fn before(reader: &mut Reader, start: usize) -> Before {
    match reader.before(start) {
        b'<' => Before::Tag,
        b'?' | b'&' => Before::Query,
        b'/' if reader.before(start - 1) == b'<' => Before::ClosingTag,
        b';' if start > 4 && ends_with(reader, start, b"&amp;") => Before::Query,
        b';' => Before::Pair,
        b':' if is_prefixed_tag(reader, start - 1) => Before::Tag,
        b'-' if start > 1 && matches!(reader.before(start - 1), b'-' | b' ' | b'\t' | b'"' | b'\'' | b'[') => {
            Before::Flag
        }
        _ if starts_line(reader, start) => Before::Line,
        _ => Before::Other,
    }
}

/// Whether the colon before `end` follows a namespace and `<`: `<jdbc:password>`.
fn is_prefixed_tag(reader: &mut Reader, end: usize) -> bool {
    let mut at = end;
    while at > 0 && end - at < 16 && is_word(reader.before(at)) {
        at -= 1;
    }
    at < end && reader.before(at) == b'<'
}

/// Words that stand before a variable's name in shells, Dockerfiles and the like.
const DECLARES: [&[u8]; 10] =
    [b"export", b"set", b"setx", b"env", b"arg", b"setenv", b"readonly", b"local", b"declare", b"typeset"];

fn starts_line(reader: &mut Reader, start: usize) -> bool {
    let mut index = start;
    let stop = start.saturating_sub(32);
    let mut words = 0;
    while index > stop {
        match reader.before(index) {
            b'\n' | b'\r' | 0 => return true,
            b' ' | b'\t' | b'-' | b'"' | b'\'' | b'+' | b'#' | b'*' | b'>' => index -= 1,
            byte if byte.is_ascii_alphabetic() && words == 0 => {
                let last = index;
                while index > stop && reader.before(index).is_ascii_alphabetic() {
                    index -= 1;
                }
                let word = reader.slice(index..last);
                let flag = reader.before(index) == b'-' && word.len() == 1;
                if !flag && !DECLARES.iter().any(|known| known.eq_ignore_ascii_case(word)) {
                    return false;
                }
                words += 1;
            }
            _ => return false,
        }
    }
    index == 0
}

fn ends_with(reader: &mut Reader, end: usize, text: &[u8]) -> bool {
    text.iter().rev().enumerate().all(|(offset, byte)| reader.before(end - offset) == *byte)
}
