//! Inflates one zlib stream of known size into a reused buffer.

use zlib_rs::{Inflate, InflateFlush, Status};

use super::buffer::Buffer;
use super::error::ObjectError;

/// Room after the content: zlib's fast loop runs only while 260 bytes of output are free.
const SLACK: usize = 320;

/// Deflate turns one byte into at most 1032.
const MAX_EXPANSION: u64 = 1032;

/// After this many bytes of streams the pages of packs are released: XX MB of pack stay resident for git's own history on two
/// threads in place of 540 MB, for 0.1 s of system time.
const RELEASE_AFTER: usize = 6 << 20;
/// What reading a stream maps at least: a page or two.
const LEAST_MAPPED: usize = 1 << 10;

/// A reusable zlib decoder that allocates no more than a stream can fill.
pub struct Inflater {
    stream: Inflate,
    max_bytes: u64,
    mapped: usize,
}

impl Inflater {
    /// A decoder that refuses sizes over `max_bytes`.
    pub fn new(max_bytes: u64) -> Inflater {
        Inflater { stream: Inflate::new(true, 15), max_bytes, mapped: 0 }
    }

    /// Changes the largest size that is read.
    pub fn limit(&mut self, max_bytes: u64) {
        self.max_bytes = max_bytes;
    }

    /// Counts a stream of a mapped pack; now and then it is time to release the pages read so far.
    pub fn is_release_due(&mut self, length: usize) -> bool {
        self.mapped += length + LEAST_MAPPED;
        let is_due = self.mapped > RELEASE_AFTER;
        if is_due {
            self.mapped = 0;
        }
        is_due
    }

    /// Refuses a size that is over the limit or that `compressed` bytes cannot expand to.
    pub fn check(&self, size: u64, compressed: usize) -> Result<usize, ObjectError> {
        if size > self.max_bytes {
            return Err(ObjectError::TooLarge { size, limit: self.max_bytes });
        }
        if size > (compressed as u64).saturating_mul(MAX_EXPANSION) {
            return Err(ObjectError::Corrupt("it declares more bytes than its stream can hold"));
        }
        usize::try_from(size).map_err(|_| ObjectError::TooLarge { size, limit: self.max_bytes })
    }

    /// Inflates `stream`, which must hold exactly `size` bytes; anything may follow it.
    pub fn inflate(&mut self, stream: &[u8], size: usize, out: &mut Buffer) -> Result<(), ObjectError> {
        let room = &mut out.room(size + SLACK)[..size + SLACK];
        self.stream.reset(true);
        match self.stream.decompress(stream, room, InflateFlush::Finish) {
            Ok(Status::StreamEnd) if self.stream.total_out() == size as u64 => {
                out.set(0, size);
                Ok(())
            }
            Ok(Status::StreamEnd) => Err(ObjectError::Corrupt("its zlib stream is shorter than it declares")),
            Ok(_) if self.stream.total_out() >= size as u64 => {
                Err(ObjectError::Corrupt("its zlib stream is longer than it declares"))
            }
            Ok(_) => Err(ObjectError::Corrupt("its zlib stream is cut short")),
            Err(_) => Err(ObjectError::Corrupt("its zlib stream is corrupt")),
        }
    }

    /// Inflates the first bytes of `stream`; returns how many were written to `out`.
    pub fn peek(&mut self, stream: &[u8], out: &mut [u8]) -> Result<usize, ObjectError> {
        self.stream.reset(true);
        match self.stream.decompress(stream, out, InflateFlush::NoFlush) {
            Ok(_) => Ok(self.stream.total_out() as usize),
            Err(_) => Err(ObjectError::Corrupt("its zlib stream is corrupt")),
        }
    }
}
