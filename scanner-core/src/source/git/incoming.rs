//! What a push brings: the commits that the other side lacks and their new content, at a cost that follows the push and not
//! the repository.
//!
//! Commits are walked from the newest on until only known ones are left, as git does. A clock that was wrong makes a
//! commit count as new that is not, never the other way round.

use super::changes::Comparison;
use super::message;
use super::objects::Kind;
use super::repository::{GitError, Repository, parse_id};
use super::selection::Push;
use crate::blob::{Introduction, ObjectId};
use crate::warning::Warning;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// A push of more commits is for the walk over whole packs, which reads each object once.
const MANY: usize = 1_000;

/// A commit that the other side lacks.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Its id.
    pub id: ObjectId,
    /// Its root tree.
    pub tree: ObjectId,
    /// The root trees of its parents.
    pub parents: Vec<ObjectId>,
    /// Its author and time.
    pub introduction: Option<Introduction>,
    /// The whole object: headers and message.
    pub bytes: Vec<u8>,
}

/// New content at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewFile {
    /// The blob.
    pub blob: ObjectId,
    /// Where it came to be; empty for a blob that a tag names.
    pub path: String,
    /// The place of its commit in the list; `None` for a blob that a tag names.
    pub commit: Option<usize>,
}

/// An annotated tag.
#[derive(Clone, Debug)]
pub struct Tag {
    /// Its id.
    pub id: ObjectId,
    /// The whole object.
    pub bytes: Vec<u8>,
    /// Its tagger and time.
    pub introduction: Option<Introduction>,
}

/// What a push brings.
#[derive(Debug, Default)]
pub struct Incoming {
    /// The oldest first.
    pub commits: Vec<Commit>,
    /// The new content of the commits, each blob and path once, with the first commit that has it.
    pub files: Vec<NewFile>,
    /// Annotated tags on the way to the commits.
    pub tags: Vec<Tag>,
    /// What is missing.
    pub warnings: Vec<Warning>,
}

/// Lists what a push brings; `None` when it is so much that the whole object database is better walked.
pub fn incoming(repository: &Repository, push: &Push) -> Result<Option<Incoming>, GitError> {
    let mut walk = Walk::new(repository);
    let mut incoming = Incoming::default();
    for id in &push.known {
        walk.start(*id, true, &mut incoming).ok();
    }
    // A tag that the other side has is not new.
    incoming = Incoming::default();
    for id in &push.wanted {
        walk.start(*id, false, &mut incoming)?;
    }
    if !walk.run() {
        return Ok(None);
    }
    walk.collect(&mut incoming);
    Ok(Some(incoming))
}

/// A commit as far as the walk has come with it.
struct Seen {
    tree: ObjectId,
    parents: Vec<ObjectId>,
    time: i64,
    is_known: bool,
    /// What it was when its parents were last told.
    told: Option<bool>,
}

struct Walk<'a> {
    repository: &'a Repository,
    shallow: HashSet<ObjectId>,
    seen: HashMap<ObjectId, Seen>,
    absent: HashMap<ObjectId, ObjectId>,
    queue: BinaryHeap<(i64, ObjectId)>,
    /// New commits in the queue.
    open: usize,
    /// New commits, children mostly before parents.
    order: Vec<ObjectId>,
}

