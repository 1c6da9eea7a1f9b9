//! The filters of a stream: deflate, ASCII hex and base 85, run lengths.

use super::syntax;
use crate::archive::inflate::Inflate;
use crate::archive::limits::Budget;
use crate::archive::reader::Metered;
use crate::archive::trouble::Trouble;
use std::io::Read;

/// What a stream holds.
pub enum Outcome {
    /// Its bytes, as far as they could be unpacked.
    Bytes(Vec<u8>),
    /// A picture: nothing to read.
    Picture,
    /// A filter that is not read, or more than there is room for.
    Unread,
}

/// Filters of one stream: two are usual.
const MAX_FILTERS: usize = 8;

/// Unpacks a stream by the filters its dictionary names.
pub fn decode(dictionary: &[u8], content: &[u8], budget: &Budget) -> Result<Outcome, Trouble> {
    let mut bytes = content.to_vec();
    // What goes in and what comes out are held at once, beside the objects and their text.
    let most = (budget.free() / 4).max(bytes.len() as u64);
    let filters = syntax::filters(dictionary);
    if filters.len() > MAX_FILTERS {
        return Ok(Outcome::Unread);
    }
    for filter in filters {
        bytes = match filter.as_slice() {
            b"FlateDecode" | b"Fl" => {
                let mut out = Vec::new();
                // What comes out before damage is kept.
                let read = Metered::new(Inflate::zlib(&bytes[..]), budget).take(most + 1).read_to_end(&mut out);
                if let Some(stop) = budget.stopped() {
                    return Err(stop.into());
                }
                if read.is_err() && out.is_empty() && !content.is_empty() {
                    return Ok(Outcome::Unread);
                }
                out
            }
            b"ASCIIHexDecode" | b"AHx" => syntax::hex(&bytes),
            b"ASCII85Decode" | b"A85" => base85(&bytes),
            b"RunLengthDecode" | b"RL" => runs(&bytes, most),
            b"DCTDecode" | b"DCT" | b"JPXDecode" | b"CCITTFaxDecode" | b"CCF" | b"JBIG2Decode" => {
                return Ok(Outcome::Picture);
            }
            _ => return Ok(Outcome::Unread),
        };
        if bytes.len() as u64 > most {
            return Ok(Outcome::Unread);
        }
    }
    Ok(Outcome::Bytes(bytes))
}

fn base85(bytes: &[u8]) -> Vec<u8> {
    let (mut out, mut group, mut count) = (Vec::new(), 0u64, 0);
    for byte in bytes {
        match byte {
            b'z' if count == 0 => out.extend_from_slice(&[0; 4]),
            b'!'..=b'u' => {
                group = group * 85 + u64::from(byte - b'!');
                count += 1;
                if count == 5 {
                    out.extend_from_slice(&(group as u32).to_be_bytes());
                    (group, count) = (0, 0);
                }
            }
            b'~' => break,
            _ => {}
        }
    }
    if count > 1 {
        let padded = (count..5).fold(group, |group, _| group * 85 + 84);
        out.extend_from_slice(&(padded as u32).to_be_bytes()[..count - 1]);
    }
    out
}

fn runs(mut bytes: &[u8], most: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while let [len, rest @ ..] = bytes
        && out.len() as u64 <= most
    {
        let len = usize::from(*len);
        match len {
            128 => break,
            0..128 => {
                let count = (len + 1).min(rest.len());
                out.extend_from_slice(&rest[..count]);
                bytes = &rest[count..];
            }
            _ => {
                let Some((byte, rest)) = rest.split_first() else { break };
                out.extend(std::iter::repeat_n(*byte, 257 - len));
                bytes = rest;
            }
        }
    }
    out
}
