//! `curl -u user:password`: the one command line whose password has no name.

use super::Few;
use super::Syntax;
use super::name::Before;
use super::reader::{Reader, is_quote};
use super::value::Place;

/// How far the option may stand from the command.
const REACH: usize = 96;

/// Finds the password of `-u user:password` or `--user user:password` after the command at `start`.
pub fn find(reader: &mut Reader, start: usize, found: &mut Few) {
    let mut at = start + 4;
    let stop = at + REACH;
    while at < stop {
        match reader.at(at) {
            b'\n' | b'|' | b';' | 0 => return,
            b' ' if reader.has(at + 1, b"-u") => return credentials(reader, start, at + 3, found),
            b' ' if reader.has(at + 1, b"--user") => return credentials(reader, start, at + 7, found),
            _ => at += 1,
        }
    }
}

fn credentials(reader: &mut Reader, start: usize, at: usize, found: &mut Few) {
    let mut at = reader.skip_spaces(at, 4);
    at += usize::from(reader.at(at) == b'=');
    let quote = reader.at(at);
    let quote = if is_quote(quote) { quote } else { b' ' };
    at += usize::from(quote != b' ');
    let stop = at + 64;
    while at < stop && !matches!(reader.at(at), b':' | b'"' | b'\'' | b'$' | 0..=b' ') {
        at += 1;
    }
    if reader.at(at) != b':' {
        return;
    }
    let value = at + 1;
    let mut end = value;
    while end < value + 128 && reader.at(end) > b' ' && reader.at(end) != quote && !is_quote(reader.at(end)) {
        end += 1;
    }
    let place = Place { key: start..start + 4, before: Before::Flag, upper: false };
    found.add(reader, &place, value..end, Syntax::Flag);
}
