//! Reads the value at a join: a literal in any language's quotes, unquoted text, the default of a look-up, a YAML block.

use super::link::{self, Link};
use super::literal::quoted;
use super::name::Before;
use super::reader::{Reader, is_quote, is_word};
use super::reject;
use super::{Few, Syntax};
use std::ops::Range;

/// The longest value.
pub const LONGEST: usize = 512;

/// Where a value is read from and what it hangs on.
pub struct Place {
    pub key: Range<usize>,
    pub before: Before,
    /// The name has no lower-case letter, as variables of the environment do.
    pub upper: bool,
}

/// Reads what `link` leads to and adds it to `found`.
pub fn read(reader: &mut Reader, link: Link, place: &Place, found: &mut Few) {
    match link {
        Link::Equals(at, tight) => assigned(reader, at, tight, false, place, found),
        Link::Colon(at) => assigned(reader, at, false, true, place, found),
        Link::Compared(at) => literal_only(reader, at, Syntax::Comparison, place, found),
        Link::Otherwise(at) => literal_only(reader, at, Syntax::Fallback, place, found),
        Link::Next(at) => literal_only(reader, at, Syntax::Argument, place, found),
        Link::Call(at) => arguments(reader, at, 0, place, found),
        Link::Quoted(at) => {
            let syntax = match place.before {
                Before::Flag => Syntax::Flag,
                _ if place.upper => Syntax::Sql,
                _ => Syntax::Prose,
            };
            literal_only(reader, at, syntax, place, found);
        }
        Link::Word(at, said) => word(reader, at, said, place, found),
        Link::Cell(at) => cell(reader, at, place, found),
        Link::Text(at) => element(reader, at, place, found),
    }
}

/// The right-hand side of `=` or `:`.
fn assigned(reader: &mut Reader, at: usize, tight: bool, colon: bool, place: &Place, found: &mut Few) {
    if place.before == Before::Query && tight {
        if let Some(range) = bare(reader, at, Stop::Query) {
            found.add(reader, place, range, Syntax::Query);
        }
        return;
    }
    let shell = tight && place.upper && place.before == Before::Line;
    if shell && !matches!(reader.at(at), b'"' | b'\'' | b'`' | b'\\' | b'$' | b'(' | b'<') {
        return unquoted(reader, at, tight, colon, place, found);
    }
    let mut at = reader.skip_spaces(at, 40);
    if matches!(reader.at(at), b'\n' | b'\r') {
        let literal = reader.skip_white(at, 96);
        if colon && !is_quote(reader.at(literal)) {
            return below(reader, at, place, found);
        }
        return literal_only(reader, literal, Syntax::Literal, place, found);
    }
    if colon && matches!(reader.at(at), b'|' | b'>') {
        if let Some(range) = block_scalar(reader, at) {
            found.add(reader, place, range, Syntax::Block);
        }
        return;
    }
    while reader.at(at) == b'*' || (reader.at(at) == b'(' && !is_quote(reader.at(at + 1))) {
        // Markdown's `**Password:** value`; a cast: `(String) "…"`.
        at = match reader.at(at) {
            b'*' if reader.at(at + 1) == b'*' => reader.skip_spaces(at + 2, 4),
            b'(' => {
                let end = reader.word_end(at + 1, 24);
                if reader.at(end) != b')' {
                    break;
                }
                reader.skip_spaces(end + 1, 4)
            }
            _ => return,
        };
    }
    let syntax = Syntax::Literal;
    match reader.at(at) {
        b'"' | b'\'' | b'`' | b'\\' | b'&' | b'@' => {
            if !quoted_at(reader, at, syntax, place, found) && reader.at(at) == b'@' {
                unquoted(reader, at, tight, colon, place, found);
            }
        }
        b'[' | b'{' | b'(' => {
            list(reader, at + 1, place, found);
            if colon
                && found.is_empty()
                && reader.at(at) == b'{'
                && let Some(Link::Colon(value)) = link::block(reader, at + 1)
            {
                field(reader, value, place, found);
            }
        }
        b'$' => variable(reader, at, tight, colon, place, found),
        b'!' if colon => {
            if reader.has(at, b"!!str ") || reader.has(at, b"!!binary ") || reader.has(at, b"!unsafe ") {
                let tag = reader.word_end(at + 2, 10);
                let next = reader.skip_spaces(tag, 4);
                assigned(reader, next, false, false, place, found);
            }
        }
        b'<' | b'*' | b'%' | b'|' | b'=' | b'>' | b'\n' | 0 => {}
        byte if byte.is_ascii_alphabetic() || byte == b'_' => expression(reader, at, tight, colon, place, found),
        _ => unquoted(reader, at, tight, colon, place, found),
    }
}

