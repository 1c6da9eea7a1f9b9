//! Literals that a program joins: `"AKIA" + "IOSF"`, `.`, `..`, `&`, `||`, `~`, `<>`, and literals side by side.

use super::mark::Mark;

/// The most bytes between the quotes of two literals.
const MAX_GAP: usize = 80;
/// The longest literal that is taken for a name, with what follows it.
const MAX_KEY: usize = 80;
/// Letters before a quote on a new line that belong to the literal.
const PREFIXES: &[u8] = b"bBfFrRuULcs";

/// The end of one literal and the beginning of the next, from quote to quote.
pub fn read(bytes: &[u8], at: usize) -> Option<Mark> {
    let quote = bytes[at];
    let is_inside = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\'' | b'`' | b'\\');
    // What the search for marks passes over is none, either.
    let begins = bytes.get(at + 1).is_some_and(|next| *next <= b'.' && !matches!(next, b',' | b')'));
    if at == 0 || !is_inside(bytes[at - 1]) || !begins {
        return None;
    }
    let mut joint = Joint::default();
    let mut end = at + 1;
    loop {
        let byte = *bytes.get(end).filter(|_| end - at < MAX_GAP)?;
        if byte == quote {
            break;
        }
        if PREFIXES.contains(&byte) && bytes.get(end + 1) == Some(&quote) && joint.indent.is_some() {
            end += 1;
            break;
        }
        joint.push(byte)?;
        end += 1;
    }
    let follows = bytes.get(end + 1).is_some_and(|byte| is_inside(*byte) || *byte == b'\\');
    (follows && joint.joins() && (joint.count > 0 || !is_key(&bytes[end + 1..], quote)))
        .then(|| Mark::new(end + 1 - at, &[]))
}

/// Whether a literal is the name of what follows: settings without commas look like literals below each other.
fn is_key(rest: &[u8], quote: u8) -> bool {
    let rest = &rest[..rest.len().min(MAX_KEY)];
    let line = &rest[..memchr::memchr(b'\n', rest).unwrap_or(rest.len())];
    let after = memchr::memchr(quote, line).and_then(|end| line[end + 1..].iter().find(|byte| **byte != b' '));
    matches!(after, Some(b':' | b'='))
}

/// What stands between two literals.
#[derive(Default)]
struct Joint {
    signs: [u8; 3],
    count: usize,
    white: usize,
    /// Spaces since the last line's end, when there was one.
    indent: Option<usize>,
}

impl Joint {
    fn push(&mut self, byte: u8) -> Option<()> {
        match byte {
            b' ' | b'\t' => {
                self.white += 1;
                self.indent = self.indent.map(|indent| indent + 1);
            }
            // One line's end: marks depend on the line after their own and no further.
            b'\n' if self.indent.is_some() => return None,
            b'\r' => self.white += 1,
            b'\n' => {
                self.white += 1;
                self.indent = Some(0);
            }
            b'+' | b'.' | b'&' | b'|' | b'~' | b'<' | b'>' | b'_' | b'\\' => {
                *self.signs.get_mut(self.count)? = byte;
                self.count += 1;
            }
            _ => return None,
        }
        Some(())
    }

    fn joins(&self) -> bool {
        match &self.signs[..self.count] {
            b"+" | b"++" | b"." | b".." | b"&" | b"&_" | b"||" | b"~" | b"<>" | b"+\\" | b".\\" => true,
            b"\\" => self.indent.is_some(),
            // Side by side: below each other they are indented; else they are lines of a table.
            b"" => self.white > 0 && self.indent.is_none_or(|indent| indent > 0),
            _ => false,
        }
    }
}