impl<'a> Walk<'a> {
    fn new(repository: &'a Repository) -> Walk<'a> {
        Walk {
            repository,
            shallow: repository.shallow_roots().into_iter().collect(),
            seen: HashMap::new(),
            absent: HashMap::new(),
            queue: BinaryHeap::new(),
            open: 0,
            order: Vec::new(),
        }
    }

    /// Begins at what a name points to, through annotated tags.
    fn start(&mut self, mut id: ObjectId, is_known: bool, incoming: &mut Incoming) -> Result<(), GitError> {
        // A tag names an object that existed before it: the chain ends, and 100 is beyond any real one.
        for _ in 0..100 {
            let (kind, bytes) = self.repository.read_with_kind(id)?;
            match kind {
                Kind::Commit => {
                    self.push(id, is_known);
                    return Ok(());
                }
                Kind::Blob => {
                    incoming.files.push(NewFile { blob: id, path: String::new(), commit: None });
                    return Ok(());
                }
                Kind::Tree => {
                    let mut comparison = self.comparison();
                    let new = comparison.new_content(id, &[]);
                    incoming.files.extend(new.into_iter().map(|(blob, path)| NewFile { blob, path, commit: None }));
                    return Ok(());
                }
                Kind::Tag => {
                    let target = header(&bytes, b"object ").next();
                    let introduction = message::introduction(id, kind, &bytes);
                    incoming.tags.push(Tag { id, bytes, introduction });
                    let broken = || GitError::Object { id, reason: "it is a tag of nothing".to_owned() };
                    id = target.ok_or_else(broken)?;
                }
            }
        }
        Err(GitError::Object { id, reason: "it is a tag of too many tags".to_owned() })
    }

    fn push(&mut self, id: ObjectId, is_known: bool) -> bool {
        if let Some(seen) = self.seen.get_mut(&id) {
            if is_known && !seen.is_known {
                seen.is_known = true;
                if seen.told.is_none() {
                    self.open -= 1;
                }
                self.queue.push((seen.time, id));
            }
            return true;
        }
        let Ok((Kind::Commit, bytes)) = self.repository.read_with_kind(id) else { return false };
        let Some(tree) = header(&bytes, b"tree ").next() else { return false };
        let parents = if self.shallow.contains(&id) { Vec::new() } else { header(&bytes, b"parent ").collect() };
        let time = message::committer_time(&bytes);
        self.seen.insert(id, Seen { tree, parents, time, is_known, told: None });
        self.open += usize::from(!is_known);
        self.queue.push((time, id));
        true
    }

    /// Walks until only known commits are left; `false` when there are too many new ones.
    fn run(&mut self) -> bool {
        while self.open > 0 {
            let Some((_, id)) = self.queue.pop() else { break };
            let Some(seen) = self.seen.get_mut(&id) else { continue };
            let is_known = seen.is_known;
            match seen.told.replace(is_known) {
                Some(told) if told == is_known => continue,
                None if !is_known => {
                    self.open -= 1;
                    self.order.push(id);
                }
                _ => {}
            }
            let parents = seen.parents.clone();
            for parent in parents {
                if !self.push(parent, is_known) && !is_known {
                    self.absent.insert(parent, id);
                }
            }
            if self.order.len() > MANY {
                return false;
            }
        }
        self.settle();
        true
    }

    /// Tells the ancestors of known commits that were taken for new ones before.
    fn settle(&mut self) {
        let mut pending: Vec<ObjectId> =
            self.seen.iter().filter(|(_, seen)| seen.is_known).map(|(id, _)| *id).collect();
        while let Some(id) = pending.pop() {
            let parents = self.seen.get(&id).map(|seen| seen.parents.clone()).unwrap_or_default();
            for parent in parents {
                if let Some(seen) = self.seen.get_mut(&parent).filter(|seen| !seen.is_known) {
                    seen.is_known = true;
                    pending.push(parent);
                }
            }
        }
    }

    fn comparison(&self) -> Comparison<'a> {
        let repository = self.repository;
        Comparison::new(Box::new(move |tree| repository.read_small(tree).ok()))
    }

    fn collect(&mut self, incoming: &mut Incoming) {
        let new: Vec<ObjectId> = self.order.iter().rev().filter(|id| !self.seen[id].is_known).copied().collect();
        let (mut comparison, mut had) = (self.comparison(), HashSet::new());
        for id in new {
            let Ok((kind, bytes)) = self.repository.read_with_kind(id) else { continue };
            let seen = &self.seen[&id];
            let parents = seen.parents.iter().filter_map(|parent| Some(self.seen.get(parent)?.tree)).collect();
            let introduction = message::introduction(id, kind, &bytes);
            let commit = Commit { id, tree: seen.tree, parents, introduction, bytes };
            for (blob, path) in comparison.new_content(commit.tree, &commit.parents) {
                if had.insert((blob, path.clone())) {
                    incoming.files.push(NewFile { blob, path, commit: Some(incoming.commits.len()) });
                }
            }
            if self.shallow.contains(&id) {
                let message = "the clone is shallow: history before it was not fetched (`git fetch --unshallow`)";
                incoming.warnings.push(Warning::unscanned("shallow-history", id.to_string(), message));
            }
            incoming.commits.push(commit);
        }
        let is_new = |commit: &ObjectId| self.seen.get(commit).is_some_and(|seen| !seen.is_known);
        for (parent, _) in self.absent.iter().filter(|(_, commit)| is_new(commit)) {
            let message = "this commit is missing from the repository";
            incoming.warnings.push(Warning::unscanned("missing-object", parent.to_string(), message));
        }
        for absent in std::mem::take(&mut comparison.absent) {
            let message = format!("object {} is missing from the repository", absent.id);
            incoming.warnings.push(Warning::unscanned("missing-object", absent.path, message));
        }
    }
}

/// The ids of a header that may be repeated.
fn header<'b>(bytes: &'b [u8], field: &'b [u8]) -> impl Iterator<Item = ObjectId> + 'b {
    let headers = &bytes[..message::message_range(bytes).start];
    let lines = headers.split(|byte| *byte == b'\n');
    lines.filter_map(move |line| parse_id(line.strip_prefix(field)?.trim_ascii_end()))
}
