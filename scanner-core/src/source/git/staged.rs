//! What the next commit would add: the blobs of the index that `HEAD` does not have at their path.
//!
//! Directories that the index's cache of trees knows to equal `HEAD`'s are skipped whole, so that the cost
//! follows the size of the change and not that of the repository.

use super::changes::Comparison;
use super::repository::{GitError, Repository, own_id};
use crate::blob::ObjectId;
use crate::warning::Warning;
use gix::bstr::ByteSlice;
use gix::index::entry::{Flags, Mode};
use gix::index::extension::Tree as CachedTree;
use gix::index::{Entry, State};
use std::collections::{HashMap, HashSet};

/// A blob in the index that is new against `HEAD`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Staged {
    /// Its path, relative to the repository's root.
    pub path: String,
    /// The blob.
    pub id: ObjectId,
}

/// What is staged, sorted by path, and what could not be looked at.
#[derive(Debug, Default)]
pub struct StagedChanges {
    /// Added, modified, copied, renamed-and-edited and type-changed files; each side of a conflict.
    pub files: Vec<Staged>,
    /// Trees that could not be read.
    pub warnings: Vec<Warning>,
    /// The root trees of the commit's parents: of `HEAD`, and of what is merged once `without_merged` looked.
    pub parents: Vec<ObjectId>,
    /// What `HEAD` has at paths that are gone from the index: removed files, and the old names of renamed ones.
    pub removed: HashSet<ObjectId>,
}

impl StagedChanges {
    /// Leaves out what a merge under way brings as it is: it was committed before, and only what neither side had is new.
    pub fn without_merged(mut self, repository: &Repository) -> Result<StagedChanges, GitError> {
        let merged = repository.merge_heads().into_iter().map(|commit| tree_of(repository, commit));
        let merged = merged.collect::<Result<Vec<ObjectId>, GitError>>()?;
        if !merged.is_empty() {
            let mut trees = comparison(repository);
            self.files.retain(|file| merged.iter().all(|tree| trees.at_path(*tree, &file.path) != Some(file.id)));
        }
        self.parents.extend(merged);
        Ok(self)
    }

    /// The earlier versions of a staged file: at its path in each parent.
    pub fn before(&self, repository: &Repository, path: &str) -> Vec<ObjectId> {
        let mut trees = comparison(repository);
        self.parents.iter().filter_map(|parent| trees.at_path(*parent, path)).collect()
    }
}

/// Lists what `git diff --cached` would show as new content.
pub fn staged(repository: &Repository) -> Result<StagedChanges, GitError> {
    let Some(index) = open_index(repository)? else {
        return Ok(StagedChanges::default());
    };
    let head = repository.head().map(|commit| tree_of(repository, commit)).transpose()?;
    let mut scene = Scene { repository, index: &index, changes: StagedChanges::default(), removed: Vec::new() };
    scene.folder(b"", head, index.tree(), index.entries());
    let mut changes = scene.finish();
    changes.parents = head.into_iter().collect();
    Ok(changes)
}

fn comparison(repository: &Repository) -> Comparison<'_> {
    Comparison::new(Box::new(|tree| repository.read_small(tree).ok()))
}

/// Reads a staged blob.
pub fn read(repository: &Repository, staged: &Staged) -> Result<Vec<u8>, GitError> {
    repository.read_small(staged.id)
}

fn open_index(repository: &Repository) -> Result<Option<gix::index::File>, GitError> {
    // One thread: starting more costs more than decoding. No checksum: git does not check it either.
    let options = gix::index::decode::Options { thread_limit: Some(1), ..Default::default() };
    if !repository.index.exists() {
        return Ok(None);
    }
    let index = gix::index::File::at(&repository.index, gix::hash::Kind::Sha1, true, options);
    let reason = |error: gix::Error| GitError::Index { path: repository.index.clone(), reason: error.to_string() };
    index.map(Some).map_err(reason)
}

pub(super) fn tree_of(repository: &Repository, commit: ObjectId) -> Result<ObjectId, GitError> {
    let bytes = repository.read_small(commit)?;
    let tree = bytes.strip_prefix(b"tree ").and_then(|rest| super::repository::parse_id(rest.get(..40)?));
    tree.ok_or_else(|| GitError::Object { id: commit, reason: "it is no commit".to_owned() })
}

struct Scene<'a> {
    repository: &'a Repository,
    index: &'a State,
    changes: StagedChanges,
    /// What `HEAD` has and the index has not: files, and whole folders.
    removed: Vec<HeadEntry>,
}

#[derive(Clone)]
struct HeadEntry {
    name: Vec<u8>,
    id: ObjectId,
    is_folder: bool,
}

