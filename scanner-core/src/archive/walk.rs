//! The way through an archive: every member is looked at, opened when it is an archive itself, and handed over when not.

use super::kind::{Kind, kind};
use super::limits::{Budget, Limits, Stop};
use super::reader::{self, Feeding, Metered, Peeked, ReadSeek};
use super::trouble::Trouble;
use super::{ar, class, compressed, cpio, keystore, path, pdf, pyc, rpm, seven, sqlite, squashfs, tar, zip};
use crate::warning::Warning;
use std::io::{self, Cursor, Read, SeekFrom};

/// Warnings listed for one archive; more are counted.
const MAX_WARNINGS: usize = 50;

/// Receives members that are no archives: the path inside (`b.jar!c.properties`) and the content, to be read as far as
/// it is wanted. The path is empty when the archive is one compressed stream. An error of the content is passed on.
pub type Visit<'v> = dyn FnMut(&str, &mut dyn Read) -> io::Result<()> + 'v;

/// Where an archive's bytes are.
pub enum Source<'a> {
    /// To be read once, from here on.
    Stream(&'a mut dyn Read),
    /// To be read from any place.
    Seekable(&'a mut dyn ReadSeek),
}

/// What an archive gave.
#[derive(Debug, Default)]
pub struct Unpacked {
    /// Members handed over.
    pub members: u64,
    /// What was not seen, and why; none when all was.
    pub warnings: Vec<Warning>,
    /// The outermost container is not what it seemed, or not to its end: its bytes deserve a look as they are.
    pub is_damaged: bool,
}

/// Hands every member of an archive of this kind to `visit`, to any depth; `name` is the archive's, for messages.
pub fn unpack(kind: Kind, source: Source<'_>, name: &str, limits: &Limits, visit: &mut Visit<'_>) -> Unpacked {
    match source {
        Source::Stream(stream) => {
            let budget = Budget::new(limits, 0);
            let mut stream = Feeding::new(stream, &budget);
            Walk::new(&budget, name, visit).run(|walk| walk.content(&mut stream, 0))
        }
        Source::Seekable(source) => {
            let len = source.seek(SeekFrom::End(0)).and_then(|len| source.rewind().map(|()| len)).unwrap_or(0);
            let budget = Budget::new(limits, len);
            let is_seekable = is_seekable(kind);
            Walk::new(&budget, name, visit).run(|walk| match is_seekable {
                true => walk.deeper(|walk| walk.seekable(kind, source)),
                false => walk.content(&mut reader::buffered(source, len), 0),
            })
        }
    }
}

/// A zip behind other bytes, as self-extracting programs and executable jars are: told by its end.
pub fn kind_at_end(tail: &[u8]) -> Option<Kind> {
    let end = tail.len().checked_sub(22).map(|at| &tail[at..])?;
    let is_end = end.starts_with(b"PK\x05\x06\0\0\0\0") && end[20..] == [0, 0] && end[8..10] == end[10..12];
    is_end.then_some(Kind::Zip)
}

/// Whether a format cannot be read from its beginning to its end.
fn is_seekable(kind: Kind) -> bool {
    !kind.is_compression() && !matches!(kind, Kind::Tar | Kind::Ar | Kind::Cpio | Kind::Rpm)
}

/// One archive on its way through.
pub(super) struct Walk<'w, 'v> {
    pub budget: &'w Budget,
    name: &'w str,
    visit: &'w mut Visit<'v>,
    /// Where we are; empty in the outermost container.
    path: String,
    depth: u32,
    unpacked: Unpacked,
    unlisted: usize,
}

impl<'w, 'v> Walk<'w, 'v> {
    fn new(budget: &'w Budget, name: &'w str, visit: &'w mut Visit<'v>) -> Walk<'w, 'v> {
        let (path, unpacked) = (String::new(), Unpacked::default());
        Walk { budget, name, visit, path, depth: 0, unpacked, unlisted: 0 }
    }

    fn run(mut self, work: impl FnOnce(&mut Self) -> Result<(), Trouble>) -> Unpacked {
        let outcome = work(&mut self);
        let trouble = self.budget.stopped().map(Trouble::Stop).or(outcome.err());
        if let Some(trouble) = trouble {
            self.unpacked.is_damaged = matches!(trouble, Trouble::Damaged(_) | Trouble::Unsupported(_));
            self.path.clear();
            self.report(&trouble);
        }
        if self.unlisted > 0 {
            let message = format!("{} more parts of it were not unpacked", self.unlisted);
            self.unpacked.warnings.push(Warning::unscanned("archive-members", self.name, message));
        }
        self.unpacked
    }

    /// Opens or hands over one member. An error is final; the member's own trouble is a warning.
    pub fn entry(&mut self, name: &[u8], content: &mut dyn Read) -> Result<(), Stop> {
        self.budget.enter()?;
        let content = &mut Metered::new(content, self.budget);
        self.at(&path::clean(name), |walk| walk.content(content, 0))
    }

    /// Hands over text made of a member, under this name.
    pub fn text(&mut self, name: &str, text: &[u8]) -> Result<(), Stop> {
        self.budget.enter()?;
        self.at(name, |walk| walk.hand_over(&mut Metered::new(text, walk.budget)))
    }

    /// Goes on in a stream that stands for the container itself: a package's payload.
    pub fn inner(&mut self, content: &mut dyn Read) -> Result<(), Trouble> {
        self.content(content, 0)
    }

    /// Warns that a part of the current container was not seen; the rest goes on. A final limit is an error.
    pub fn warn(&mut self, name: &[u8], trouble: Trouble) -> Result<(), Stop> {
        self.at(&path::clean(name), |_| Err(trouble))
    }

    /// Warns about the current container itself.
    pub fn report(&mut self, trouble: &Trouble) {
        if self.unpacked.warnings.len() >= MAX_WARNINGS {
            self.unlisted += 1;
            return;
        }
        let (code, message) = trouble.describe();
        let object = if self.path.is_empty() { self.name.to_owned() } else { format!("{}!{}", self.name, self.path) };
        self.unpacked.warnings.push(Warning::unscanned(code, object, message));
    }

    fn at(&mut self, name: &str, work: impl FnOnce(&mut Self) -> Result<(), Trouble>) -> Result<(), Stop> {
        let len = self.path.len();
        if len > 0 {
            self.path.push('!');
        }
        self.path.push_str(name);
        let outcome = work(self);
        let stopped = self.budget.stopped();
        if let (Err(trouble), None) = (&outcome, stopped) {
            self.report(trouble);
        }
        self.path.truncate(len);
        stopped.map_or(Ok(()), Err)
    }

    /// Opens a stream by what it begins with; `peeled` streams were unpacked to get here.
    fn content(&mut self, reader: &mut dyn Read, peeled: u32) -> Result<(), Trouble> {
        let mut peeked = Peeked::new(reader)?;
        match kind(peeked.head()) {
            Some(kind) if kind.is_compression() => {
                let most = self.budget.limits.max_depth;
                if self.depth + peeled >= most {
                    return Err(Stop::Depth(most).into());
                }
                let decoder = compressed::decoder(kind, peeked, self.budget)?;
                self.content(&mut Metered::new(decoder, self.budget), peeled + 1)
            }
            Some(kind) => self.deeper(|walk| walk.container(kind, &mut peeked)),
            None if peeled > 0 => {
                // Who knows the archive's own name makes one of it: a blob has its path only after the scan.
                let stem = if self.path.is_empty() { String::new() } else { path::stem(&self.path) };
                let mut outcome = Ok(());
                // Its trouble is the stream's, and is told by whoever opened that.
                self.at(&stem, |walk| {
                    outcome = walk.hand_over(&mut peeked);
                    Ok(())
                })?;
                outcome
            }
            None => self.hand_over(&mut peeked),
        }
    }

    fn hand_over(&mut self, content: &mut dyn Read) -> Result<(), Trouble> {
        self.unpacked.members += 1;
        Ok((self.visit)(&self.path, content)?)
    }

    fn deeper(&mut self, work: impl FnOnce(&mut Self) -> Result<(), Trouble>) -> Result<(), Trouble> {
        let most = self.budget.limits.max_depth;
        if self.depth >= most {
            return Err(Stop::Depth(most).into());
        }
        self.depth += 1;
        let outcome = work(self);
        self.depth -= 1;
        outcome
    }

    fn container(&mut self, kind: Kind, reader: &mut dyn Read) -> Result<(), Trouble> {
        match kind {
            Kind::Tar => tar::unpack(self, reader),
            Kind::Ar => ar::unpack(self, reader),
            Kind::Cpio => cpio::unpack(self, reader),
            Kind::Rpm => rpm::unpack(self, reader),
            _ => self.spooled(kind, reader),
        }
    }

    /// Holds a stream whole that needs seeking. A vector may have twice the room it needs.
    fn spooled(&mut self, kind: Kind, reader: &mut dyn Read) -> Result<(), Trouble> {
        let room = self.budget.free() / 2;
        let mut held = Vec::new();
        let read = (&mut *reader).take(room + 1).read_to_end(&mut held);
        let budget = self.budget;
        let is_whole = held.len() as u64 <= room;
        let _reserved = budget.reserve(2 * (held.len() as u64).min(room))?;
        if is_whole {
            let outcome = self.seekable(kind, &mut Cursor::new(held));
            // A source that broke off is the better reason.
            return read.map_err(Trouble::from).and(outcome);
        }
        let mut rest = Cursor::new(held).chain(reader);
        match kind {
            Kind::Zip => zip::unpack_stream(self, &mut rest),
            Kind::Pdf | Kind::Sqlite => {
                self.hand_over(&mut rest)?;
                Err(Stop::Memory(budget.limits.max_memory).into())
            }
            _ => Err(Stop::Memory(budget.limits.max_memory).into()),
        }
    }

    fn seekable(&mut self, kind: Kind, source: &mut dyn ReadSeek) -> Result<(), Trouble> {
        match kind {
            Kind::Zip => return zip::unpack(self, source),
            Kind::SevenZip => return seven::unpack(self, source),
            Kind::Squashfs => return squashfs::unpack(self, source),
            Kind::Sqlite => return sqlite::unpack(self, source),
            _ => {}
        }
        let len = source.seek(SeekFrom::End(0))?;
        source.rewind()?;
        let budget = self.budget;
        let _reserved = budget.reserve(len)?;
        let bytes = reader::bytes(&mut *source, len)?;
        match kind {
            Kind::Pdf => pdf::unpack(self, &bytes),
            Kind::Class => class::unpack(self, &bytes),
            Kind::Pyc => pyc::unpack(self, &bytes),
            Kind::JavaKeystore => keystore::unpack_java(self, &bytes),
            Kind::Pkcs12 => keystore::unpack_pkcs12(self, &bytes),
            _ => Ok(()),
        }
    }
}
