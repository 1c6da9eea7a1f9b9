//! What joins a name to its value: an operator, a call, a tag, a table cell, a word such as `is`.

use super::reader::{Reader, is_quote, is_word};

/// The join, with the place where the value starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Link {
    /// `=` and its kin; true when no space surrounds it.
    Equals(usize, bool),
    /// `:`, as in YAML, JSON and headers.
    Colon(usize),
    /// `==`, `!=`: only a quoted value counts.
    Compared(usize),
    /// Just after the opening parenthesis of a call.
    Call(usize),
    /// The next argument or item: only a quoted value counts.
    Next(usize),
    /// `|| "…"`, `or "…"` after a look-up: only a quoted value counts.
    Otherwise(usize),
    /// A quoted value after white space.
    Quoted(usize),
    /// An unquoted value after white space, `true` after a word such as `is`.
    Word(usize, bool),
    /// A cell of a table.
    Cell(usize),
    /// The text of an element.
    Text(usize),
}

/// Finds the join after the name that ends at `end` and holds the keyword at `keyword`. `tag` and `flag` say what stands
/// before the name.
pub fn link(reader: &mut Reader, keyword: usize, end: usize, tag: bool, flag: bool) -> Option<Link> {
    let (mut at, quoted) = closing_quote(reader, end)?;
    match reader.at(at) {
        b']' if quoted => at += 1,
        b')' if quoted => return otherwise(reader, at + 1).map(Link::Otherwise),
        b'[' if !quoted => at = dimension(reader, at)?,
        b'*' if reader.at(at + 1) == b'*' => at += 2,
        b'>' if tag || quoted => return Some(Link::Text(at + 1)),
        b'<' if reader.at(at + 1) == b'/' => return sibling(reader, at + 2),
        b'(' if !quoted => return Some(Link::Call(at + 1)),
        b'!' if reader.at(at + 1) == b':' => at += 1,
        _ => {}
    }
    let spaced = at;
    let at = reader.skip_spaces(at, 40);
    let tight = spaced == at;
    match reader.at(at) {
        b'=' => equals(reader, at, tight),
        b':' => colon(reader, at),
        b'!' if reader.at(at + 1) == b'=' => Some(Link::Compared(past_equals(reader, at + 1))),
        b'?' => question(reader, at),
        b'|' if reader.has(at, b"||=") => Some(Link::Equals(at + 3, false)),
        b'|' if !reader.has(at, b"||") => Some(Link::Cell(at + 1)),
        b'|' if reader.has(at, b"||") => Some(Link::Otherwise(at + 2)),
        b'+' if reader.at(at + 1) == b'=' => Some(Link::Equals(at + 2, false)),
        b'<' if reader.at(at + 1) == b'-' => Some(Link::Equals(at + 2, false)),
        b'/' if reader.has(at, b"//=") => Some(Link::Equals(at + 3, false)),
        b',' if quoted => next(reader, at + 1),
        b',' => value_key(reader, at + 1).or(Some(Link::Next(at + 1))),
        b'{' if quoted => block(reader, at + 1),
        b'{' if !tight => property(reader, at + 1),
        b'\n' | b'\r' => value_key(reader, at),
        0xef if reader.has(at, b"\xef\xbc\x9a") => Some(Link::Colon(at + 3)),
        _ if tight => None,
        byte if is_quote(byte) || byte == b'\\' => (!quoted).then_some(Link::Quoted(at)),
        b'(' if flag => None,
        _ if tag => attributes(reader, at),
        _ if end - keyword == 6 && reader.has(keyword, b"bearer") => Some(Link::Word(at, true)),
        byte if is_word(byte) || flag => word(reader, at, flag, quoted),
        _ => None,
    }
}

