//! Simple commands of a shell: where one begins and ends, and whether its output goes to the log.

use std::ops::Range;

/// One command without its pipes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// From its first word to its last.
    pub span: Range<usize>,
    /// Where its first word begins that is no keyword of the shell.
    pub word: usize,
    /// Its output goes into another command or a file.
    pub is_piped: bool,
}

/// Words that stand before a command.
const KEYWORDS: [&[u8]; 12] =
    [b"then", b"else", b"do", b"if", b"while", b"sudo", b"!", b"{", b"(", b"time", b"exec", b"-"];

/// The command of the script in `script` that `at` stands in; `None` in a comment.
pub fn command(bytes: &[u8], script: &Range<usize>, at: usize) -> Option<Command> {
    let mut line = line_start(bytes, script, at);
    let mut start = line;
    let (mut quote, mut place) = (0u8, line);
    let mut is_piped = false;
    while place < script.end {
        let byte = bytes[place];
        match byte {
            b'\\' => place += 1,
            b'\n' if place >= at => break,
            b'\n' => {
                (quote, line, start, is_piped) = (0, place + 1, place + 1, false);
            }
            _ if quote != 0 && byte == quote => quote = 0,
            _ if quote != 0 => {}
            b'"' | b'\'' => quote = byte,
            b'$' if bytes[place..].starts_with(b"${{") => place = expression_end(bytes, place, script.end),
            b'#' if place == line || bytes[place - 1].is_ascii_whitespace() => {
                let end = memchr::memchr(b'\n', &bytes[place..script.end]).map_or(script.end, |end| place + end);
                if at >= place && at < end {
                    return None;
                }
                if place >= at {
                    break;
                }
                place = end;
                continue;
            }
            b'>' if !matches!(bytes[..place].last(), Some(b'-' | b'=' | b'2'))
                && bytes.get(place + 1) != Some(&b'&') =>
            {
                is_piped = true;
            }
            b';' | b'&' | b'|' if place < at => (start, is_piped) = (place + 1, false),
            b'|' if bytes.get(place + 1) != Some(&b'|') => {
                is_piped = true;
                break;
            }
            b'&' if bytes.get(place + 1) != Some(&b'&') && bytes[place - 1] == b'>' => {}
            b';' | b'&' | b'|' => break,
            _ => {}
        }
        place += 1;
    }
    let end = place.min(script.end);
    let blanks = bytes[start..end].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
    let span = start + blanks..end.max(start + blanks);
    Some(Command { word: first_word(bytes, &span), span, is_piped })
}

/// Where the line of `at` begins, lines continued by a backslash taken together.
fn line_start(bytes: &[u8], script: &Range<usize>, at: usize) -> usize {
    let mut end = at.min(script.end);
    loop {
        let before = &bytes[script.start..end];
        let Some(newline) = memchr::memrchr(b'\n', before) else { return script.start };
        if !before[..newline].trim_ascii_end().ends_with(b"\\") {
            return script.start + newline + 1;
        }
        end = script.start + newline;
    }
}

/// The last byte of `${{ … }}`.
fn expression_end(bytes: &[u8], at: usize, limit: usize) -> usize {
    memchr::memmem::find(&bytes[at..limit], b"}}").map_or(at, |end| at + end + 1)
}

fn first_word(bytes: &[u8], span: &Range<usize>) -> usize {
    let mut at = span.start;
    loop {
        at += bytes[at..span.end].iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        // A scalar in quotes holds the command.
        at += bytes[at..span.end].iter().take_while(|byte| matches!(byte, b'"' | b'\'')).count();
        let len = bytes[at..span.end].iter().take_while(|byte| !byte.is_ascii_whitespace()).count();
        if len == 0 || !KEYWORDS.contains(&&bytes[at..at + len]) {
            return at;
        }
        at += len;
    }
}
