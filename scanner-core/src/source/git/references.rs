//! The names of a repository and what they point to: read from its files, whether the repository was opened for it or not.

use super::repository::{Tip, own_id, parse_id};
use crate::blob::ObjectId;
use crate::warning::Warning;
use gix::refs::file::Store;
use gix::refs::file::loose::Reference;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

/// Where references are kept, and the `HEAD` there.
pub struct References {
    store: Store,
    head: io::Result<Vec<u8>>,
}

impl References {
    /// Of a repository whose own folder is `git_dir`, when nothing has to be known of its settings to read them: no extension, no
    /// namespace. None says nothing of a repository but that it is to be opened.
    pub fn of_plain(git_dir: &Path) -> Option<References> {
        let config = read(&git_dir.join("config")).ok()?;
        let is_plain = !NOT_PLAIN.iter().any(|word| holds(&config, word));
        is_plain.then(|| References::of(Store::at(git_dir.to_path_buf(), gix::hash::Kind::Sha1)))
    }

    /// Of a repository that is open.
    pub(super) fn of_open(repository: &gix::Repository) -> References {
        References::of(repository.refs.clone())
    }

    fn of(store: Store) -> References {
        let head = read(&store.git_dir().join("HEAD"));
        References { store, head }
    }

    /// Every name that keeps objects alive, sorted: all references, each work tree's `HEAD` and own
    /// references, and the older stashes, which only the reflog names.
    pub fn tips(&self) -> (Vec<Tip>, Vec<Warning>) {
        let (mut tips, mut warnings) = (Vec::new(), Vec::new());
        self.add_references(&mut tips, &mut warnings);
        self.add_heads(&mut tips, &mut warnings);
        self.add_stashes(&mut tips);
        tips.sort();
        tips.dedup();
        (tips, warnings)
    }

    /// The branch that `HEAD` names; `None` when it is detached.
    pub fn branch(&self) -> Option<String> {
        let text = self.head.as_ref().ok()?;
        let head = Reference::try_from_path("HEAD".try_into().ok()?, text, gix::hash::Kind::Sha1).ok()?;
        Some(head.target.try_name()?.shorten().to_string())
    }

    fn common_dir(&self) -> &Path {
        self.store.common_dir_resolved()
    }

    fn add_references(&self, tips: &mut Vec<Tip>, warnings: &mut Vec<Warning>) {
        let unreadable = |error: &dyn std::fmt::Display| {
            Warning::unscanned("unreadable-reference", "refs", format!("cannot read a reference: {error}"))
        };
        let platform = match self.store.iter() {
            Ok(platform) => platform,
            Err(error) => return warnings.push(unreadable(&error)),
        };
        let all = match platform.all() {
            Ok(all) => all,
            Err(error) => return warnings.push(unreadable(&error)),
        };
        for reference in all {
            match reference {
                // A symbolic reference's target is listed by itself.
                Ok(reference) => {
                    let id = reference.target.try_id().map(own_id);
                    tips.extend(id.map(|id| Tip { name: reference.name.as_bstr().to_string(), id }));
                }
                Err(error) => warnings.push(unreadable(&error)),
            }
        }
    }

    fn add_heads(&self, tips: &mut Vec<Tip>, warnings: &mut Vec<Warning>) {
        match self.store.common_dir() {
            Some(common) => add_head(&read(&common.join("HEAD")), "HEAD", tips, warnings),
            None => add_head(&self.head, "HEAD", tips, warnings),
        }
        let linked = std::fs::read_dir(self.common_dir().join("worktrees")).into_iter().flatten().flatten();
        for folder in linked {
            let name = format!("worktrees/{}", folder.file_name().to_string_lossy());
            add_head(&read(&folder.path().join("HEAD")), &format!("{name}/HEAD"), tips, warnings);
            add_own_references(&folder.path().join("refs"), &format!("{name}/refs"), tips);
        }
    }

    fn add_stashes(&self, tips: &mut Vec<Tip>) {
        let log = read(&self.common_dir().join("logs/refs/stash")).unwrap_or_default();
        let ids = log.split(|byte| *byte == b'\n').filter_map(|line| parse_id(line.get(41..81)?));
        let ids: Vec<ObjectId> = ids.collect();
        tips.extend(
            ids.iter().rev().enumerate().map(|(age, id)| Tip { name: format!("refs/stash@{{{age}}}"), id: *id }),
        );
    }
}

/// Settings that decide how references are read, or bring others in that may.
const NOT_PLAIN: [&[u8]; 4] = [b"extensions", b"include", b"namespace", b"precompose"];

/// Whether a word stands in a text, in whatever case.
fn holds(text: &[u8], word: &[u8]) -> bool {
    text.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word))
}

/// A small file, without asking first how long it is: there are thousands of them.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut file = File::open(path)?;
    let mut bytes = vec![0; 1_024];
    let mut length = 0;
    loop {
        match file.read(&mut bytes[length..]) {
            Ok(0) => break,
            Ok(more) => length += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
        if length == bytes.len() {
            bytes.resize(length * 4, 0);
        }
    }
    bytes.truncate(length);
    Ok(bytes)
}

/// A detached `HEAD` is a tip of its own; one on a branch is that branch.
fn add_head(text: &io::Result<Vec<u8>>, name: &str, tips: &mut Vec<Tip>, warnings: &mut Vec<Warning>) {
    match text {
        Ok(text) => tips.extend(parse_id(text.trim_ascii()).map(|id| Tip { name: name.to_owned(), id })),
        Err(error) => {
            warnings.push(Warning::unscanned("unreadable-reference", name, format!("cannot read it: {error}")))
        }
    }
}

/// References of one work tree alone (`refs/bisect`, `refs/worktree`).
fn add_own_references(folder: &Path, name: &str, tips: &mut Vec<Tip>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = format!("{name}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            add_own_references(&entry.path(), &name, tips);
        } else if let Some(id) = read(&entry.path()).ok().and_then(|text| parse_id(text.trim_ascii())) {
            tips.push(Tip { name, id });
        }
    }
}