impl Scene<'_> {
    /// Compares one folder: `head` is its tree in `HEAD`, `cached` what the index knows of it.
    fn folder(&mut self, prefix: &[u8], head: Option<ObjectId>, cached: Option<&CachedTree>, entries: &[Entry]) {
        let known = cached.filter(|tree| tree.num_entries.is_some()).map(|tree| own_id(&tree.id));
        if known.is_some() && known == head {
            return;
        }
        let mut names: Vec<HeadEntry> = head.map(|id| self.tree(prefix, id)).unwrap_or_default();
        // By plain name: a file and a folder of one name (a type change) are told apart below.
        names.sort_by(|a, b| a.name.cmp(&b.name));
        let known_below = cached.iter().flat_map(|tree| &tree.children);
        let known_below: HashMap<&[u8], &CachedTree> = known_below.map(|tree| (tree.name.as_slice(), tree)).collect();
        let mut seen = vec![false; names.len()];
        let mut rest = entries;
        while let Some(first) = rest.first() {
            let path: &[u8] = first.path(self.index);
            let Some(tail) = path.strip_prefix(prefix) else {
                // An index out of order: looked at rather than missed.
                self.file(first, None);
                rest = &rest[1..];
                continue;
            };
            let (name, is_folder) = match tail.find_byte(b'/') {
                Some(end) => (&tail[..end], true),
                None => (tail, false),
            };
            let known = names.binary_search_by(|entry| entry.name.as_slice().cmp(name)).ok();
            if is_folder {
                let below = path[..=prefix.len() + name.len()].to_vec();
                let size = rest.partition_point(|entry| entry.path(self.index).starts_with(&below)).max(1);
                let (inside, after) = rest.split_at(size);
                rest = after;
                let head = known.filter(|at| names[*at].is_folder);
                head.inspect(|at| seen[*at] = true);
                if first.mode == Mode::DIR {
                    self.sparse_folder(&below, head.map(|at| names[at].id), own_id(&first.id));
                } else {
                    self.folder(&below, head.map(|at| names[at].id), known_below.get(name).copied(), inside);
                }
            } else {
                rest = &rest[1..];
                let head = known.filter(|at| !names[*at].is_folder);
                head.inspect(|at| seen[*at] = true);
                self.file(first, head.map(|at| names[at].id));
            }
        }
        let removed = names.into_iter().zip(seen).filter(|(_, seen)| !seen).map(|(entry, _)| entry);
        self.removed.extend(removed);
    }

    fn file(&mut self, entry: &Entry, head: Option<ObjectId>) {
        let id = own_id(&entry.id);
        if entry.mode == Mode::COMMIT || entry.flags.contains(Flags::INTENT_TO_ADD) || head == Some(id) {
            return;
        }
        self.changes.files.push(Staged { path: entry.path(self.index).to_str_lossy().into_owned(), id });
    }

    /// A folder outside of a sparse checkout: the index holds its tree in place of its files.
    fn sparse_folder(&mut self, prefix: &[u8], head: Option<ObjectId>, id: ObjectId) {
        if head == Some(id) {
            return;
        }
        let old = head.map(|id| self.tree(prefix, id)).unwrap_or_default();
        for entry in self.tree(prefix, id) {
            let path = [prefix, &entry.name].concat();
            let before = old.iter().find(|other| other.name == entry.name && other.is_folder == entry.is_folder);
            if entry.is_folder {
                self.sparse_folder(&[&path, &b"/"[..]].concat(), before.map(|entry| entry.id), entry.id);
            } else if before.is_none_or(|before| before.id != entry.id) {
                self.changes.files.push(Staged { path: path.to_str_lossy().into_owned(), id: entry.id });
            }
        }
    }

    fn tree(&mut self, path: &[u8], id: ObjectId) -> Vec<HeadEntry> {
        match self.repository.read_small(id) {
            Ok(bytes) => head_entries(&bytes),
            Err(error) => {
                let path = path.to_str_lossy().into_owned();
                // Everything below counts as new then: scanned rather than missed.
                self.changes.warnings.push(Warning::note("missing-object", path, error.to_string()));
                Vec::new()
            }
        }
    }

    /// Takes out pure renames: content that `HEAD` has at a path which is gone from the index.
    fn finish(mut self) -> StagedChanges {
        if !self.changes.files.is_empty() && !self.removed.is_empty() {
            let removed = self.removed_blobs();
            self.changes.files.retain(|file| !removed.contains(&file.id));
            self.changes.removed = removed;
        }
        self.changes.files.sort();
        self.changes.files.dedup();
        self.changes
    }

    fn removed_blobs(&mut self) -> HashSet<ObjectId> {
        let mut blobs = HashSet::new();
        while let Some(entry) = self.removed.pop() {
            if entry.is_folder {
                let below = self.tree(&entry.name, entry.id);
                self.removed.extend(below);
            } else {
                blobs.insert(entry.id);
            }
        }
        blobs
    }
}

fn head_entries(bytes: &[u8]) -> Vec<HeadEntry> {
    let entries = gix::objs::TreeRefIter::from_bytes(bytes, gix::hash::Kind::Sha1).filter_map(Result::ok);
    let files = entries.filter(|entry| !entry.mode.is_commit());
    files
        .map(|entry| HeadEntry {
            name: entry.filename.to_vec(),
            id: own_id(entry.oid),
            is_folder: entry.mode.is_tree(),
        })
        .collect()
}
