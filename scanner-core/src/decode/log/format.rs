//! What kind of log a text is, from its first kilobyte.

use super::prefix;

/// How a log is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Lines, perhaps with timestamps, colours and section markers: GitHub, GitLab, Jenkins, Azure, Buildkite, Travis.
    Lines,
    /// The same from Buildkite, whose lines carry their time in a control sequence.
    Buildkite,
    /// The same, with the name of a job before each line: `[job] …`, `job | …`.
    Named,
    /// `job⇥step⇥timestamp line`, as GitHub's command-line tool prints it.
    Tabs,
    /// CircleCI's array of `{message, time, type}`.
    Messages,
}

/// How the first line of a log may begin.
const BEGINNINGS: [&[u8]; 6] = [
    b"section_start:",
    b"travis_fold:",
    b"travis_time:",
    b"Started by ",
    b"Running with gitlab-runner",
    b"##[section]",
];

/// The format of the log that begins with `start`; `None` for any other text.
pub fn of(start: &[u8]) -> Option<Format> {
    let start = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start);
    let first = *start.first()?;
    if first == b'[' && is_messages(start) {
        return Some(Format::Messages);
    }
    if start.starts_with(b"\x1b_bk;") {
        return Some(Format::Buildkite);
    }
    let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let is_marked = BEGINNINGS.iter().any(|beginning| start.starts_with(beginning));
    if matches!(first, b'0'..=b'9' | b'[') && prefix::timestamp(line) > 0 || is_marked {
        return Some(Format::Lines);
    }
    if is_tabs(line) {
        return Some(Format::Tabs);
    }
    let is_named = || {
        let second = start.get(line.len() + 1..).unwrap_or_default();
        let name = &line[..prefix::name(line)];
        !name.is_empty() && second.starts_with(name)
    };
    if (first == b'[' || first.is_ascii_alphanumeric()) && is_named() {
        return Some(Format::Named);
    }
    // A terminal's control sequence; bytes of no text hold zeros, too.
    let escape = memchr::memchr(0x1b, start)?;
    let is_control = matches!(start.get(escape + 1), Some(b'[' | b']' | b'_'));
    (is_control && memchr::memchr(0, start).is_none()).then_some(Format::Lines)
}

fn is_messages(start: &[u8]) -> bool {
    let inner = start[1..].trim_ascii_start();
    let has = |key: &[u8]| memchr::memmem::find(start, key).is_some();
    inner.starts_with(b"{")
        && has(b"\"message\"")
        && (has(b"\"time\"") || has(b"\"type\"") || start.len() >= super::SAMPLE)
}

fn is_tabs(line: &[u8]) -> bool {
    let mut fields = line.splitn(3, |byte| *byte == b'\t');
    let last = fields.nth(2).unwrap_or_default();
    let last = last.strip_prefix(b"\xef\xbb\xbf").unwrap_or(last);
    prefix::timestamp(last) > 0
}
