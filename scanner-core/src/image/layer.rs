//! One layer: the files it brings, and what it does to those of the layers below.

use super::digest::Verified;
use super::error::ImageError;
use super::manifest::Descriptor;
use crate::archive::tar::EntryKind;
use crate::archive::{
    Budget, Feeding, HEAD, Kind, Limits, Metered, Peeked, Trouble, clean_name, compressed, kind, tar,
};
use crate::blob::Fate;
use std::hash::{DefaultHasher, Hasher};
use std::io::{self, Read};

/// Compressions around one layer.
const MAX_PEELED: u32 = 3;
/// The prefix of a name that deletes.
const WHITEOUT: &str = ".wh.";
/// The name that hides all that a folder held before.
const OPAQUE: &str = ".wh..wh..opq";

/// What a layer does to files of the layers below it. Paths are kept as hashes: eight bytes a file.
#[derive(Debug, Default)]
pub struct Changes {
    written: Vec<u64>,
    /// Of them, those that are no folders: they hide what was below a folder of that name.
    files: Vec<u64>,
    deleted: Vec<u64>,
    /// Folders whose earlier content is hidden.
    emptied: Vec<u64>,
}

impl Changes {
    /// What becomes of a lower layer's file.
    pub fn fate(&self, path: &str) -> Fate {
        let has = |list: &Vec<u64>, path: &str| list.binary_search(&hash(path)).is_ok();
        let mut above = path;
        loop {
            let is_itself = above.len() == path.len();
            if has(&self.deleted, above) || !is_itself && (has(&self.emptied, above) || has(&self.files, above)) {
                return Fate::Deleted;
            }
            if is_itself && has(&self.written, above) {
                return Fate::Overwritten;
            }
            match above.rsplit_once('/') {
                Some((folder, _)) => above = folder,
                None if !above.is_empty() => above = "",
                None => return Fate::Kept,
            }
        }
    }

    fn note(&mut self, path: &str, kind: EntryKind) {
        let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
        match name.strip_prefix(WHITEOUT) {
            None => {
                self.written.push(hash(path));
                if kind != EntryKind::Folder {
                    self.files.push(hash(path));
                }
            }
            Some(_) if name == OPAQUE => self.emptied.push(hash(folder)),
            // The storage driver's own files.
            Some(rest) if rest.starts_with(WHITEOUT) => {}
            Some(deleted) if folder.is_empty() => self.deleted.push(hash(deleted)),
            Some(deleted) => self.deleted.push(hash(&format!("{folder}/{deleted}"))),
        }
    }

    fn sort(&mut self) {
        for list in [&mut self.written, &mut self.files, &mut self.deleted, &mut self.emptied] {
            list.sort_unstable();
            list.dedup();
            list.shrink_to_fit();
        }
    }
}

fn hash(path: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(path.as_bytes());
    hasher.finish()
}

