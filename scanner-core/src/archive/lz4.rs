//! LZ4 frames one after the other, skippable ones passed over.

use super::reader::{is_at_end, skip};
use lz4_flex::frame::{Error, FrameDecoder};
use std::io::{self, BufRead, Read};

/// The content of all frames.
pub struct Lz4<R: Read> {
    decoder: FrameDecoder<R>,
}

impl<R: BufRead> Lz4<R> {
    /// Begins before the first frame.
    pub fn new(source: R) -> Lz4<R> {
        Lz4 { decoder: FrameDecoder::new(source) }
    }
}

impl<R: BufRead> Read for Lz4<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if room.is_empty() {
            return Ok(0);
        }
        loop {
            match self.decoder.read(room) {
                // A frame ended; another may follow.
                Ok(0) if !is_at_end(self.decoder.get_mut())? => {}
                Ok(count) => return Ok(count),
                Err(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<Error>()) {
                    Some(Error::SkippableFrame(len)) => {
                        let len = u64::from(*len);
                        skip(self.decoder.get_mut(), len).map_err(|_| io::Error::from(io::ErrorKind::UnexpectedEof))?;
                    }
                    _ => return Err(error),
                },
            }
        }
    }
}
