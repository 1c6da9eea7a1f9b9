//! Quoted-printable: `=3D`, and a line that ends in `=` goes on in the next.

use super::hex;
use super::mark::Mark;
use std::ops::RangeInclusive;

/// The length of a line that an encoder breaks, its `=` included.
const LINE: RangeInclusive<usize> = 60..=77;
/// The same where the `=` may be the padding of base64: encoders fill their lines.
const FULL_LINE: RangeInclusive<usize> = 73..=77;
/// Characters of base64 that `=` may belong to.
const PADDED: usize = 8;

/// The encoded byte or the soft line break at `at`.
pub fn read(bytes: &[u8], at: usize) -> Option<Mark> {
    let next = *bytes.get(at + 1)?;
    if matches!(next, b'\r' | b'\n') {
        let len = if next == b'\r' && bytes.get(at + 2) == Some(&b'\n') { 3 } else { 2 };
        let low = at.saturating_sub(*LINE.end());
        let line = memchr::memrchr(b'\n', &bytes[low..at]).map_or(at - low, |newline| at - low - newline - 1) + 1;
        let rest = &bytes[at + len..];
        let is_next_word = matches!(rest, [b' ', next, ..] if !next.is_ascii_whitespace());
        let goes_on = is_next_word || rest.first().is_some_and(|byte| !byte.is_ascii_whitespace());
        let lines = if is_next_word || may_be_padded(&bytes[..at]) { FULL_LINE } else { LINE };
        let is_soft = lines.contains(&line) && at > 0 && bytes[at - 1] != b'=' && goes_on;
        return is_soft.then_some(Mark::new(len, &[]));
    }
    let digits = bytes.get(at + 1..at + 3)?;
    let byte = hex::number(digits)? as u8;
    // Encoders leave letters and digits alone and write capitals; `a=30` is no encoded `0`.
    let is_encoded = !byte.is_ascii_alphanumeric() && !digits.iter().any(u8::is_ascii_lowercase);
    is_encoded.then_some(Mark::new(3, &[byte]))
}

/// Whether text ends in base64 that wants one `=`: headers and lock files are full of it.
fn may_be_padded(before: &[u8]) -> bool {
    let is_digit = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    let len = before.iter().rev().take(*LINE.end()).take_while(is_digit).count();
    len >= PADDED && len % 4 == 3
}

/// Whether an encoded byte says that a text is quoted-printable: `=` itself, or a line broken softly.
pub fn is_telling(mark: &Mark) -> bool {
    matches!(mark.text(), [] | b"=")
}
