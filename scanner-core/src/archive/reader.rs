//! Readers that all formats are made of: with the beginning looked at, metered, and helpers that read exactly.

use super::kind::HEAD;
use super::limits::Budget;
use super::trouble::Trouble;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};

/// Bytes read at a time from what feeds a decoder.
const BUFFER: usize = 64 << 10;

/// Bytes that can be read from any place.
pub trait ReadSeek: Read + Seek {}

impl<T: Read + Seek> ReadSeek for T {}

/// A stream whose first bytes were looked at and are given again.
pub struct Peeked<R> {
    head: Vec<u8>,
    at: usize,
    inner: R,
    error: Option<io::Error>,
}

impl<R: Read> Peeked<R> {
    /// Reads the first bytes. An error is given again when it is its turn, after the bytes before it.
    pub fn new(mut inner: R) -> io::Result<Peeked<R>> {
        let mut head = Vec::new();
        match inner.by_ref().take(HEAD as u64).read_to_end(&mut head) {
            Err(error) if head.is_empty() => Err(error),
            read => Ok(Peeked { head, at: 0, inner, error: read.err() }),
        }
    }

    /// The first bytes.
    pub fn head(&self) -> &[u8] {
        &self.head
    }
}

impl<R: Read> Read for Peeked<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.head[self.at..] {
            [] => match self.error.take() {
                Some(error) => Err(error),
                None => self.inner.read(buffer),
            },
            mut rest => {
                let count = rest.read(buffer)?;
                self.at += count;
                Ok(count)
            }
        }
    }
}

/// A reader whose bytes are charged to a budget, and that is not asked again once it failed: decoders are undone then.
pub struct Metered<'b, R> {
    inner: R,
    budget: &'b Budget,
    is_broken: bool,
}

impl<'b, R: Read> Metered<'b, R> {
    /// Charges what `inner` gives.
    pub fn new(inner: R, budget: &'b Budget) -> Metered<'b, R> {
        Metered { inner, budget, is_broken: false }
    }
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // What was read goes on even when it went over the limit: the next read ends it.
        if let Some(stop) = self.budget.stopped() {
            return Err(stop.into());
        }
        if self.is_broken {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it is damaged before its end"));
        }
        // An empty room looks like an end to some decoders.
        if buffer.is_empty() {
            return Ok(0);
        }
        let count = self.inner.read(buffer).inspect_err(|error| {
            self.is_broken = error.kind() != io::ErrorKind::Interrupted;
        })?;
        let _ = self.budget.charge(count as u64);
        Ok(count)
    }
}

/// The outermost stream: its bytes are what a ratio is measured against.
pub struct Feeding<'b, R> {
    inner: R,
    budget: &'b Budget,
}

impl<'b, R: Read> Feeding<'b, R> {
    /// Counts what `inner` gives.
    pub fn new(inner: R, budget: &'b Budget) -> Feeding<'b, R> {
        Feeding { inner, budget }
    }
}

impl<R: Read> Read for Feeding<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.budget.feed(count as u64);
        Ok(count)
    }
}

/// A buffered reader of `inner`, with no more room than `len` bytes need.
pub fn buffered<R: Read>(inner: R, len: u64) -> BufReader<R> {
    BufReader::with_capacity(len.clamp(512, BUFFER as u64) as usize, inner)
}

/// Fills `block` as far as there are bytes; returns how many.
pub fn fill(reader: &mut dyn Read, block: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < block.len() {
        match reader.read(&mut block[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

/// The next `N` bytes.
pub fn exactly<const N: usize>(reader: &mut dyn Read) -> Result<[u8; N], Trouble> {
    let mut block = [0; N];
    match fill(reader, &mut block)? == N {
        true => Ok(block),
        false => Err(Trouble::CUT_SHORT),
    }
}

/// The next `count` bytes, held whole.
pub fn bytes(reader: &mut dyn Read, count: u64) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    reader.take(count).read_to_end(&mut bytes)?;
    match bytes.len() as u64 == count {
        true => Ok(bytes),
        false => Err(Trouble::CUT_SHORT),
    }
}

/// Passes over the next `count` bytes.
pub fn skip(reader: &mut dyn Read, count: u64) -> Result<(), Trouble> {
    match io::copy(&mut reader.take(count), &mut io::sink())? == count {
        true => Ok(()),
        false => Err(Trouble::CUT_SHORT),
    }
}

/// A stretch of a source.
pub fn stretch<'a>(source: &'a mut dyn ReadSeek, at: u64, len: u64) -> io::Result<impl Read + 'a> {
    source.seek(SeekFrom::Start(at))?;
    Ok(source.take(len))
}

/// Whether nothing follows.
pub fn is_at_end(reader: &mut dyn BufRead) -> io::Result<bool> {
    Ok(reader.fill_buf()?.is_empty())
}
