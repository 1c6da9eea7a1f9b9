//! What stands before the text of a line: timestamps, streams, names of jobs.

use super::format::Format;

/// What was found before a line's text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Prefix {
    /// Its bytes.
    pub len: usize,
    /// The line goes on where the one before ended.
    pub goes_on: bool,
    /// The next line goes on where this one ends.
    pub is_cut: bool,
}

/// Longest name of a job before a line.
const LONGEST_NAME: usize = 80;

/// What stands before the text of `line`.
pub fn of(line: &[u8], format: Format) -> Prefix {
    let mut prefix = Prefix::default();
    if format == Format::Tabs {
        let mut tabs = memchr::memchr_iter(b'\t', &line[..line.len().min(512)]);
        prefix.len = tabs.nth(1).map_or(0, |tab| tab + 1);
    }
    if line[prefix.len..].starts_with(b"\xef\xbb\xbf") {
        prefix.len += 3;
    }
    if format == Format::Named {
        prefix.len += name(&line[prefix.len..]);
    }
    let time = timestamp(&line[prefix.len..]);
    prefix.len += time;
    if time > 0 {
        stream(line, &mut prefix);
    }
    prefix
}

/// `00O `, `01E+`: GitLab's stream of a line; `stdout F `: that of a container.
fn stream(line: &[u8], prefix: &mut Prefix) {
    let rest = &line[prefix.len..];
    match rest {
        [a, b, b'O' | b'E', flag @ (b' ' | b'+'), ..] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
            prefix.len += 4;
            prefix.goes_on = *flag == b'+';
        }
        [a, b, b'O' | b'E'] if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => prefix.len += 3,
        _ => {
            let is_stream = rest.starts_with(b"stdout ") || rest.starts_with(b"stderr ");
            if let (true, [flag @ (b'F' | b'P'), b' ', ..]) = (is_stream, rest.get(7..).unwrap_or_default()) {
                prefix.len += 9;
                prefix.is_cut = *flag == b'P';
            }
        }
    }
}

/// The length of a timestamp at the beginning of `line` with the space after it; 0 when there is none.
///
/// `2026-11-21T05:48:24.1234567Z `, `[2026-11-21T05:48:24.123Z] `, `2026-11-21 05:48:24,123 `, `05:48:24  `, `[05:48:24] `.
pub fn timestamp(line: &[u8]) -> usize {
    let open = usize::from(line.first() == Some(&b'['));
    let rest = &line[open..];
    let Some(mut len) = moment(rest) else { return 0 };
    if open == 1 {
        if rest.get(len) != Some(&b']') {
            return 0;
        }
        len += 1;
    }
    let len = open + len;
    match line.get(len) {
        None => len,
        // One space belongs to the timestamp; Jenkins puts two after a time without a date.
        Some(b' ') if line.get(len + 1) == Some(&b' ') && line[open..].get(2) == Some(&b':') => len + 2,
        Some(b' ' | b'\t') => len + 1,
        _ => 0,
    }
}

fn moment(text: &[u8]) -> Option<usize> {
    let fits = |from: usize, form: &[u8]| {
        form.iter().enumerate().all(|(offset, wanted)| match (wanted, text.get(from + offset)) {
            (b'd', Some(byte)) => byte.is_ascii_digit(),
            (b'T', Some(byte)) => matches!(byte, b'T' | b' '),
            (wanted, byte) => byte == Some(wanted),
        })
    };
    let mut at = match () {
        () if fits(0, b"dddd-dd-ddTdd:dd:dd") => 19,
        () if fits(0, b"dd:dd:dd") => 8,
        () => return None,
    };
    if matches!(text.get(at), Some(b'.' | b',')) {
        at += 1 + text[at + 1..].iter().take_while(|byte| byte.is_ascii_digit()).count().min(9);
    }
    match text.get(at) {
        Some(b'Z') => at += 1,
        Some(b'+' | b'-') if fits(at + 1, b"dd:dd") => at += 6,
        Some(b'+' | b'-') if fits(at + 1, b"dddd") => at += 5,
        _ => {}
    }
    Some(at)
}

/// The length of `[job] ` or `job | ` at the beginning of `line`; 0 when there is none.
pub fn name(line: &[u8]) -> usize {
    let sample = &line[..line.len().min(LONGEST_NAME)];
    let is_name = |text: &[u8]| {
        let is_part = |byte: &u8| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'/' | b' ' | b':' | b'(' | b')')
        };
        text.first().is_some_and(u8::is_ascii_alphanumeric) && text.iter().all(is_part)
    };
    let end = match sample.first() {
        Some(b'[') => match memchr::memchr(b']', sample) {
            Some(close) if is_name(&sample[1..close]) && sample.get(close + 1) == Some(&b' ') => close + 2,
            _ => return 0,
        },
        _ => 0,
    };
    // The bar may stand after the brackets, too, with spaces that line it up.
    let bar = memchr::memmem::find(&sample[end..], b"| ").map(|bar| end + bar);
    match bar {
        Some(bar) if end > 0 && sample[end..bar].iter().all(|byte| *byte == b' ') => bar + 2,
        Some(bar) if end == 0 && sample[..bar].ends_with(b" ") && is_word(sample[..bar].trim_ascii_end()) => bar + 2,
        _ => end,
    }
}

fn is_word(text: &[u8]) -> bool {
    !text.is_empty() && text.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
}
