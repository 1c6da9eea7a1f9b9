//! What a commit changed: the blobs that none of its parents had, at that path or moved away from another.

use super::graph::{Commit, Graph, NONE};
use super::objects::{Objects, Reader};
use super::trees::raw_entries;
use crate::blob::ObjectId;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// New content: a blob, the commit that brought it, and where.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Change {
    /// The blob's number.
    pub blob: u32,
    /// Where it came to be.
    pub path: String,
    /// The commit's position in the graph.
    pub commit: u32,
}

/// An object that a commit's tree names and the database does not hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AbsentContent {
    /// What is missing.
    pub id: ObjectId,
    /// Where it belongs.
    pub path: String,
}

/// The new content of some commits.
#[derive(Debug, Default)]
pub struct Changes {
    /// In no particular order.
    pub new: Vec<Change>,
    /// In no particular order.
    pub absent: Vec<AbsentContent>,
}

/// Lists the new content of each of the commits at `positions`.
pub fn changes(objects: &Objects, graph: &Graph, positions: &[u32], threads: usize) -> Changes {
    // Neighbours share most trees: a thread takes a run of them.
    const RUN: usize = 32;
    let next = AtomicUsize::new(0);
    let work = || {
        let mut comparison = Comparison::of_objects(objects);
        let mut changes = Changes::default();
        while let Some(rest) = positions.get(next.fetch_add(RUN, Ordering::Relaxed)..) {
            let run = &rest[..rest.len().min(RUN)];
            run.iter().for_each(|position| changes.add(objects, graph, *position, &mut comparison));
            if rest.len() <= RUN {
                break;
            }
        }
        changes.absent.append(&mut comparison.absent);
        changes
    };
    let threads = threads.clamp(1, positions.len().div_ceil(RUN).max(1));
    if threads == 1 {
        return work();
    }
    std::thread::scope(|scope| {
        let started: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        let mut all = Changes::default();
        for changes in started.into_iter().filter_map(|thread| thread.join().ok()) {
            all.new.extend(changes.new);
            all.absent.extend(changes.absent);
        }
        all
    })
}

impl Changes {
    /// Adds the new content of one commit.
    fn add(&mut self, objects: &Objects, graph: &Graph, position: u32, comparison: &mut Comparison) {
        let root = |commit: &Commit| (commit.tree != NONE).then(|| objects.id(commit.tree));
        let Some(tree) = root(&graph.commits[position as usize]) else { return };
        let parents = graph.parents(position).iter();
        let parents: Vec<ObjectId> = parents.filter_map(|parent| root(&graph.commits[*parent as usize])).collect();
        for (id, path) in comparison.new_content(tree, &parents) {
            match objects.find(&id) {
                Some(blob) => self.new.push(Change { blob, path, commit: position }),
                None => self.absent.push(AbsentContent { id, path }),
            }
        }
    }
}

struct File {
    name: Box<[u8]>,
    id: ObjectId,
    is_tree: bool,
}

/// Reads a tree's bytes; `None` when they cannot be had.
pub type ReadTree<'a> = Box<dyn FnMut(ObjectId) -> Option<Vec<u8>> + 'a>;

/// Compares trees with those of their parents; trees are read once.
pub struct Comparison<'a> {
    read: ReadTree<'a>,
    trees: HashMap<ObjectId, Rc<[File]>>,
    /// What trees name and `read` does not have.
    pub absent: Vec<AbsentContent>,
    /// Of the commit at hand: blobs not seen yet at their path, blobs the parents had there, those of them whose path
    /// is gone, folders they had.
    candidates: Vec<(ObjectId, String)>,
    old: HashSet<ObjectId>,
    removed: HashSet<ObjectId>,
    gone: Vec<ObjectId>,
    /// Folders to compare with the same folder in the parents that have it. A list: trees nest as deep as their author likes.
    pending: Vec<(String, ObjectId, Vec<ObjectId>)>,
}