/// What came of a layer.
#[derive(Debug, Default)]
pub struct Walked {
    /// What it does to the layers below.
    pub changes: Changes,
    /// What was not seen or not as it should be, with the code of a warning about it.
    pub troubles: Vec<(&'static str, String)>,
}

/// Receives a layer's files: path and content, to be read as far as it is wanted.
pub type Visit<'v> = dyn FnMut(&str, &mut dyn Read) -> io::Result<()> + 'v;

/// Hands every file of a layer to `visit`, and holds its content to its digest. `what` is its descriptor.
pub fn walk(blob: &mut dyn Read, what: &Descriptor, limits: &Limits, visit: &mut Visit<'_>) -> Walked {
    let budget = Budget::new(limits, 0);
    let mut walk = Walk { budget: &budget, visit, walked: Walked::default() };
    let source = Feeding::new(blob, &budget);
    let (name, is_tar) = (what.digest.short(), what.media_type.contains("tar") || what.is_content);
    let (outcome, verified) = match what.is_content {
        true => match decoded(source, &budget) {
            Ok(content) => {
                let mut verified = Verified::new(content, &what.digest, None);
                let outcome = walk.content(&mut verified, is_tar);
                (outcome, verified.finish(name))
            }
            Err(trouble) => (Err(trouble), Ok(())),
        },
        false => {
            let mut verified = Verified::new(source, &what.digest, what.size);
            let content = decoded(&mut verified, &budget);
            let outcome = content.and_then(|mut content| walk.content(&mut content, is_tar));
            (outcome, verified.finish(name))
        }
    };
    let mut walked = walk.walked;
    let outcome = budget.stopped().map(Trouble::Stop).or(outcome.err());
    walked.tell(outcome, verified);
    walked.changes.sort();
    walked
}

impl Walked {
    /// Names what went wrong; of a source that broke off, that alone.
    fn tell(&mut self, outcome: Option<Trouble>, verified: Result<(), ImageError>) {
        match (outcome, verified) {
            (outcome, Err(ImageError::Damaged { reason, .. })) if !matches!(outcome, Some(Trouble::Stop(_))) => {
                self.troubles.push(("image-digest", format!("it is not what its digest says: {reason}")));
                self.troubles.extend(outcome.map(|trouble| trouble.describe()));
            }
            (None, Err(error)) => self.troubles.push(("image-layer", error.to_string())),
            (Some(Trouble::Damaged(_)), Err(error)) => self.troubles.push(("image-layer", error.to_string())),
            (outcome, _) => self.troubles.extend(outcome.map(|trouble| trouble.describe())),
        }
    }
}

/// The content of a blob, whatever it is compressed with.
fn decoded<'a, R: Read + 'a>(source: R, budget: &'a Budget) -> Result<Peeked<Box<dyn Read + 'a>>, Trouble> {
    let mut peeked = Peeked::new(Box::new(source) as Box<dyn Read + 'a>)?;
    for _ in 0..MAX_PEELED {
        match kind(peeked.head()).filter(|kind| kind.is_compression()) {
            Some(kind) => {
                let decoder = compressed::decoder(kind, peeked, budget)?;
                peeked = Peeked::new(Box::new(Metered::new(decoder, budget)) as Box<dyn Read + 'a>)?;
            }
            None => break,
        }
    }
    Ok(peeked)
}

struct Walk<'w, 'v> {
    budget: &'w Budget,
    visit: &'w mut Visit<'v>,
    walked: Walked,
}

impl Walk<'_, '_> {
    fn content(&mut self, content: &mut dyn Read, is_tar: bool) -> Result<(), Trouble> {
        let mut peeked = Peeked::new(content)?;
        let head = peeked.head();
        let is_empty = is_tar && head.len() == HEAD.min(1024) && head.iter().all(|byte| *byte == 0);
        match kind(head) {
            Some(Kind::Tar) => self.files(&mut peeked),
            // A tar without an entry.
            _ if is_empty || head.is_empty() => Ok(()),
            // Layers of other things than file systems: attestations, charts, models.
            _ => Ok((self.visit)("content", &mut peeked)?),
        }
    }

    fn files(&mut self, content: &mut dyn Read) -> Result<(), Trouble> {
        let mut reader = tar::Reader::new(content);
        loop {
            match reader.next_entry() {
                Ok(None) => return Ok(()),
                Ok(Some(entry)) if entry.kind == EntryKind::Lost => {
                    let trouble = Trouble::damaged("bytes in it are no header: some of what follows was passed over");
                    self.walked.troubles.push(trouble.describe());
                }
                Ok(Some(entry)) => {
                    self.budget.enter()?;
                    let path = clean_name(&entry.path);
                    let path = path.trim_matches('/');
                    self.walked.changes.note(path, entry.kind);
                    if entry.kind.has_content() && entry.size > 0 {
                        (self.visit)(path, &mut *reader.content(&entry))?;
                    }
                }
                Err(trouble) => return Err(trouble),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(entries: &[(&str, EntryKind)]) -> Changes {
        let mut changes = Changes::default();
        entries.iter().for_each(|(path, kind)| changes.note(path, *kind));
        changes.sort();
        changes
    }

    #[test]
    fn a_file_is_kept_overwritten_or_deleted() {
        use EntryKind::{File, Folder, Other};
        let table: [(&[(&str, EntryKind)], Fate); 10] = [
            (&[("etc", Folder), ("etc/other", File)], Fate::Kept),
            (&[("etc", Folder), ("etc/app.env", File)], Fate::Overwritten),
            (&[("etc/app.env", Other)], Fate::Overwritten),
            (&[("etc/.wh.app.env", File)], Fate::Deleted),
            (&[(".wh.etc", File)], Fate::Deleted),
            (&[("etc/.wh..wh..opq", File)], Fate::Deleted),
            (&[(".wh..wh..opq", File)], Fate::Deleted),
            (&[("etc", Other)], Fate::Deleted),
            (&[("etc/.wh..wh.plnk", File), ("etc/.wh.app.envx", File)], Fate::Kept),
            (&[("etc/app.env/x", File), ("usr/etc/.wh.app.env", File)], Fate::Kept),
        ];
        for (entries, expected) in table {
            assert_eq!(changes(entries).fate("etc/app.env"), expected, "{entries:?}");
        }
    }
}
