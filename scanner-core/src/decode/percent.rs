//! Percent-encoding: `%41`.

use super::hex;
use super::mark::Mark;

/// The encoded byte at `at`.
pub fn read(bytes: &[u8], at: usize) -> Option<Mark> {
    let byte = hex::number(bytes.get(at + 1..at + 3)?)? as u8;
    Some(Mark::new(3, &[byte]))
}
