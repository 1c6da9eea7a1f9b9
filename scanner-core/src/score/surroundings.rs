//! What the rest of the line says: a comment, a test, an example, a checksum. Looks at most 96 bytes either way.

use super::words::{self, each_word};
use std::ops::Range;

/// The furthest byte looked at on either side.
const REACH: usize = 96;

/// What the line around a value says.
#[derive(Clone, Copy, Debug, Default)]
pub struct Surroundings {
    pub comment: bool,
    pub digest: bool,
    pub showing: bool,
    pub testing: bool,
    /// No line break and hardly a space within reach on both sides: minified code or data.
    pub dense: bool,
}

/// Reads the line around a value and its name, and what stands between them; the range is what was looked at, as
/// `Parsed::looked` defines it.
pub fn surroundings(bytes: &[u8], secret: &Range<usize>, key: Option<&Range<usize>>) -> (Surroundings, Range<usize>) {
    let core = key.map_or(secret.clone(), |key| key.start.min(secret.start)..key.end.max(secret.end));
    let between = key.map_or(0..0, |key| key.end.max(secret.start.saturating_sub(REACH))..secret.start);
    let low = core.start.saturating_sub(REACH);
    let high = (core.end + REACH).min(bytes.len());
    let start = bytes[low..core.start].iter().rposition(is_break).map(|at| low + at + 1);
    let end = bytes[core.end..high].iter().position(is_break).map(|at| core.end + at);
    let before = &bytes[start.unwrap_or(low)..core.start];
    let after = &bytes[core.end..end.unwrap_or(high)];
    let mut found = Surroundings::default();
    for text in [before, bytes.get(between).unwrap_or_default(), after] {
        each_word(text, |_, meaning| {
            found.digest |= meaning & words::DIGEST != 0;
            found.showing |= meaning & words::SHOWING != 0;
            found.testing |= meaning & words::TESTING != 0;
        });
    }
    found.comment = (start.is_some() || low == 0) && starts_comment(before);
    let spaces = before.iter().chain(after).filter(|b| **b == b' ').count();
    found.dense = start.is_none() && end.is_none() && low > 0 && high < bytes.len() && spaces < 6;
    let looked_end = end.map_or_else(|| if high == bytes.len() { high + 1 } else { high }, |end| end + 1);
    (found, start.map_or(low, |start| start - 1)..looked_end)
}

fn is_break(byte: &u8) -> bool {
    matches!(byte, b'\n' | b'\r')
}

fn starts_comment(line: &[u8]) -> bool {
    let text = line.trim_ascii_start();
    let starts: [&[u8]; 7] = [b"//", b"#", b"*", b"/*", b"<!--", b"--", b";"];
    starts.iter().any(|start| text.starts_with(start))
}
