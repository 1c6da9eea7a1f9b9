//! Brotli. Its streams have no mark: one is told by unpacking its beginning to text.

use super::kind::marked;
use super::limits::{Budget, Reserved};
use super::trouble::Trouble;
use crate::decode::WideDecoder;
use brotli_decompressor::Decompressor;
use std::io::{self, Read};

/// The largest window.
const WINDOW: u64 = 16 << 20;
/// Bytes of text that are proof when the stream goes on.
const PROOF: usize = 256;
/// Bytes that are unpacked to look at.
const LOOK: usize = 1024;

/// The content of a stream.
pub struct Brotli<'b, R: Read> {
    decoder: Decompressor<R>,
    _reserved: Reserved<'b>,
}

impl<'b, R: Read> Brotli<'b, R> {
    /// Begins at the stream's first byte.
    pub fn new(source: R, budget: &'b Budget) -> Result<Brotli<'b, R>, Trouble> {
        Ok(Brotli { decoder: Decompressor::new(source, 16 << 10), _reserved: budget.reserve(WINDOW)? })
    }
}

impl<R: Read> Read for Brotli<'_, R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.decoder.read(room)
    }
}

/// Streams in streams that are told.
const MAX_NESTED: u32 = 3;

/// Whether bytes that are no text unpack to text, or to an archive.
pub fn is_brotli(head: &[u8]) -> bool {
    is_nested(head, MAX_NESTED)
}

fn is_nested(head: &[u8], most: u32) -> bool {
    if most == 0 || head.len() < 16 || !is_plausible(head) {
        return false;
    }
    let mut decoder = Decompressor::new(head, head.len());
    let mut text = Vec::new();
    let mut room = [0; LOOK];
    let ended = loop {
        match decoder.read(&mut room) {
            Ok(0) => break true,
            Ok(count) => text.extend_from_slice(&room[..count]),
            Err(_) => break false,
        }
        if text.len() >= LOOK {
            break false;
        }
    };
    let is_whole = ended && decoder.get_ref().is_empty() && text.len() >= 16;
    (is_whole || text.len() >= PROOF) && (is_text(&text) || WideDecoder::new(&text).is_some())
        || marked(&text).is_some()
        || is_nested(&text, most - 1)
}

/// A compressed first block of a stream, with bytes among the first ones that text has not.
fn is_plausible(head: &[u8]) -> bool {
    let has_binary = head[..16].iter().any(|byte| *byte < 9 || (14..32).contains(byte) || *byte == 0xff)
        || std::str::from_utf8(&head[..head.len().min(64)]).is_err_and(|error| error.error_len().is_some());
    // RFC 7932, 9.1: the window in 1, 4 or 7 bits; then the block's header, whose size is not empty.
    let bits = u32::from(head[0]) | u32::from(head[1]) << 8;
    let used = match bits & 0xf {
        _ if bits & 1 == 0 => 1,
        1 if bits & 0x7f == 0x11 => return false,
        1 => 7,
        _ => 4,
    };
    let block = bits >> used;
    let (is_last, block) = (block & 1 == 1, block >> 1);
    let size_nibbles = if is_last { block >> 1 & 3 } else { block & 3 };
    let is_empty = is_last && block & 1 == 1;
    has_binary && !is_empty && size_nibbles != 3
}

fn is_text(text: &[u8]) -> bool {
    let odd = text.iter().filter(|byte| **byte < 9 || (14..32).contains(*byte) || **byte == 0x7f).count();
    let valid = match std::str::from_utf8(text) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none() || error.valid_up_to() + 4 > text.len(),
    };
    odd == 0 && valid
}
