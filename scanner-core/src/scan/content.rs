//! Scans contents that arrive as streams, one after the other: small ones whole, others in blocks, archives opened.

use super::text::TextScanner;
use super::{Progress, Request, archives, stream};
use crate::archive::{Limits, Peeked};
use crate::detect::Engine;
use std::io::{self, Cursor, Read};

/// One thread's scanner of contents.
pub struct ContentScanner<'p, 'e> {
    pub scanner: TextScanner<'e>,
    archives: Option<&'p Limits>,
    progress: &'p Progress,
    room: Vec<u8>,
}

impl<'p, 'e> ContentScanner<'p, 'e> {
    /// A scanner for one thread.
    pub fn new(request: &'p Request, engine: &'e Engine) -> ContentScanner<'p, 'e> {
        let (archives, progress) = (request.archives.as_ref(), request.progress.as_ref());
        ContentScanner { scanner: TextScanner::new(engine), archives, progress, room: Vec::new() }
    }

    /// Scans what `content` gives to its end or its first error.
    pub fn scan(&mut self, place: u32, name: &dyn Fn() -> String, content: &mut dyn Read) -> io::Result<()> {
        let mut room = std::mem::take(&mut self.room);
        room.clear();
        let read = (&mut *content).take(archives::WHOLE).read_to_end(&mut room);
        let is_whole = (room.len() as u64) < archives::WHOLE || read.is_err();
        let outcome = match is_whole {
            true => {
                self.scan_whole(place, name, &room);
                // What came before the trouble is scanned.
                read.map(|_| ())
            }
            false => self.stream(place, name, &mut Cursor::new(std::mem::take(&mut room)).chain(content)),
        };
        self.room = room;
        outcome
    }

    /// Scans what is held whole.
    pub fn scan_whole(&mut self, place: u32, name: &dyn Fn() -> String, bytes: &[u8]) {
        let ContentScanner { scanner, archives, progress, .. } = self;
        if !archives::scan_bytes(scanner, bytes, *archives, place, name, progress) {
            scanner.scan(bytes, place, name);
            progress.add(1, bytes.len() as u64);
        }
    }

    fn stream(&mut self, place: u32, name: &dyn Fn() -> String, all: &mut dyn Read) -> io::Result<()> {
        let ContentScanner { scanner, archives, progress, .. } = self;
        let mut peeked = Peeked::new(all)?;
        if !archives::scan_stream(scanner, &mut peeked, *archives, place, name, progress) {
            let count = |bytes| progress.add(0, bytes);
            stream::scan(scanner, &mut peeked, stream::BLOCK, place, name, &count)?;
            progress.add(1, 0);
        }
        Ok(())
    }
}