/// Steps over the quote that closes a quoted name, at any depth of escaping; `None` for a lone backslash.
fn closing_quote(reader: &mut Reader, end: usize) -> Option<(usize, bool)> {
    let mut at = end;
    match reader.at(at) {
        b'\\' => {
            while at < end + 8 && reader.at(at) == b'\\' {
                at += 1;
            }
            is_quote(reader.at(at)).then_some((at + 1, true))
        }
        b'&' => {
            let entity = [&b"&quot;"[..], b"&#34;", b"&#39;"].into_iter().find(|text| reader.has(at, text))?;
            Some((at + entity.len(), true))
        }
        byte if is_quote(byte) => Some((at + 1, true)),
        _ => Some((at, false)),
    }
}

/// `password[]`, `password[32]`, `password[LEN + 1]`.
fn dimension(reader: &mut Reader, open: usize) -> Option<usize> {
    let mut at = open + 1;
    while at < open + 24 && (is_word(reader.at(at)) || matches!(reader.at(at), b' ' | b'+')) {
        at += 1;
    }
    (reader.at(at) == b']').then_some(at + 1)
}

fn equals(reader: &mut Reader, at: usize, tight: bool) -> Option<Link> {
    match reader.at(at + 1) {
        b'=' => Some(Link::Compared(past_equals(reader, at))),
        b'>' => Some(Link::Equals(at + 2, false)),
        b'~' if matches!(reader.at(at + 2), b' ' | b'/') => None,
        _ => Some(Link::Equals(at + 1, tight && !matches!(reader.at(at + 1), b' ' | b'\t'))),
    }
}

fn past_equals(reader: &mut Reader, mut at: usize) -> usize {
    let stop = at + 3;
    while at < stop && reader.at(at) == b'=' {
        at += 1;
    }
    at
}

fn colon(reader: &mut Reader, at: usize) -> Option<Link> {
    match reader.at(at + 1) {
        b'=' => Some(Link::Equals(at + 2, false)),
        b':' if reader.at(at + 2) == b'=' => Some(Link::Equals(at + 3, false)),
        b':' => None,
        b'/' => None,
        b'*' if reader.at(at + 2) == b'*' => Some(Link::Colon(at + 3)),
        _ => typed(reader, at + 1).or(Some(Link::Colon(at + 1))),
    }
}

/// `?=`, `??=`, `?:` of an optional property, and `?? "…"`, `?: "…"` fallbacks.
fn question(reader: &mut Reader, at: usize) -> Option<Link> {
    match (reader.at(at + 1), reader.at(at + 2)) {
        (b'=', _) => Some(Link::Equals(at + 2, false)),
        (b'?', b'=') => Some(Link::Equals(at + 3, false)),
        (b'?', _) => Some(Link::Otherwise(at + 2)),
        (b':', b' ') => typed(reader, at + 2).or(Some(Link::Otherwise(at + 2))),
        _ => None,
    }
}

/// A type between the name and `= "…"`: `: &'static str = "…"`, ` string = "…"`. Only when a literal follows.
fn typed(reader: &mut Reader, from: usize) -> Option<Link> {
    let from = reader.skip_spaces(from, 8);
    if !matches!(reader.at(from), b'a'..=b'z' | b'A'..=b'Z' | b'&' | b'*' | b'[' | b'(' | b'?') {
        return None;
    }
    let mut at = from;
    while at < from + 48 {
        match reader.at(at) {
            b'=' => break,
            b if is_word(b) => at += 1,
            b' ' if is_word(reader.before(at))
                && is_word(reader.at(at + 1))
                && !is_qualifier(reader.slice(from..at)) =>
            {
                return None;
            }
            b' ' | b'<' | b'>' | b'[' | b']' | b'?' | b'&' | b'*' | b'|' | b'.' | b'(' | b')' | b',' | b':' | b'!' => {
                at += 1
            }
            b'\'' if reader.before(at) == b'&' || reader.before(at) == b'<' => at += 1,
            _ => return None,
        }
    }
    if at == from + 48 || matches!(reader.at(at + 1), b'=' | b'>') {
        return None;
    }
    let value = reader.skip_spaces(at + 1, 4);
    let mut open = value;
    while open < value + 3
        && matches!(reader.at(open), b'b' | b'r' | b'u' | b'f' | b'L' | b'@' | b'$' | b'#' | b'[' | b'{')
    {
        open += 1;
    }
    let mut path = value;
    while path < value + 40 && (is_word(reader.at(path)) || matches!(reader.at(path), b':' | b'.' | b' ')) {
        path += 1;
    }
    let wrapped = reader.at(path) == b'(' && is_quote(reader.at(path + 1));
    (is_quote(reader.at(open)) || wrapped).then_some(Link::Equals(value, false))
}

