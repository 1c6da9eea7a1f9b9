//! Files as they were in a commit, read from the repository of a scan's only target.

use std::path::Path;
use stopleak_core::scan::Target;
use stopleak_core::source::git::objects::{Kind, Limits, Objects, Reader};
use stopleak_core::source::git::repository::Repository;
use stopleak_core::{ObjectId, Position};

/// Reads objects of one repository; without one, nothing is there.
pub struct Blobs {
    opened: Option<(Objects, Reader)>,
}

impl Blobs {
    /// The repository that the only target is in.
    pub fn of(targets: &[Target]) -> Blobs {
        let path = match targets {
            [Target::Path(path)] => path.as_path(),
            _ => return Blobs { opened: None },
        };
        Blobs { opened: repository(path).and_then(|found| open(&found)) }
    }

    /// A blob by its id.
    pub fn blob(&mut self, id: &ObjectId) -> Option<Vec<u8>> {
        self.read(id, Kind::Blob)
    }

    /// The file at `path` in a commit, which may be named by the beginning of its id when that is all 40 digits.
    pub fn file(&mut self, commit: &ObjectId, path: &str) -> Option<Vec<u8>> {
        let commit = self.read(commit, Kind::Commit)?;
        let mut id = hex_id(commit.strip_prefix(b"tree ")?.get(..40)?)?;
        for name in path.split('/') {
            let tree = self.read(&id, Kind::Tree)?;
            id = child(&tree, name.as_bytes())?;
        }
        self.read(&id, Kind::Blob)
    }

    fn read(&mut self, id: &ObjectId, kind: Kind) -> Option<Vec<u8>> {
        let (objects, reader) = self.opened.as_mut()?;
        let number = objects.find(id)?;
        let (found, bytes) = objects.read(number, reader).ok()?;
        (found == kind).then_some(bytes)
    }
}

/// The repository a path is the root of, or lies in.
pub fn repository(path: &Path) -> Option<Repository> {
    Repository::open(path).ok().flatten()
}

fn open(repository: &Repository) -> Option<(Objects, Reader)> {
    let objects = Objects::open(&repository.objects_dir(), repository.extra_objects(), Limits::default()).ok()?;
    Some((objects, Reader::new()))
}

/// The object a tree names so: entries are `mode name NUL id`.
fn child(mut tree: &[u8], wanted: &[u8]) -> Option<ObjectId> {
    loop {
        let space = tree.iter().position(|byte| *byte == b' ')?;
        let end = tree.iter().position(|byte| *byte == 0)?;
        let (name, id) = (tree.get(space + 1..end)?, tree.get(end + 1..end + 21)?);
        if name == wanted {
            return Some(ObjectId(id.try_into().ok()?));
        }
        tree = &tree[end + 21..];
    }
}

/// Forty hexadecimal digits as an id.
pub fn hex_id(digits: &[u8]) -> Option<ObjectId> {
    let text = std::str::from_utf8(digits).ok().filter(|text| text.len() == 40 && text.is_ascii())?;
    let mut id = [0; 20];
    for (byte, at) in id.iter_mut().zip((0..40).step_by(2)) {
        *byte = u8::from_str_radix(&text[at..at + 2], 16).ok()?;
    }
    Some(ObjectId(id))
}

/// The bytes at a position; columns count bytes that begin a character, as the engine counts them.
pub fn slice(bytes: &[u8], position: Position) -> Option<&[u8]> {
    let start = offset(bytes, position.line, position.column)?;
    let end = offset(bytes, position.end_line, position.end_column)?;
    bytes.get(start..end).filter(|bytes| !bytes.is_empty())
}

fn offset(bytes: &[u8], line: u32, column: u32) -> Option<usize> {
    let mut start = 0;
    for _ in 1..line {
        start += bytes.get(start..)?.iter().position(|byte| *byte == b'\n')? + 1;
    }
    let mut column = column.checked_sub(1)?;
    for (at, byte) in bytes.get(start..)?.iter().enumerate() {
        let begins = byte & 0xc0 != 0x80;
        if begins && column == 0 {
            return Some(start + at);
        }
        column -= u32::from(begins);
    }
    (column == 0).then_some(bytes.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_names_its_bytes() {
        let text = "a = 1\nklé = \"wörd\"\n".as_bytes();
        let at = |line, column, end_line, end_column| {
            slice(text, Position { line, column, end_line, end_column }).map(String::from_utf8_lossy)
        };
        assert_eq!(at(2, 8, 2, 12).as_deref(), Some("wörd"));
        assert_eq!(at(1, 5, 2, 4).as_deref(), Some("1\nklé"));
        assert_eq!(at(2, 13, 3, 1).as_deref(), Some("\n"));
        assert_eq!([at(2, 4, 2, 4), at(9, 1, 9, 2), at(1, 1, 1, 99)], [None, None, None]);
    }
}