/// `password:⏎  type: string⏎  default: …`: the value stands in a field of its own.
fn below(reader: &mut Reader, at: usize, place: &Place, found: &mut Few) {
    match link::nested(reader, place.key.start, at) {
        Some(Link::Colon(value)) => field(reader, value, place, found),
        _ => {
            let literal = reader.skip_white(at, 96);
            literal_only(reader, literal, Syntax::Literal, place, found);
        }
    }
}

/// The value after the field's colon, on the same line.
fn field(reader: &mut Reader, at: usize, place: &Place, found: &mut Few) {
    let at = reader.skip_spaces(at, 40);
    if !matches!(reader.at(at), b'\n' | b'\r' | b'{' | b'[' | b'|' | b'>') {
        assigned(reader, at, false, true, place, found);
    }
}

/// A value that starts with a letter: a literal's prefix, a call, a look-up with a fallback, or unquoted text.
fn expression(reader: &mut Reader, start: usize, tight: bool, colon: bool, place: &Place, found: &mut Few) {
    let mut at = start;
    for _ in 0..3 {
        let end = path_end(reader, at);
        match reader.at(end) {
            b'"' | b'\'' | b'`' | b'#' if end - at <= 3 && end > at => {
                if quoted_at(reader, start, Syntax::Literal, place, found) {
                    return;
                }
                break;
            }
            b'(' => return call(reader, at..end, place, found),
            b'[' => {
                let mut close = end + 1;
                while close < end + 48 && !matches!(reader.at(close), b']' | b'\n' | 0) {
                    close += 1;
                }
                if reader.at(close) == b']' {
                    fallback(reader, close + 1, place, found);
                }
                return;
            }
            b' ' => {
                let word = reader.slice(at..end);
                if matches!(word, b"new" | b"await" | b"return" | b"const" | b"not") {
                    at = reader.skip_spaces(end, 4);
                    continue;
                }
                if is_scheme(word) {
                    if let Some(range) = bare(reader, end + 1, Stop::Anchored) {
                        found.add(reader, place, range, Syntax::Header);
                    }
                    return;
                }
                if fallback(reader, end, place, found) {
                    return;
                }
                break;
            }
            _ => break,
        }
    }
    unquoted(reader, start, tight, colon, place, found);
}

/// The end of `a.b::c->d` and of `String::from`.
fn path_end(reader: &mut Reader, start: usize) -> usize {
    let mut at = start;
    let stop = start + 80;
    while at < stop {
        at = reader.word_end(at, 64);
        at += match (reader.at(at), reader.at(at + 1)) {
            (b'.', next) if is_word(next) => 1,
            (b':', b':') => 2,
            (b'-', b'>') => 2,
            (b'?', b'.') => 2,
            (b'!', b'(') if is_quote(reader.at(at + 2)) => return at + 1,
            _ => return at,
        };
    }
    at
}

/// Calls whose first argument names what to look up; the second, if any, is the fallback.
const LOOKS_UP: [&[u8]; 16] = [
    b"get",
    b"env",
    b"fetch",
    b"find",
    b"read",
    b"load",
    b"lookup",
    b"property",
    b"config",
    b"setting",
    b"param",
    b"prompt",
    b"input",
    b"translate",
    b"query",
    b"select",
];

fn call(reader: &mut Reader, name: Range<usize>, place: &Place, found: &mut Few) {
    let path = reader.slice(name.clone());
    let last = path.iter().rposition(|b| matches!(b, b'.' | b':' | b'>')).map_or(path, |dot| &path[dot + 1..]);
    let looks_up = LOOKS_UP.iter().any(|word| contains_ignoring_case(last, word)) || last.len() <= 2 && last != b"of";
    arguments(reader, name.end + 1, looks_up as usize, place, found);
    if found.is_empty() && looks_up {
        let mut at = name.end;
        while at < name.end + 64 && !matches!(reader.at(at), b')' | b'\n' | 0) {
            at += 1;
        }
        fallback(reader, at, place, found);
    }
}

/// Literal arguments after `skip` others, from just behind the opening parenthesis.
fn arguments(reader: &mut Reader, at: usize, skip: usize, place: &Place, found: &mut Few) {
    let mut at = reader.skip_white(at, 64);
    for position in 0..=skip + 1 {
        let Some((range, after)) = quoted(reader, at) else { return };
        if position >= skip {
            found.add(reader, place, range, if skip > 0 { Syntax::Fallback } else { Syntax::Argument });
        }
        let comma = reader.skip_spaces(after, 8);
        if reader.at(comma) != b',' || position > skip {
            return;
        }
        at = reader.skip_white(comma + 1, 64);
    }
}

fn fallback(reader: &mut Reader, at: usize, place: &Place, found: &mut Few) -> bool {
    let Some(value) = link::otherwise(reader, at) else { return false };
    literal_only(reader, value, Syntax::Fallback, place, found);
    true
}

