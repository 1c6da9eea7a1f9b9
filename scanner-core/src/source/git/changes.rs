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
        let mut comparison = Comparison::new(objects);
        while let Some(rest) = positions.get(next.fetch_add(RUN, Ordering::Relaxed)..) {
            let run = &rest[..rest.len().min(RUN)];
            run.iter().for_each(|position| comparison.commit(graph, *position));
            if rest.len() <= RUN {
                break;
            }
        }
        comparison.changes
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

struct File {
    name: Box<[u8]>,
    id: ObjectId,
    is_tree: bool,
}

struct Comparison<'a> {
    objects: &'a Objects,
    reader: Reader,
    trees: HashMap<ObjectId, Rc<[File]>>,
    changes: Changes,
    /// Of the commit at hand: blobs not seen yet at their path, blobs the parents had there, folders they had.
    candidates: Vec<(ObjectId, String)>,
    old: HashSet<ObjectId>,
    gone: Vec<ObjectId>,
    /// Folders to compare with the same folder in the parents that have it. A list: trees nest as deep as their author likes.
    pending: Vec<(String, ObjectId, Vec<ObjectId>)>,
}

impl<'a> Comparison<'a> {
    fn new(objects: &'a Objects) -> Comparison<'a> {
        Comparison {
            objects,
            reader: Reader::default(),
            trees: HashMap::new(),
            changes: Changes::default(),
            candidates: Vec::new(),
            old: HashSet::new(),
            gone: Vec::new(),
            pending: Vec::new(),
        }
    }

    fn commit(&mut self, graph: &Graph, position: u32) {
        let root = |commit: &Commit| (commit.tree != NONE).then(|| self.objects.id(commit.tree));
        let Some(tree) = root(&graph.commits[position as usize]) else {
            return;
        };
        let parents = graph.parents(position).iter();
        let parents: Vec<ObjectId> = parents.filter_map(|parent| root(&graph.commits[*parent as usize])).collect();
        self.pending.push((String::new(), tree, parents));
        while let Some((prefix, tree, parents)) = self.pending.pop() {
            self.folder(&prefix, tree, &parents);
        }
        self.keep(position);
        if self.trees.len() > 4096 {
            self.trees.clear();
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
                _ => _ = self.old.insert(file.id),
            }
        }
    }

    /// Keeps the candidates that are no pure renames, and starts afresh.
    fn keep(&mut self, position: u32) {
        if !self.candidates.is_empty() {
            self.look_into_gone_folders();
        }
        for (id, path) in std::mem::take(&mut self.candidates) {
            if self.old.contains(&id) {
                continue;
            }
            match self.objects.find(&id) {
                Some(blob) => self.changes.new.push(Change { blob, path, commit: position }),
                None => self.changes.absent.push(AbsentContent { id, path }),
            }
        }
        self.old.clear();
        self.gone.clear();
    }

    fn look_into_gone_folders(&mut self) {
        let mut seen = HashSet::new();
        while let Some(tree) = self.gone.pop() {
            if seen.insert(tree) {
                for file in self.files("", tree).iter() {
                    match file.is_tree {
                        true => self.gone.push(file.id),
                        false => _ = self.old.insert(file.id),
                    }
                }
            }
        }
    }

    fn files(&mut self, prefix: &str, tree: ObjectId) -> Rc<[File]> {
        if let Some(files) = self.trees.get(&tree) {
            return files.clone();
        }
        let read = self.objects.find(&tree).and_then(|object| self.objects.read(object, &mut self.reader).ok());
        if read.is_none() {
            let path = prefix.trim_end_matches('/').to_owned();
            self.changes.absent.push(AbsentContent { id: tree, path });
        }
        let bytes = read.map(|(_, bytes)| bytes).unwrap_or_default();
        let entries = raw_entries(&bytes).filter(|entry| !entry.is_link);
        let files: Rc<[File]> =
            entries.map(|entry| File { name: entry.name.into(), id: entry.id, is_tree: entry.is_tree }).collect();
        self.trees.insert(tree, files.clone());
        files
    }
}
