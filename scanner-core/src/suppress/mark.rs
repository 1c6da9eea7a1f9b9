//! Marks on a line: `stopleak:allow` and the marks of other tools, with the reason that may follow.

use memchr::memmem;

/// Marks for their own line.
const MARKS: [&[u8]; 6] = [
    b"stopleak:allow",
    b"gitleaks:allow",
    b"betterleaks:allow",
    b"trufflehog:ignore",
    b"pragma: allowlist secret",
    b"ggignore",
];

/// The mark for the line after it.
const NEXT_LINE: [&[u8]; 1] = [b"pragma: allowlist nextline secret"];

/// A line longer than twice this is searched at its two ends only, so that one long line stays cheap.
const REACH: usize = 4_096;

const MAX_REASON: usize = 200;

/// The reason given by a mark on this line, empty when none follows; `None` without a mark.
///
/// ```
/// use stopleak_core::suppress::mark::find;
/// assert_eq!(find(b"key = x # stopleak:allow sample from the manual"), Some("sample from the manual"));
/// assert_eq!(find(b"key = x # gitleaks:allow"), Some(""));
/// assert_eq!(find(b"key = x # stopleak:allowed"), None);
/// ```
pub fn find(line: &[u8]) -> Option<&str> {
    first(line, &MARKS)
}

/// The reason given by a mark on this line that covers the line after it.
pub fn find_for_next_line(line: &[u8]) -> Option<&str> {
    first(line, &NEXT_LINE)
}

fn first<'a>(line: &'a [u8], marks: &[&[u8]]) -> Option<&'a str> {
    if line.len() <= 2 * REACH {
        return first_in(line, marks);
    }
    first_in(&line[..REACH], marks).or_else(|| first_in(&line[line.len() - REACH..], marks))
}

fn first_in<'a>(line: &'a [u8], marks: &[&[u8]]) -> Option<&'a str> {
    // Every mark holds one of these; most lines hold neither.
    memmem::find(line, b"allow").or_else(|| memmem::find(line, b"ignore"))?;
    marks.iter().find_map(|mark| {
        let end = |at: usize| at + mark.len();
        let mut hits = memmem::find_iter(line, mark);
        hits.find(|at| stands_alone(line, *at, end(*at))).map(|at| reason(&line[end(at)..]))
    })
}

fn stands_alone(line: &[u8], start: usize, end: usize) -> bool {
    let part_of_word = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    let before = start.checked_sub(1).and_then(|at| line.get(at));
    !before.is_some_and(part_of_word) && !line.get(end).is_some_and(part_of_word)
}

/// The words after a mark, up to the end of the comment or to anything that may start a value.
fn reason(rest: &[u8]) -> &str {
    let rest = &rest[..rest.len().min(MAX_REASON)];
    let text = match std::str::from_utf8(rest) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&rest[..error.valid_up_to()]).unwrap_or_default(),
    };
    let stops = ["*/", "-->", "#}", "\"", "'", "`", "=", "\r", "\n"];
    let end = stops.iter().filter_map(|stop| text.find(stop)).min().unwrap_or(text.len());
    let text = &text[..end];
    // A word too long for a language may be a value.
    let end = text.split_inclusive(' ').take_while(|word| word.len() <= 24).map(str::len).sum();
    text[..end].trim_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '-' | '(' | ')' | ',' | ';'))
}