/// `["…", "…"]`, `{"…"}`, `("…")`, and `{ default: "…" }`.
fn list(reader: &mut Reader, at: usize, place: &Place, found: &mut Few) {
    let mut at = reader.skip_white(at, 64);
    for _ in 0..3 {
        let Some((range, after)) = quoted(reader, at) else { return };
        let next = reader.skip_spaces(after, 4);
        if reader.at(next) == b':' || reader.has(next, b"=>") {
            return;
        }
        found.add(reader, place, range, Syntax::Literal);
        if reader.at(next) != b',' {
            return;
        }
        at = reader.skip_white(next + 1, 64);
    }
}

/// A value that starts with `$`: `${X:-default}`, a hash such as `$2b$…`, a verbatim string; a reference is rejected.
fn variable(reader: &mut Reader, at: usize, tight: bool, colon: bool, place: &Place, found: &mut Few) {
    match reader.at(at + 1) {
        b'"' | b'@' | b'\'' => {
            quoted_at(reader, at, Syntax::Literal, place, found);
        }
        b'{' => {
            if let Some(range) = shell_default(reader, at + 2) {
                found.add(reader, place, range, Syntax::Fallback);
            }
        }
        b'0'..=b'9' => unquoted(reader, at, tight, colon, place, found),
        _ => {
            let end = path_end(reader, at + 1);
            if reader.at(end) == b'[' || reader.at(end) == b' ' {
                let mut close = end;
                while close < end + 48 && reader.at(end) == b'[' && !matches!(reader.at(close), b']' | b'\n' | 0) {
                    close += 1;
                }
                fallback(reader, close, place, found);
            }
        }
    }
}

/// The default in `${NAME:-default}`, `${NAME-default}`, `${name:default}`, from behind the brace.
pub fn shell_default(reader: &mut Reader, at: usize) -> Option<Range<usize>> {
    let mut at = reader.word_end(at, 64);
    while matches!(reader.at(at), b'.' | b'_') {
        at = reader.word_end(at + 1, 64);
    }
    if reader.at(at) == b':' {
        at += 1;
    }
    if matches!(reader.at(at), b'-' | b'=') {
        at += 1;
    }
    let quote = is_quote(reader.at(at)) as usize;
    let start = at + quote;
    let mut end = start;
    while end < start + LONGEST && !matches!(reader.at(end), b'}' | b'$' | b'{' | b'"' | b'\'' | b'\n' | 0) {
        end += 1;
    }
    matches!(reader.at(end), b'}' | b'"' | b'\'').then_some(start..end)
}

/// Unquoted text after `=` or `:`.
fn unquoted(reader: &mut Reader, at: usize, tight: bool, colon: bool, place: &Place, found: &mut Few) {
    let anchored = match place.before {
        Before::Line => tight || colon || reader.before(place.key.start) != b' ',
        Before::Flag | Before::Pair => tight,
        _ => false,
    };
    let stop = if anchored { Stop::Anchored } else { Stop::Code };
    let Some(range) = bare(reader, at, stop) else { return };
    let text = reader.slice(range.clone());
    let shell = tight && place.upper && place.before == Before::Line;
    let after = reader.at(range.end);
    // Alone on a line of YAML or properties, letters may be a password.
    let alone = anchored && (tight || colon) && text.len() >= 8 && matches!(after, b'\n' | b'\r' | 0);
    let letters = alone && text.iter().all(u8::is_ascii_alphabetic);
    if !shell && !letters && reject::is_code(text, after) {
        return;
    }
    let syntax = if place.before == Before::Flag { Syntax::Flag } else { Syntax::Bare };
    found.add(reader, place, range, syntax);
}

/// An unquoted value after a space: `--password x`, `password is x`, `ENV PASSWORD x`.
fn word(reader: &mut Reader, at: usize, said: bool, place: &Place, found: &mut Few) {
    let flag = place.before == Before::Flag;
    if !flag && !said && place.before != Before::Line && !follows_login(reader, place.key.start) {
        return;
    }
    let Some(range) = bare(reader, at, Stop::Code) else { return };
    let text = reader.slice(range.clone());
    if reject::is_code(text, reader.at(range.end)) || (!flag && !text.iter().any(u8::is_ascii_digit)) {
        return;
    }
    let syntax = match (flag, said) {
        (true, _) => Syntax::Flag,
        (_, true) => Syntax::Prose,
        _ => Syntax::Bare,
    };
    found.add(reader, place, range, syntax);
}

/// `login NAME password …` of `.netrc`.
fn follows_login(reader: &mut Reader, key: usize) -> bool {
    let mut at = key;
    for wanted in [true, false] {
        while at > 0 && reader.before(at) == b' ' {
            at -= 1;
        }
        let end = at;
        while at > 0 && end - at < 48 && !matches!(reader.before(at), b' ' | b'\n' | b'\t') {
            at -= 1;
        }
        if !wanted {
            return reader.slice(at..end) == b"login";
        }
    }
    false
}

