//! Text compressed with gzip or zlib, inflated within bounds.

use super::text::{Budget, Cut, begins_as_text};
use zlib_rs::{Inflate, InflateFlush, Status};

/// Inflated bytes that one compressed byte may give: text gives 3 to 20.
const MAX_RATIO: usize = 100;
/// What may be inflated in any case.
const FLOOR: usize = 16 << 10;
/// Bytes inflated before it is looked at whether they are text.
const FIRST: usize = 512;
const STEP: usize = 64 << 10;

/// The name and the content of compressed text; what is inflated at the limit stays, and the limit is remembered.
pub fn inflate(bytes: &[u8], budget: &mut Budget) -> Option<(&'static str, Vec<u8>)> {
    let (name, window) = match bytes {
        [0x1f, 0x8b, 8, ..] => ("gzip", 31),
        // The two bytes of a zlib header are a multiple of 31.
        [0x78, flags, ..] if (0x7800 + usize::from(*flags)).is_multiple_of(31) && flags & 0x20 == 0 => ("zlib", 15),
        _ => return None,
    };
    let limit = bytes.len().saturating_mul(MAX_RATIO).max(FLOOR).min(budget.ceiling());
    let mut stream = Inflate::new(true, window);
    let mut plain = vec![0; FIRST.min(limit)];
    let (mut rest, mut written) = (bytes, 0);
    loop {
        let (before_in, before_out) = (stream.total_in(), stream.total_out());
        let status = stream.decompress(rest, &mut plain[written..], InflateFlush::NoFlush);
        rest = &rest[(stream.total_in() - before_in) as usize..];
        written += (stream.total_out() - before_out) as usize;
        if written >= 4 && !begins_as_text(&plain[..written.min(64)]) {
            return None;
        }
        let has_moved = stream.total_in() > before_in || stream.total_out() > before_out;
        match status {
            // A stream of several members is one text.
            Ok(Status::StreamEnd) if name == "gzip" && rest.starts_with(&[0x1f, 0x8b, 8]) => {
                stream = Inflate::new(true, window);
            }
            Ok(Status::Ok | Status::BufError) if has_moved => {}
            // What comes before damage counts: pastes are cut.
            _ => break,
        }
        if written == plain.len() {
            if written == limit {
                budget.cut(Cut::Budget);
                break;
            }
            plain.resize((written + STEP.max(written)).min(limit), 0);
        }
    }
    plain.truncate(written);
    budget.grow(written);
    Some((name, plain))
}
