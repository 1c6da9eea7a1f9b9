//! Which commits some names reach and others do not, and whether a shallow clone shows all of them.
//!
//! Commits are walked from the newest on until only known ones are left, so that the cost follows what is new. A clock
//! that was wrong makes a commit count as new that is not, never the other way round.

use super::message::person;
use super::repository::{GitError, Repository, parse_id};
use crate::blob::ObjectId;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// What some names reach and others do not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reach {
    /// New commits.
    pub commits: usize,
    /// Annotated tags on the way to them.
    pub tags: usize,
    /// New commits whose parents a shallow clone left out: what lies behind them is not here.
    pub cut: Vec<ObjectId>,
    /// Known commits, younger than the oldest new one, whose parents a shallow clone left out: what is behind them may
    /// count as new here and be known.
    pub blurred: Vec<ObjectId>,
}

/// Looks what `wanted` reaches and `known` does not; a known object that is not here is passed over.
pub fn reach(repository: &Repository, wanted: &[ObjectId], known: &[ObjectId]) -> Result<Reach, GitError> {
    let mut walk = Walk::new(repository);
    for id in known {
        if let Ok((commit, _)) = peel(repository, *id) {
            walk.mark(commit, true);
        }
    }
    let mut tags = HashSet::new();
    for id in wanted {
        let (commit, passed) = peel(repository, *id)?;
        tags.extend(passed);
        if !walk.mark(commit, false) {
            let reason = "it is no commit that can be read".to_owned();
            return Err(GitError::Object { id: commit, reason });
        }
    }
    walk.run();
    Ok(walk.result(tags.len()))
}

/// The parents that a commit names, here or not; `None` when it cannot be read or is no commit.
pub fn parents(repository: &Repository, id: ObjectId) -> Option<Vec<ObjectId>> {
    read(repository, id).map(|commit| commit.parents)
}

/// Whether an object is here.
pub fn is_here(repository: &Repository, id: ObjectId) -> bool {
    repository.read_small(id).is_ok()
}

/// Follows annotated tags to what they name.
fn peel(repository: &Repository, mut id: ObjectId) -> Result<(ObjectId, Vec<ObjectId>), GitError> {
    let mut tags = Vec::new();
    // A tag names an object that existed before it: the chain ends, and 100 is beyond any real one.
    for _ in 0..100 {
        let bytes = repository.read_small(id)?;
        match bytes.strip_prefix(b"object ").and_then(|rest| parse_id(rest.get(..40)?)) {
            Some(target) => tags.push(std::mem::replace(&mut id, target)),
            None => return Ok((id, tags)),
        }
    }
    Err(GitError::Object { id, reason: "it is a tag of too many tags".to_owned() })
}

struct Commit {
    parents: Vec<ObjectId>,
    time: i64,
}

fn read(repository: &Repository, id: ObjectId) -> Option<Commit> {
    let bytes = repository.read_small(id).ok()?;
    bytes.starts_with(b"tree ").then_some(())?;
    let mut commit = Commit { parents: Vec::new(), time: 0 };
    for line in bytes.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty()) {
        if let Some(parent) = line.strip_prefix(b"parent ") {
            commit.parents.extend(parse_id(parent));
        } else if let Some(committer) = line.strip_prefix(b"committer ") {
            commit.time = person(committer).1;
        }
    }
    Some(commit)
}

struct Seen {
    commit: Commit,
    is_known: bool,
    /// What it was when its parents were last told.
    told: Option<bool>,
}

struct Walk<'a> {
    repository: &'a Repository,
    shallow: HashSet<ObjectId>,
    seen: HashMap<ObjectId, Seen>,
    queue: BinaryHeap<(i64, ObjectId)>,
    /// New commits in the queue.
    open: usize,
}

impl<'a> Walk<'a> {
    fn new(repository: &'a Repository) -> Walk<'a> {
        let shallow = repository.shallow_roots().into_iter().collect();
        Walk { repository, shallow, seen: HashMap::new(), queue: BinaryHeap::new(), open: 0 }
    }

    /// Queues a commit; `false` when it is not here.
    fn mark(&mut self, id: ObjectId, is_known: bool) -> bool {
        if let Some(seen) = self.seen.get_mut(&id) {
            if is_known && !seen.is_known {
                seen.is_known = true;
                self.open -= usize::from(seen.told.is_none());
                self.queue.push((seen.commit.time, id));
            }
            return true;
        }
        let Some(mut commit) = read(self.repository, id) else { return false };
        if self.shallow.contains(&id) {
            commit.parents.clear();
        }
        self.queue.push((commit.time, id));
        self.open += usize::from(!is_known);
        self.seen.insert(id, Seen { commit, is_known, told: None });
        true
    }

    fn run(&mut self) {
        while self.open > 0 {
            let Some((_, id)) = self.queue.pop() else { break };
            let Some(seen) = self.seen.get_mut(&id) else { continue };
            let is_known = seen.is_known;
            match seen.told.replace(is_known) {
                Some(told) if told == is_known => continue,
                None if !is_known => self.open -= 1,
                _ => {}
            }
            let parents = seen.commit.parents.clone();
            parents.into_iter().for_each(|parent| _ = self.mark(parent, is_known));
        }
        self.settle();
    }

    /// Tells the ancestors of known commits that were taken for new ones before.
    fn settle(&mut self) {
        let known = self.seen.iter().filter(|(_, seen)| seen.is_known);
        let mut pending: Vec<ObjectId> = known.map(|(id, _)| *id).collect();
        while let Some(id) = pending.pop() {
            let parents = self.seen.get(&id).map(|seen| seen.commit.parents.clone()).unwrap_or_default();
            for parent in parents {
                if let Some(seen) = self.seen.get_mut(&parent).filter(|seen| !seen.is_known) {
                    seen.is_known = true;
                    pending.push(parent);
                }
            }
        }
    }

    fn result(&self, tags: usize) -> Reach {
        let new = || self.seen.iter().filter(|(_, seen)| !seen.is_known);
        let oldest = new().map(|(_, seen)| seen.commit.time).min();
        // A root that git lists as shallow lacks nothing.
        let is_cut =
            |id: &ObjectId| self.shallow.contains(id) && parents(self.repository, *id).is_some_and(|p| !p.is_empty());
        let mut cut: Vec<ObjectId> = new().map(|(id, _)| *id).filter(|id| is_cut(id)).collect();
        let young = |seen: &Seen| oldest.is_some_and(|oldest| seen.commit.time >= oldest);
        let known = self.seen.iter().filter(|(_, seen)| seen.is_known && young(seen));
        let mut blurred: Vec<ObjectId> = known.map(|(id, _)| *id).filter(|id| is_cut(id)).collect();
        cut.sort();
        blurred.sort();
        Reach { commits: new().count(), tags, cut, blurred }
    }
}
