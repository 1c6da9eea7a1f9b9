//! Quoted-printable: `=3D`, and a line that ends in `=` goes on in the next.

use super::hex;
use super::mark::Mark;

/// The length of a line that an encoder breaks, its `=` included: at most 76, and something may stand before it.
const LINE: std::ops::RangeInclusive<usize> = 40..=100;

/// The encoded byte or the soft line break at `at`.
pub fn read(bytes: &[u8], at: usize) -> Option<Mark> {
    let next = *bytes.get(at + 1)?;
    if matches!(next, b'\r' | b'\n') {
        let len = if next == b'\r' && bytes.get(at + 2) == Some(&b'\n') { 3 } else { 2 };
        let low = at.saturating_sub(*LINE.end());
        let line = memchr::memrchr(b'\n', &bytes[low..at]).map_or(at - low, |newline| at - low - newline - 1) + 1;
        let goes_on = bytes.get(at + len).is_some_and(|byte| !byte.is_ascii_whitespace());
        let is_soft = LINE.contains(&line) && at > 0 && bytes[at - 1] != b'=' && goes_on && !ends_hash(&bytes[..at]);
        return is_soft.then_some(Mark::new(len, &[]));
    }
    let digits = bytes.get(at + 1..at + 3)?;
    let byte = hex::number(digits)? as u8;
    // Encoders leave letters and digits alone and write capitals; `a=30` is no encoded `0`.
    let is_encoded = !byte.is_ascii_alphanumeric() && !digits.iter().any(u8::is_ascii_lowercase);
    is_encoded.then_some(Mark::new(3, &[byte]))
}

/// Whether text ends in a hash of 20 or 32 bytes in base64, to which `=` belongs: lock files are full of them.
fn ends_hash(before: &[u8]) -> bool {
    let is_digit = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/');
    matches!(before.iter().rev().take(44).take_while(is_digit).count(), 27 | 43)
}

/// Whether an encoded byte says that a text is quoted-printable: `=` itself, or a line broken softly.
pub fn is_telling(mark: &Mark) -> bool {
    matches!(mark.text(), [] | b"=")
}
