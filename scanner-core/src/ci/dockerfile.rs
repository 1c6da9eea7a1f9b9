//! The variables that a Dockerfile's `ENV` and `ARG` instructions set.

use std::ops::Range;

/// A variable of an image or its build.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Variable {
    /// Its name.
    pub name: Range<usize>,
    /// It is set to nothing.
    pub is_empty: bool,
    /// The instruction with its continued lines.
    pub instruction: Range<usize>,
}

/// Every variable of every `ENV` and `ARG`.
pub fn variables(bytes: &[u8]) -> Vec<Variable> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let end = instruction_end(bytes, at);
        let start = at + bytes[at..end].iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
        let word = bytes.get(start..start + 4).unwrap_or_default();
        let is_env = word.eq_ignore_ascii_case(b"ENV ");
        if is_env || word.eq_ignore_ascii_case(b"ARG ") {
            set_by(bytes, start + 4..end, is_env, start..end, &mut found);
        }
        at = end + 1;
    }
    found
}

/// The end of the instruction that begins at `at`: comment lines and lines after a backslash belong to it.
fn instruction_end(bytes: &[u8], at: usize) -> usize {
    let mut start = at;
    loop {
        let end = memchr::memchr(b'\n', &bytes[start..]).map_or(bytes.len(), |newline| start + newline);
        let line = bytes[start..end].trim_ascii();
        let goes_on = line.ends_with(b"\\") || (start > at && line.starts_with(b"#"));
        if !goes_on || end >= bytes.len() {
            return end;
        }
        start = end + 1;
    }
}

fn set_by(bytes: &[u8], body: Range<usize>, is_env: bool, instruction: Range<usize>, found: &mut Vec<Variable>) {
    let mut at = body.start;
    while at < body.end {
        let is_space = |at: usize| bytes[at].is_ascii_whitespace() || bytes[at] == b'\\';
        while at < body.end && is_space(at) {
            at += 1;
        }
        if bytes.get(at) == Some(&b'#') && at < body.end {
            at = memchr::memchr(b'\n', &bytes[at..body.end]).map_or(body.end, |end| at + end);
            continue;
        }
        let start = at;
        while at < body.end && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_') {
            at += 1;
        }
        let name = start..at;
        let sets = bytes.get(at) == Some(&b'=') && at < body.end;
        let end = if sets { value_end(bytes, at + 1, body.end) } else { at };
        let value = bytes[(at + 1).min(end)..end].trim_ascii();
        let is_empty = sets && matches!(value, b"" | b"\"\"" | b"''");
        if !name.is_empty() && (sets || !is_env || found.last().is_none_or(|last| last.instruction != instruction)) {
            found.push(Variable { name: name.clone(), is_empty, instruction: instruction.clone() });
        }
        // `ENV NAME value`: the rest of the line is the value.
        if name.is_empty() || (is_env && !sets) {
            return;
        }
        at = end;
    }
}

fn value_end(bytes: &[u8], mut at: usize, end: usize) -> usize {
    let mut quote = 0;
    while at < end {
        match bytes[at] {
            b'\\' => at += 1,
            byte if byte == quote => quote = 0,
            byte @ (b'"' | b'\'') if quote == 0 => quote = byte,
            byte if quote == 0 && byte.is_ascii_whitespace() => return at,
            _ => {}
        }
        at += 1;
    }
    end
}
