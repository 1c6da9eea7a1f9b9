//! Escapes of string literals: `\x41`, `\u0041`, `\u{41}`, `\101`, `\/`, `\"`, `\n`, and lines continued by a backslash.

use super::hex;
use super::mark::Mark;

/// Spaces before a continued line that are no part of it.
const MAX_INDENT: usize = 64;

/// The escape at `at`.
pub fn read(bytes: &[u8], at: usize) -> Option<Mark> {
    let next = *bytes.get(at + 1)?;
    let simple = match next {
        b'\\' | b'"' | b'\'' | b'/' | b'`' => next,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'\n' | b'\r' => return continued(bytes, at),
        b'x' => return code(bytes, at, 2, 2),
        b'u' if bytes.get(at + 2) == Some(&b'{') => return braced(bytes, at),
        b'u' => return pair(bytes, at).or_else(|| code(bytes, at, 2, 4)),
        b'U' => return code(bytes, at, 2, 8),
        b'0'..=b'3' => return octal(bytes, at),
        _ => return None,
    };
    Some(Mark::new(2, &[simple]))
}

/// Whether an escape is one that hides text from a scan that does not know it.
pub fn is_telling(bytes: &[u8], at: usize, mark: &Mark) -> bool {
    match bytes.get(at + 1) {
        Some(b'x' | b'u' | b'U' | b'0'..=b'3') => matches!(mark.text(), [b' '..=b'~']),
        Some(b'/') => true,
        Some(b'\n' | b'\r') => {
            let is_word = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
            is_word(at.checked_sub(1).and_then(|before| bytes.get(before))) && is_word(bytes.get(at + mark.len))
        }
        _ => false,
    }
}

fn character(code: u32, len: usize) -> Option<Mark> {
    let character = char::from_u32(code)?;
    Some(Mark::new(len, character.encode_utf8(&mut [0; 4]).as_bytes()))
}

fn code(bytes: &[u8], at: usize, skip: usize, digits: usize) -> Option<Mark> {
    let len = skip + digits;
    character(hex::number(bytes.get(at + skip..at + len)?)?, len)
}

fn braced(bytes: &[u8], at: usize) -> Option<Mark> {
    let rest = &bytes[at + 3..];
    let end = rest.iter().take(7).position(|byte| *byte == b'}')?;
    let digits = (end > 0).then_some(&rest[..end])?;
    character(hex::number(digits)?, end + 4)
}

/// Two escapes that write one character beyond the first 65,536.
fn pair(bytes: &[u8], at: usize) -> Option<Mark> {
    let unit = |at: usize| hex::number(bytes.get(at + 2..at + 6)?);
    let high = unit(at).filter(|unit| (0xd800..0xdc00).contains(unit))?;
    let follows = bytes.get(at + 6..at + 8) == Some(b"\\u");
    let low = unit(at + 6).filter(|unit| follows && (0xdc00..0xe000).contains(unit))?;
    character(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00), 12)
}

fn octal(bytes: &[u8], at: usize) -> Option<Mark> {
    let digits = bytes.get(at + 1..at + 4)?;
    let are_octal = digits.iter().all(|byte| matches!(byte, b'0'..=b'7'));
    let value = digits.iter().fold(0u32, |value, byte| value * 8 + u32::from(byte.wrapping_sub(b'0')));
    are_octal.then(|| Mark::new(4, &[value as u8]))
}

fn continued(bytes: &[u8], at: usize) -> Option<Mark> {
    let newline = if bytes[at + 1] == b'\r' && bytes.get(at + 2) == Some(&b'\n') { 2 } else { 1 };
    let rest = &bytes[at + 1 + newline..];
    let indent = rest.iter().take(MAX_INDENT).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    Some(Mark::new(1 + newline + indent, &[]))
}
