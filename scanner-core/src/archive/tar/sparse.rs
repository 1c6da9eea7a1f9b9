//! A sparse file's content: its parts, with the holes between them shortened. Holes hold nothing to find.

use super::Entry;
use std::io::{self, Read};

/// Zeros that stand for a longer hole.
const MAX_HOLE: u64 = 64 << 10;

/// Parts and holes in order.
pub struct Sparse<'e, R> {
    content: R,
    parts: std::slice::Iter<'e, (u64, u64)>,
    /// Where the file is.
    at: u64,
    hole: u64,
    part: u64,
}

impl<'e, R: Read> Sparse<'e, R> {
    /// `content` is the parts without holes.
    pub fn new(content: R, entry: &'e Entry) -> Sparse<'e, R> {
        Sparse { content, parts: entry.parts.iter(), at: 0, hole: 0, part: 0 }
    }
}

impl<R: Read> Read for Sparse<'_, R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        loop {
            if self.hole > 0 {
                let count = self.hole.min(room.len() as u64) as usize;
                room[..count].fill(0);
                self.hole -= count as u64;
                return Ok(count);
            }
            if self.part > 0 {
                let most = self.part.min(room.len() as u64) as usize;
                let count = self.content.read(&mut room[..most])?;
                self.part = if count == 0 { 0 } else { self.part - count as u64 };
                return Ok(count);
            }
            let Some((start, len)) = self.parts.next() else {
                // A map that lies leaves bytes over: they are given as they are.
                return self.content.read(room);
            };
            self.hole = start.saturating_sub(self.at).min(MAX_HOLE);
            self.part = *len;
            self.at = start.saturating_add(*len);
        }
    }
}