impl<'a> Comparison<'a> {
    /// A comparison of trees that `read` gives.
    pub fn new(read: ReadTree<'a>) -> Comparison<'a> {
        Comparison {
            read,
            trees: HashMap::new(),
            absent: Vec::new(),
            candidates: Vec::new(),
            old: HashSet::new(),
            removed: HashSet::new(),
            gone: Vec::new(),
            pending: Vec::new(),
        }
    }

    fn of_objects(objects: &'a Objects) -> Comparison<'a> {
        let mut reader = Reader::default();
        let read = move |tree| objects.read(objects.find(&tree)?, &mut reader).ok().map(|(_, bytes)| bytes);
        Comparison::new(Box::new(read))
    }

    /// The blobs of `tree`, with their paths, that no parent had there and that are no pure renames.
    pub fn new_content(&mut self, tree: ObjectId, parents: &[ObjectId]) -> Vec<(ObjectId, String)> {
        self.compare(tree, parents);
        if !self.candidates.is_empty() {
            self.look_into_gone_folders();
        }
        let mut new = std::mem::take(&mut self.candidates);
        new.retain(|(id, _)| !self.old.contains(id));
        self.forget();
        new
    }

    /// The blobs whose path the parents had and `tree` has not: removed files, and the old names of renamed ones.
    pub fn removed_content(&mut self, tree: ObjectId, parents: &[ObjectId]) -> HashSet<ObjectId> {
        self.compare(tree, parents);
        self.look_into_gone_folders();
        let removed = std::mem::take(&mut self.removed);
        self.forget();
        removed
    }

    /// Every blob below a tree.
    pub fn all_content(&mut self, tree: ObjectId, blobs: &mut HashSet<ObjectId>, seen: &mut HashSet<ObjectId>) {
        let mut pending = vec![tree];
        while let Some(tree) = pending.pop() {
            if seen.insert(tree) {
                for file in self.files("", tree).iter() {
                    match file.is_tree {
                        true => pending.push(file.id),
                        false => _ = blobs.insert(file.id),
                    }
                }
            }
        }
    }

    /// The blob at `path` below `tree`.
    pub fn at_path(&mut self, tree: ObjectId, path: &str) -> Option<ObjectId> {
        let (mut folder, mut names) = (tree, path.split('/').peekable());
        while let Some(name) = names.next() {
            let is_tree = names.peek().is_some();
            let files = self.files("", folder);
            let file = files.iter().find(|file| *file.name == *name.as_bytes() && file.is_tree == is_tree)?;
            folder = file.id;
        }
        Some(folder)
    }

    fn compare(&mut self, tree: ObjectId, parents: &[ObjectId]) {
        self.pending.push((String::new(), tree, parents.to_vec()));
        while let Some((prefix, tree, parents)) = self.pending.pop() {
            self.folder(&prefix, tree, &parents);
        }
    }

    fn folder(&mut self, prefix: &str, tree: ObjectId, parents: &[ObjectId]) {
        if parents.contains(&tree) {
            return;
        }
        let files = self.files(prefix, tree);
        let before: Vec<Rc<[File]>> = parents.iter().map(|parent| self.files(prefix, *parent)).collect();
        let before: Vec<HashMap<&[u8], &File>> =
            before.iter().map(|files| files.iter().map(|file| (&*file.name, file)).collect()).collect();
        for file in files.iter() {
            let same_name = before.iter().filter_map(|files| files.get(&*file.name).copied());
            let path = || format!("{prefix}{}", String::from_utf8_lossy(&file.name));
            if file.is_tree {
                let folders: Vec<ObjectId> = same_name.filter(|file| file.is_tree).map(|file| file.id).collect();
                self.pending.push((path() + "/", file.id, folders));
            } else if same_name.clone().all(|other| other.is_tree || other.id != file.id) {
                self.candidates.push((file.id, path()));
            }
        }
        let names: HashMap<&[u8], &File> = files.iter().map(|file| (&*file.name, file)).collect();
        for file in before.iter().flat_map(|files| files.values()) {
            match names.get(&*file.name) {
                Some(now) if now.id == file.id || (now.is_tree && file.is_tree) => {}
                _ if file.is_tree => self.gone.push(file.id),
                now => {
                    self.old.insert(file.id);
                    if now.is_none_or(|now| now.is_tree) {
                        self.removed.insert(file.id);
                    }
                }
            }
        }
    }

    /// Starts afresh for another commit.
    fn forget(&mut self) {
        self.candidates.clear();
        self.old.clear();
        self.removed.clear();
        self.gone.clear();
        if self.trees.len() > 4096 {
            self.trees.clear();
        }
    }

    fn look_into_gone_folders(&mut self) {
        let (gone, mut seen) = (std::mem::take(&mut self.gone), HashSet::new());
        let mut blobs = HashSet::new();
        gone.into_iter().for_each(|tree| self.all_content(tree, &mut blobs, &mut seen));
        self.old.extend(&blobs);
        self.removed.extend(blobs);
    }

    fn files(&mut self, prefix: &str, tree: ObjectId) -> Rc<[File]> {
        if let Some(files) = self.trees.get(&tree) {
            return files.clone();
        }
        let read = (self.read)(tree);
        if read.is_none() {
            let path = prefix.trim_end_matches('/').to_owned();
            self.absent.push(AbsentContent { id: tree, path });
        }
        let bytes = read.unwrap_or_default();
        let entries = raw_entries(&bytes).filter(|entry| !entry.is_link);
        let files: Rc<[File]> =
            entries.map(|entry| File { name: entry.name.into(), id: entry.id, is_tree: entry.is_tree }).collect();
        self.trees.insert(tree, files.clone());
        files
    }
}
