//! What value hangs on a name: from a keyword such as `password` to the value that is assigned to, keyed by or passed
//! as the name that contains it, in every common syntax. Called at every keyword hit, so it gives up within a few bytes.

mod curl;
mod link;
mod literal;
mod name;
mod reader;
mod reject;
mod value;

pub use reject::is_reference;

use name::Before;
use reader::Reader;
use std::ops::{Deref, Range};
use value::Place;

/// How a name and its value hang together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Syntax {
    /// A quoted literal is assigned: `apiKey = "…"`, `"apiKey": "…"`, `apiKey: string = '…'`.
    Literal,
    /// Unquoted text: env, shell, YAML, INI, properties.
    Bare,
    /// Passed to a call: `setPassword("…")`, `set("password", "…")`.
    Argument,
    /// Used when a variable is not set: `${X:-…}`, `getenv("X") || "…"`.
    Fallback,
    /// Compared with: `== "…"`.
    Comparison,
    /// Text of an XML element or value of an attribute.
    Markup,
    /// A parameter of a URL or form.
    Query,
    /// A header's value after its scheme: `Authorization: Bearer …`.
    Header,
    /// A command-line flag: `--password …`.
    Flag,
    /// A clause in capitals: `IDENTIFIED BY '…'`.
    Sql,
    /// A sentence or a table cell: `password is …`.
    Prose,
    /// The first line of a YAML block scalar.
    Block,
}

/// A value and the name it hangs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// The whole name: `spring.datasource.password` where the keyword was `password`.
    pub key: Range<usize>,
    /// The value without quotes, escapes left as they stand.
    pub value: Range<usize>,
    /// How they hang together.
    pub syntax: Syntax,
}

/// The most assignments one name gives.
const MOST: usize = 3;

/// At most three assignments; derefs to a slice.
#[derive(Clone, Debug)]
pub struct Few {
    items: [Assignment; MOST],
    len: usize,
}

impl Few {
    const fn new() -> Few {
        const NONE: Assignment = Assignment { key: 0..0, value: 0..0, syntax: Syntax::Literal };
        Few { items: [NONE; MOST], len: 0 }
    }

    /// Adds a value unless it is a reference or a template; a header's scheme is stripped.
    fn add(&mut self, reader: &mut Reader, place: &Place, range: Range<usize>, syntax: Syntax) {
        let text = reader.slice(range.clone());
        let space = text.iter().take(12).position(|b| *b == b' ');
        let scheme = space.filter(|end| value::is_scheme(&text[..*end]));
        let (range, syntax) = match scheme {
            Some(end) => (range.start + end + 1..range.end, Syntax::Header),
            None => (range, syntax),
        };
        let inner = text.starts_with(b"${").then(|| value::shell_default(reader, range.start + 2)).flatten();
        let (range, syntax) = inner.map_or((range, syntax), |inner| (inner, Syntax::Fallback));
        if self.len < MOST && !reject::is_no_value(reader.slice(range.clone())) {
            self.items[self.len] = Assignment { key: place.key.clone(), value: range, syntax };
            self.len += 1;
        }
    }
}

impl Deref for Few {
    type Target = [Assignment];
    fn deref(&self) -> &[Assignment] {
        &self.items[..self.len]
    }
}

/// The values found at one keyword, and what the answer depends on.
#[derive(Clone, Debug)]
pub struct Parsed {
    /// None, one, or the first three of a list.
    pub assignments: Few,
    /// Every byte offset the answer depends on. A range that begins at 0 also depends on the input beginning there;
    /// one that ends at `bytes.len() + 1` also depends on the input ending there.
    pub looked: Range<usize>,
}

/// Finds the values that hang on the name around `keyword`.
///
/// Two keywords in one name (`api_key` and `auth` in `auth_api_key`) give the same values: the caller keeps, for a value
/// claimed by several generic rules, the keyword that ends last (the head of the name), then the longest. A keyword may
/// carry what follows the name (`pwd=`): it is read again from the name on.
pub fn parse(bytes: &[u8], keyword: Range<usize>) -> Parsed {
    let text = &bytes[keyword.clone()];
    let word = text.iter().rposition(|b| reader::is_word(*b)).map_or(text.len(), |last| last + 1);
    let keyword = keyword.start..keyword.start + word;
    let mut reader = Reader::new(bytes, &keyword);
    let mut assignments = Few::new();
    find(&mut reader, keyword, &mut assignments);
    Parsed { assignments, looked: reader.looked() }
}

fn find(reader: &mut Reader, keyword: Range<usize>, found: &mut Few) -> Option<()> {
    let end = name::end(reader, keyword.end)?;
    if end - keyword.start == 4 && reader.has(keyword.start, b"curl") {
        curl::find(reader, keyword.start, found);
        return None;
    }
    if !reader::may_follow_name(reader.at(end)) {
        return None;
    }
    if reader.at(end) == b',' && !is_filled(reader, keyword.start, end) && link::value_key(reader, end + 1).is_none() {
        return None;
    }
    // Only these joins depend on what stands before the name; most hits end before it is read.
    let needs_before = matches!(reader.at(end), b'>' | b' ' | b'\t' | b'\n' | b'\r');
    let early = needs_before.then(|| preceding(reader, keyword.start)).flatten();
    let (tag, flag) = early.as_ref().map_or((false, false), |(_, b)| (*b == Before::Tag, *b == Before::Flag));
    let link = link::link(reader, keyword.start, end, tag, flag)?;
    let (start, before) = match early {
        Some(known) => known,
        None => preceding(reader, keyword.start)?,
    };
    if before == Before::ClosingTag || is_resource(reader, start) {
        return None;
    }
    let upper = !reader.slice(start..end).iter().any(u8::is_ascii_lowercase);
    value::read(reader, link, &Place { key: start..end, before, upper }, found);
    Some(())
}

/// `strcpy(password, "…")`, `{password, "…"}`: the name is the first argument and a literal comes next.
fn is_filled(reader: &mut Reader, keyword: usize, end: usize) -> bool {
    let literal = reader.skip_spaces(end + 1, 2);
    reader::is_quote(reader.at(literal))
        && name::start(reader, keyword).is_some_and(|start| matches!(reader.before(start), b'(' | b'{'))
}

/// `arn:aws:secretsmanager:eu-west-1:123456789012:secret:…`: a word of a resource's name.
fn is_resource(reader: &mut Reader, start: usize) -> bool {
    reader.before(start) == b':' && start > 1 && reader.before(start - 1).is_ascii_digit()
}

fn preceding(reader: &mut Reader, keyword: usize) -> Option<(usize, Before)> {
    let start = name::start(reader, keyword)?;
    Some((start, name::before(reader, start)))
}
