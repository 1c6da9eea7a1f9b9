//! Scans the members of archives in place of their bytes, each as a text of its own.

use super::text::TextScanner;
use super::{Progress, stream};
use crate::archive::{self, HEAD, Kind, Limits, Peeked, Source, Unpacked};
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::sync::Arc;

/// Longer members are scanned in blocks.
pub(super) const WHOLE: u64 = 8 << 20;
/// A member's room that is larger is given back.
const KEPT: usize = 1 << 20;

/// Whether bytes are an archive that is to be opened.
pub fn is_archive(bytes: &[u8], limits: Option<&Limits>) -> bool {
    limits.is_some() && kind(bytes).is_some()
}

/// Whether bytes are an archive by their mark.
pub fn is_packed(bytes: &[u8]) -> bool {
    archive::marked(&bytes[..bytes.len().min(HEAD)]).is_some()
}

fn kind(bytes: &[u8]) -> Option<Kind> {
    archive::kind(&bytes[..bytes.len().min(HEAD)]).or_else(|| archive::kind_at_end(bytes))
}

/// Scans an archive in memory; `false` when the bytes are none, or damaged and to be scanned as they are, too.
pub fn scan_bytes(
    scanner: &mut TextScanner,
    bytes: &[u8],
    limits: Option<&Limits>,
    place: u32,
    name: &dyn Fn() -> String,
    progress: &Progress,
) -> bool {
    let Some((limits, kind)) = limits.zip(kind(bytes)) else { return false };
    let mut source = Cursor::new(bytes);
    !scan(scanner, kind, Source::Seekable(&mut source), limits, Where { place, name, progress })
}

/// Scans an archive on disk; `false` leaves the file at its beginning.
pub fn scan_file(
    scanner: &mut TextScanner,
    file: &mut File,
    limits: Option<&Limits>,
    place: u32,
    name: &dyn Fn() -> String,
    progress: &Progress,
) -> io::Result<bool> {
    let Some(limits) = limits else { return Ok(false) };
    let mut head = Vec::new();
    file.by_ref().take(HEAD as u64).read_to_end(&mut head)?;
    let mut tail = [0; 22];
    file.seek(SeekFrom::End(-22))?;
    file.read_exact(&mut tail)?;
    file.rewind()?;
    let Some(kind) = archive::kind(&head).or_else(|| archive::kind_at_end(&tail)) else { return Ok(false) };
    let is_damaged = scan(scanner, kind, Source::Seekable(file), limits, Where { place, name, progress });
    file.rewind()?;
    Ok(!is_damaged)
}

/// Scans an archive as it is read; `false` when it is none, and nothing but its beginning was looked at.
pub fn scan_stream<R: Read>(
    scanner: &mut TextScanner,
    input: &mut Peeked<R>,
    limits: Option<&Limits>,
    place: u32,
    name: &dyn Fn() -> String,
    progress: &Progress,
) -> bool {
    let Some((limits, kind)) = limits.zip(archive::kind(input.head())) else { return false };
    scan(scanner, kind, Source::Stream(input), limits, Where { place, name, progress });
    true
}

#[derive(Clone, Copy)]
struct Where<'a> {
    place: u32,
    name: &'a dyn Fn() -> String,
    progress: &'a Progress,
}

/// Scans every member; tells whether the archive is damaged.
fn scan(scanner: &mut TextScanner, kind: Kind, source: Source<'_>, limits: &Limits, at: Where<'_>) -> bool {
    let name = (at.name)();
    let mut room = Vec::new();
    let visit = &mut |path: &str, content: &mut dyn Read| member(scanner, path, content, &mut room, at);
    let Unpacked { warnings, is_damaged, .. } = archive::unpack(kind, source, &name, limits, visit);
    scanner.inside = None;
    scanner.warnings.extend(warnings);
    at.progress.add(u64::from(!is_damaged), 0);
    is_damaged
}

fn member(
    scanner: &mut TextScanner,
    path: &str,
    content: &mut dyn Read,
    room: &mut Vec<u8>,
    at: Where<'_>,
) -> io::Result<()> {
    scanner.inside = Some(Arc::from(path));
    let name = || if path.is_empty() { (at.name)() } else { format!("{}!{path}", (at.name)()) };
    room.clear();
    let read = (&mut *content).take(WHOLE).read_to_end(room);
    if room.len() as u64 == WHOLE && read.is_ok() {
        let mut whole = Cursor::new(std::mem::take(room)).chain(content);
        let progress = |bytes| at.progress.add(0, bytes);
        stream::scan(scanner, &mut whole, stream::BLOCK, at.place, &name, &progress)?;
    } else {
        // What came before the trouble is scanned.
        scanner.scan(room, at.place, &name);
        at.progress.add(0, room.len() as u64);
    }
    at.progress.add(1, 0);
    scanner.tell();
    if room.capacity() > KEPT {
        *room = Vec::new();
    }
    read.map(|_| ())
}
