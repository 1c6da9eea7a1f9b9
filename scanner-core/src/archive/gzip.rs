//! Gzip (RFC 1952): members one after the other. Checksums are not checked: damaged text is text.

use super::inflate::Inflate;
use super::reader::{exactly, is_at_end, skip};
use super::trouble::Trouble;
use std::io::{self, BufRead, Read};

const HAS_CHECKSUM: u8 = 2;
const HAS_EXTRA: u8 = 4;
const HAS_NAME: u8 = 8;
const HAS_COMMENT: u8 = 16;

/// The content of all members.
pub struct Gzip<R> {
    inflate: Inflate<R>,
    is_inside: bool,
    is_first: bool,
}

impl<R: BufRead> Gzip<R> {
    /// Begins before the first header.
    pub fn new(source: R) -> Gzip<R> {
        Gzip { inflate: Inflate::raw(source), is_inside: false, is_first: true }
    }

    /// Goes to the next member; `false` at the end.
    fn open(&mut self) -> io::Result<bool> {
        let source = self.inflate.source();
        if !self.is_first {
            pass_zeros(source)?;
        }
        if is_at_end(source)? {
            return Ok(false);
        }
        header(source)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "bytes follow its end that are no gzip"))?;
        self.inflate.restart();
        (self.is_inside, self.is_first) = (true, false);
        Ok(true)
    }
}

impl<R: BufRead> Read for Gzip<R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        if room.is_empty() {
            return Ok(0);
        }
        loop {
            if !self.is_inside && !self.open()? {
                return Ok(0);
            }
            match self.inflate.read(room)? {
                0 => {
                    let mut trailer = [0; 8];
                    self.inflate.source().read_exact(&mut trailer)?;
                    self.is_inside = false;
                }
                count => return Ok(count),
            }
        }
    }
}

/// Tapes and disks pad with zeros.
fn pass_zeros(source: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = source.fill_buf()?;
        let (zeros, held) = (buffer.iter().take_while(|byte| **byte == 0).count(), buffer.len());
        source.consume(zeros);
        if zeros < held || held == 0 {
            return Ok(());
        }
    }
}

fn header(source: &mut impl BufRead) -> Result<(), Trouble> {
    let [0x1f, 0x8b, 8, flags, ..] = exactly::<10>(source)? else {
        return Err(Trouble::damaged("no gzip header"));
    };
    if flags & HAS_EXTRA != 0 {
        let len = u16::from_le_bytes(exactly(source)?);
        skip(source, u64::from(len))?;
    }
    if flags & HAS_NAME != 0 {
        pass_text(source)?;
    }
    if flags & HAS_COMMENT != 0 {
        pass_text(source)?;
    }
    if flags & HAS_CHECKSUM != 0 {
        exactly::<2>(source)?;
    }
    Ok(())
}

fn pass_text(source: &mut impl BufRead) -> Result<(), Trouble> {
    loop {
        let buffer = source.fill_buf()?;
        let (passed, ended) = match memchr::memchr(0, buffer) {
            Some(end) => (end + 1, true),
            None => (buffer.len(), false),
        };
        if passed == 0 {
            return Err(Trouble::CUT_SHORT);
        }
        source.consume(passed);
        if ended {
            return Ok(());
        }
    }
}
