//! Messages of commits and annotated tags: who wrote one, when, and where in the object it stands.

use super::objects::{Kind, Objects, Reader};
use crate::blob::{Introduction, ObjectId, Origin};
use std::ops::Range;
use std::sync::Arc;

/// Where the bytes of a commit or an annotated tag came from; `None` when it cannot be read or is neither.
pub fn message_origin(objects: &Objects, object: u32) -> Option<Origin> {
    let introduced = message_introduction(objects, object)?;
    let kind = objects.kind(object)?.name();
    Some(Origin::GitMessage { kind, introduced })
}

/// Who introduced a commit (its author) or an annotated tag (its tagger), and when.
pub fn message_introduction(objects: &Objects, object: u32) -> Option<Introduction> {
    let (kind, bytes) = objects.read(object, &mut Reader::default()).ok()?;
    introduction(objects.id(object), kind, &bytes)
}

/// The same from the bytes of a commit or tag.
pub fn introduction(id: ObjectId, kind: Kind, bytes: &[u8]) -> Option<Introduction> {
    let field: &[u8] = match kind {
        Kind::Commit => b"author ",
        Kind::Tag => b"tagger ",
        _ => return None,
    };
    // Git's oldest tags have no tagger.
    let (author, time) = header(bytes, field).map(person).unwrap_or_default();
    let author = decoded(author, header(bytes, b"encoding "));
    Some(Introduction { commit: id, author: Arc::from(author), time })
}

/// When a commit was made, in seconds since 1970; 0 when that cannot be read.
pub fn committer_time(bytes: &[u8]) -> i64 {
    header(bytes, b"committer ").map_or(0, |line| person(line).1)
}

/// The message inside a commit's or tag's bytes: all that follows the first empty line.
pub fn message_range(bytes: &[u8]) -> Range<usize> {
    let end_of_headers = memchr::memmem::find(bytes, b"\n\n");
    end_of_headers.map_or(bytes.len(), |at| at + 2)..bytes.len()
}

fn header<'a>(bytes: &'a [u8], field: &[u8]) -> Option<&'a [u8]> {
    let headers = &bytes[..message_range(bytes).start];
    headers.split(|byte| *byte == b'\n').find_map(|line| line.strip_prefix(field))
}

/// Splits `Name <email> 1700000000 +0100` into `Name <email>` and the time; the time is 0 when unreadable.
pub(super) fn person(line: &[u8]) -> (&[u8], i64) {
    let Some(end) = memchr::memrchr(b'>', line) else {
        return (line, 0);
    };
    let rest = line[end + 1..].trim_ascii_start();
    let digits = rest.split(|byte| *byte == b' ').next().unwrap_or_default();
    let time = std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok());
    (&line[..=end], time.unwrap_or(0))
}

fn decoded(text: &[u8], encoding: Option<&[u8]>) -> String {
    let is_latin = encoding.is_some_and(|name| {
        let name = name.to_ascii_lowercase();
        name.ends_with(b"8859-1") || name.starts_with(b"latin")
    });
    match std::str::from_utf8(text) {
        Ok(text) => text.to_owned(),
        Err(_) if is_latin => text.iter().map(|byte| *byte as char).collect(),
        Err(_) => String::from_utf8_lossy(text).into_owned(),
    }
}
