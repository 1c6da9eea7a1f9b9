//! The text a page shows: the strings of its operators, in order, with line ends where the next line begins.

use super::font::Fonts;
use super::syntax;
use memchr::memmem;

/// A gap between two strings, in thousandths, that is a space.
const SPACE: f32 = -180.0;

/// Whether a stream is a page's, or a part of one.
pub fn is_shown(content: &[u8]) -> bool {
    let has = |word: &[u8]| {
        memmem::find_iter(content, word)
            .any(|at| content.get(at + word.len()).is_none_or(|byte| byte.is_ascii_whitespace() || *byte == b'['))
    };
    has(b"BT") && has(b"ET") && (has(b"Tj") || has(b"TJ") || has(b"'"))
}

/// The text; `variant` chooses among fonts of one name.
pub fn text(content: &[u8], fonts: &Fonts, variant: usize) -> Vec<u8> {
    let mut page =
        Page { fonts, variant, font: Vec::new(), out: Vec::new(), operands: Vec::new(), name: Vec::new(), line: 0.0 };
    let mut at = 0;
    while at < content.len() {
        at += page.token(&content[at..]).max(1);
    }
    page.out.push(b'\n');
    page.out
}

struct Page<'f> {
    fonts: &'f Fonts,
    variant: usize,
    font: Vec<u8>,
    out: Vec<u8>,
    /// Numbers since the last operator.
    operands: Vec<f32>,
    name: Vec<u8>,
    line: f32,
}

impl Page<'_> {
    /// Takes in the token at the beginning; returns its length.
    fn token(&mut self, rest: &[u8]) -> usize {
        match rest[0] {
            b'(' => {
                let (string, len) = syntax::string(rest);
                self.show(&string);
                len
            }
            b'<' if rest.get(1) != Some(&b'<') => {
                let end = memchr::memchr(b'>', rest).unwrap_or(rest.len());
                self.show(&syntax::hex(&rest[1..end]));
                end + 1
            }
            b'%' => memchr::memchr2(b'\n', b'\r', rest).unwrap_or(rest.len()),
            b'/' => {
                let len = word(&rest[1..]);
                self.name = rest[1..=len].to_vec();
                len + 1
            }
            b'0'..=b'9' | b'-' | b'+' | b'.' => {
                let len = word(rest).max(1);
                let number = std::str::from_utf8(&rest[..len]).ok().and_then(|text| text.parse().ok()).unwrap_or(0.0);
                self.number(number);
                len
            }
            b'A'..=b'Z' | b'a'..=b'z' | b'\'' | b'"' | b'*' => {
                let len = word(rest).max(1);
                self.operator(&rest[..len]);
                self.operands.clear();
                len
            }
            _ => 1,
        }
    }

    fn number(&mut self, number: f32) {
        // Inside `[…] TJ` a number moves back; elsewhere strings do not stand between numbers.
        if number < SPACE && self.out.last().is_some_and(|byte| !byte.is_ascii_whitespace()) && self.operands.is_empty()
        {
            self.space(b' ');
        } else if self.operands.len() < 8 {
            self.operands.push(number);
        }
    }

    fn operator(&mut self, operator: &[u8]) {
        match operator {
            b"Tf" => self.font = std::mem::take(&mut self.name),
            b"T*" | b"ET" => self.space(b'\n'),
            b"Td" | b"TD" => {
                let is_same_line = self.operands.last().is_none_or(|y| y.abs() < 0.01);
                self.space(if is_same_line { b' ' } else { b'\n' });
            }
            b"Tm" => {
                let y = self.operands.last().copied().unwrap_or(0.0);
                self.space(if (y - self.line).abs() < 0.01 { b' ' } else { b'\n' });
                self.line = y;
            }
            // The operator comes behind the string that stands on the next line.
            b"'" | b"\"" => self.space(b'\n'),
            _ => {}
        }
    }

    fn space(&mut self, space: u8) {
        if self.out.last().is_some_and(|byte| !byte.is_ascii_whitespace()) {
            self.out.push(space);
        }
    }

    fn show(&mut self, string: &[u8]) {
        self.operands.clear();
        match self.fonts.map(&self.font, self.variant) {
            Some(map) => map.read(string, &mut self.out),
            None => self.out.extend_from_slice(string),
        }
    }
}

fn word(text: &[u8]) -> usize {
    let is_end = |byte: &u8| byte.is_ascii_whitespace() || b"()<>[]{}/%\0".contains(byte);
    text.iter().position(is_end).unwrap_or(text.len())
}
