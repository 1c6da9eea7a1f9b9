//! Deflate streams as readers.

use std::io::{self, BufRead, Read};
use zlib_rs::{Inflate as Decoder, InflateFlush, Status};

/// A deflate stream, read to its end and not beyond.
pub struct Inflate<R> {
    source: R,
    decoder: Decoder,
    state: State,
}

enum State {
    Running,
    Ended,
    Failed(&'static str),
}

impl<R: BufRead> Inflate<R> {
    /// A stream as zip and gzip hold it.
    pub fn raw(source: R) -> Inflate<R> {
        Inflate { source, decoder: Decoder::new(false, 15), state: State::Running }
    }

    /// A stream with zlib's header, as PDF holds it.
    pub fn zlib(source: R) -> Inflate<R> {
        Inflate { source, decoder: Decoder::new(true, 15), state: State::Running }
    }

    /// What follows the stream.
    pub fn source(&mut self) -> &mut R {
        &mut self.source
    }

    /// Begins another stream here.
    pub fn restart(&mut self) {
        self.decoder.reset(false);
        self.state = State::Running;
    }

    fn step(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let input = self.source.fill_buf()?;
        let is_empty = input.is_empty();
        let (read, written) = (self.decoder.total_in(), self.decoder.total_out());
        let status = self.decoder.decompress(input, room, InflateFlush::NoFlush);
        let consumed = (self.decoder.total_in() - read) as usize;
        let count = (self.decoder.total_out() - written) as usize;
        self.source.consume(consumed);
        self.state = match status {
            Ok(Status::StreamEnd) => State::Ended,
            Ok(_) if is_empty && count == 0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) => State::Running,
            Err(_) => State::Failed("its deflate stream is damaged"),
        };
        Ok(count)
    }
}

impl<R: BufRead> Read for Inflate<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if room.is_empty() {
            return Ok(0);
        }
        loop {
            match self.state {
                State::Ended => return Ok(0),
                // What came out before the damage was handed over first.
                State::Failed(message) => return Err(io::Error::new(io::ErrorKind::InvalidData, message)),
                State::Running => {}
            }
            match self.step(room)? {
                0 => {}
                count => return Ok(count),
            }
        }
    }
}