/// A Markdown or text table's cell: quoted, in backticks or bare.
fn cell(reader: &mut Reader, at: usize, place: &Place, found: &mut Few) {
    let at = reader.skip_spaces(at, 40);
    if quoted_at(reader, at, Syntax::Prose, place, found) {
        return;
    }
    let Some(range) = bare(reader, at, Stop::Code) else { return };
    let after = reader.skip_spaces(range.end, 64);
    let text = reader.slice(range.clone());
    if reader.at(after) == b'|' && text.iter().any(u8::is_ascii_digit) && !reject::is_code(text, b'|') {
        found.add(reader, place, range, Syntax::Prose);
    }
}

/// The text of an element, up to the next tag.
fn element(reader: &mut Reader, at: usize, place: &Place, found: &mut Few) {
    let mut start = reader.skip_white(at, 64);
    if reader.has(start, b"<![CDATA[") {
        start += 9;
    }
    let mut end = start;
    while end < start + LONGEST && !matches!(reader.at(end), b'<' | b'\n' | b'\r' | 0) && !reader.has(end, b"]]>") {
        end += 1;
    }
    while end > start && reader.before(end) == b' ' {
        end -= 1;
    }
    if matches!(reader.at(end), b'<' | b']' | b'\n' | b'\r' | b' ') {
        found.add(reader, place, start..end, Syntax::Markup);
    }
}

/// The single line of a YAML block scalar, or its first line.
fn block_scalar(reader: &mut Reader, at: usize) -> Option<Range<usize>> {
    let mut at = at + 1;
    while matches!(reader.at(at), b'-' | b'+' | b'0'..=b'9' | b' ') {
        at += 1;
    }
    if !matches!(reader.at(at), b'\n' | b'\r') {
        return None;
    }
    let line = reader.skip_white(at, 64);
    bare(reader, line, Stop::Anchored)
}

fn literal_only(reader: &mut Reader, at: usize, syntax: Syntax, place: &Place, found: &mut Few) {
    let at = reader.skip_spaces(at, 16);
    let at = if matches!(reader.at(at), b'(' | b'[') { reader.skip_spaces(at + 1, 8) } else { at };
    quoted_at(reader, at, syntax, place, found);
}

fn quoted_at(reader: &mut Reader, at: usize, syntax: Syntax, place: &Place, found: &mut Few) -> bool {
    let Some((range, _)) = quoted(reader, at) else { return false };
    found.add(reader, place, range, syntax);
    true
}

/// Where unquoted text stops.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Stop {
    /// At white space: a line of an env file, INI or YAML.
    Anchored,
    /// At punctuation too.
    Code,
    /// At the next parameter.
    Query,
}

fn bare(reader: &mut Reader, start: usize, stop: Stop) -> Option<Range<usize>> {
    let mut end = start;
    loop {
        match reader.at(end) {
            0..=b' ' | b'"' | b'\'' | b'`' | b'<' | b'>' | 0x7f => break,
            b'\\' if matches!(reader.at(end + 1), b'n' | b'r' | b't' | b'"' | b'\'' | b'\\') => break,
            b'\\' if stop != Stop::Anchored => break,
            b'#' | b'&' | b'{' | b'}' if stop == Stop::Query => break,
            b';' | b'&' | b',' if stop == Stop::Anchored && starts_pair(reader, end + 1) => break,
            b',' | b';' | b')' | b']' | b'}' | b'|' | b'&' if stop != Stop::Anchored => break,
            _ => end += 1,
        }
        if end - start > LONGEST {
            return None;
        }
    }
    while end > start && matches!(reader.before(end), b',' | b';') {
        end -= 1;
    }
    if stop == Stop::Code && end > start && reader.before(end) == b'.' {
        end -= 1;
    }
    (end > start).then_some(start..end)
}

/// Whether `name=` or `name:` follows: the next pair of a connection string or form.
fn starts_pair(reader: &mut Reader, at: usize) -> bool {
    let at = reader.skip_spaces(at, 2);
    let end = reader.word_end(at, 32);
    end > at && matches!(reader.at(end), b'=' | b':' | b' ')
}

/// A word that names how a header's value is to be read.
pub fn is_scheme(word: &[u8]) -> bool {
    const SCHEMES: [&[u8]; 8] = [b"bearer", b"basic", b"token", b"apikey", b"bot", b"jwt", b"accesskey", b"splunk"];
    SCHEMES.iter().any(|scheme| scheme.eq_ignore_ascii_case(word))
}

fn contains_ignoring_case(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|window| window.eq_ignore_ascii_case(word))
}