/// Whether text ends in a word that stands before the rest of a type, a lifetime included.
fn is_qualifier(text: &[u8]) -> bool {
    let start = text.iter().rposition(|b| !is_word(*b)).map_or(0, |at| at + 1);
    let lifetime = start > 0 && text[start - 1] == b'\'';
    lifetime || matches!(&text[start..], b"const" | b"unsigned" | b"readonly" | b"static" | b"mut" | b"var" | b"dyn")
}

/// `|| "…"`, `or "…"`, `?? "…"`, `?: "…"`, `, "…"` after the look-up that ends before `at`.
pub fn otherwise(reader: &mut Reader, at: usize) -> Option<usize> {
    let mut at = at;
    while matches!(reader.at(at), b')' | b']' | b'!') {
        at += 1;
    }
    let at = reader.skip_white(at, 48);
    let operator = [&b"||"[..], b"or ", b"??", b"?:", b".unwrap_or(", b".orElse(", b".getOrElse("];
    let found = operator.into_iter().find(|text| reader.has(at, text))?;
    let value = reader.skip_white(at + found.len(), 48);
    is_quote(reader.at(value)).then_some(value)
}

/// After a quoted name and a comma: the next argument, or the `value` that goes with this `name`.
fn next(reader: &mut Reader, at: usize) -> Option<Link> {
    if let Some(found) = value_key(reader, at) {
        return Some(found);
    }
    let at = reader.skip_white(at, 64);
    Some(Link::Next(at))
}

/// Names of the field that holds what another field names.
const VALUE_KEYS: [&[u8]; 7] = [b"value", b"default", b"val", b"content", b"defaultvalue", b"data", b"parametervalue"];

fn is_value_key(word: &[u8]) -> bool {
    VALUE_KEYS.iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// `"name": "password", "value": "…"`, `- name: PASSWORD⏎  value: …`: the join after the field `value`.
pub fn value_key(reader: &mut Reader, at: usize) -> Option<Link> {
    let at = reader.skip_white(at, 64);
    let open = matches!(reader.at(at), b'\\') as usize;
    let quote = is_quote(reader.at(at + open)) as usize;
    let word = at + open + quote;
    let end = reader.word_end(word, 15);
    if !is_value_key(reader.slice(word..end)) {
        return None;
    }
    let at = reader.skip_spaces(end + open + quote, 8);
    match reader.at(at) {
        b'=' if reader.at(at + 1) != b'=' => Some(Link::Equals(at + 1, false)),
        b':' => Some(Link::Colon(at + 1)),
        _ => None,
    }
}

/// How far the field that holds a value may stand from the beginning of its block.
const BLOCK: usize = 160;

/// `variable "password" { … default = "…" }`, `"password": {"type": "String", "default": "…"}`.
pub fn block(reader: &mut Reader, from: usize) -> Option<Link> {
    let stop = from + BLOCK;
    let mut at = from;
    while at < stop {
        if let Some(found) = value_key(reader, at) {
            return Some(found);
        }
        at = reader.skip_white(at, 64);
        while at < stop && !matches!(reader.at(at), b'\n' | b',' | b'}' | 0) {
            at += 1;
        }
        if !matches!(reader.at(at), b'\n' | b',') {
            return None;
        }
        at += 1;
    }
    None
}

/// The field of a value among those indented below the name at `key`; `at` is where the name's own line ends.
pub fn nested(reader: &mut Reader, key: usize, at: usize) -> Option<Link> {
    let mut start = key;
    while start > 0 && key - start < 64 && reader.before(start) != b'\n' {
        start -= 1;
    }
    let own = reader.skip_spaces(start, 64) - start;
    let (mut at, stop) = (at, at + BLOCK);
    while at < stop {
        at += usize::from(reader.at(at) == b'\r');
        let line = at + usize::from(reader.at(at) == b'\n');
        let field = reader.skip_spaces(line, 64);
        if field - line <= own || line == at {
            return None;
        }
        if let Some(found) = value_key(reader, field) {
            return Some(found);
        }
        at = field;
        while at < stop && !matches!(reader.at(at), b'\n' | b'\r' | 0) {
            at += 1;
        }
    }
    None
}

/// `<key>password</key><string>…</string>`: the element after the one that ends here.
fn sibling(reader: &mut Reader, at: usize) -> Option<Link> {
    let end = reader.word_end(at, 24);
    if reader.at(end) != b'>' {
        return None;
    }
    let at = reader.skip_white(end + 1, 64);
    let named = reader.at(at) == b'<';
    let end = reader.word_end(at + 1, 24);
    let known = is_value_key(reader.slice(at + 1..end)) || reader.has(at + 1, b"string>") || reader.has(at + 1, b"td>");
    (named && known && reader.at(end) == b'>').then_some(Link::Text(end + 1))
}

/// `Password { get; set; } = "…"`.
fn property(reader: &mut Reader, from: usize) -> Option<Link> {
    let open = reader.skip_spaces(from, 4);
    if !reader.has(open, b"get") {
        return None;
    }
    let mut at = from;
    while at < from + 40 && !matches!(reader.at(at), b'}' | b'\n' | 0) {
        at += 1;
    }
    let equals = reader.skip_spaces(at + 1, 4);
    (reader.at(at) == b'}' && reader.at(equals) == b'=').then_some(Link::Equals(equals + 1, false))
}

/// The rest of a start tag: a `value` attribute, or the element's text.
fn attributes(reader: &mut Reader, from: usize) -> Option<Link> {
    let mut at = from;
    while at < from + 80 {
        match reader.at(at) {
            b'>' if reader.before(at) == b'/' => return None,
            b'>' => return Some(Link::Text(at + 1)),
            b'=' => {
                let mut start = at;
                while start > from && is_word(reader.before(start)) {
                    start -= 1;
                }
                if is_value_key(reader.slice(start..at)) {
                    return Some(Link::Equals(at + 1, false));
                }
                at += 1;
            }
            b'\n' | b'<' | 0 => return None,
            _ => at += 1,
        }
    }
    None
}

/// A word after the name and a space.
fn word(reader: &mut Reader, at: usize, flag: bool, quoted: bool) -> Option<Link> {
    if flag {
        return Some(Link::Word(at, false));
    }
    let end = reader.word_end(at, 24);
    let text = reader.slice(at..end);
    match text {
        _ if quoted => is_value_key(text).then(|| value_key(reader, at)).flatten(),
        b"is" | b"was" | b"are" | b"to" | b"IS" | b"by" | b"BY" | b"be" => {
            let value = reader.skip_spaces(end, 8);
            let value = if reader.at(value) == b':' { reader.skip_spaces(value + 1, 4) } else { value };
            let is_quoted = is_quote(reader.at(value));
            Some(if is_quoted { Link::Quoted(value) } else { Link::Word(value, true) })
        }
        b"string" | b"String" | b"str" | b"text" | b"bytes" | b"char" | b"varchar" | b"VARCHAR" | b"TEXT" => {
            typed(reader, at)
        }
        b"As" | b"as" => typed(reader, end),
        b"matches" | b"eq" | b"ne" | b"equals" => Some(Link::Compared(reader.skip_spaces(end, 4))),
        _ => has_digit_soon(reader, at).then_some(Link::Word(at, false)),
    }
}

/// Whether the run up to the next white space holds a digit: prose goes no further than its next word.
fn has_digit_soon(reader: &mut Reader, from: usize) -> bool {
    let stop = from + 64;
    let mut at = from;
    while at < stop {
        match reader.at(at) {
            b'0'..=b'9' => return true,
            0..=b' ' => return false,
            _ => at += 1,
        }
    }
    false
}
