//! New commits told from known ones: walked from the newest on until only known ones are left, as git does.
//!
//! A clock that was wrong makes a commit count as new that is not, never the other way round.

use super::message;
use super::objects::Kind;
use super::repository::{Repository, parse_id};
use crate::blob::ObjectId;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// A commit as far as the walk has come with it.
pub(super) struct Seen {
    pub tree: ObjectId,
    /// None where a shallow clone left them out.
    pub parents: Vec<ObjectId>,
    pub time: i64,
    pub is_known: bool,
    /// What it was when its parents were last told.
    told: Option<bool>,
}

/// The walk.
pub(super) struct Frontier<'a> {
    repository: &'a Repository,
    /// Commits whose parents a shallow clone left out.
    pub shallow: HashSet<ObjectId>,
    pub seen: HashMap<ObjectId, Seen>,
    /// Parents that are not here, with a commit that was new when it named them.
    pub absent: HashMap<ObjectId, ObjectId>,
    /// Commits that were new when their turn came, children mostly before parents.
    pub order: Vec<ObjectId>,
    queue: BinaryHeap<(i64, ObjectId)>,
    /// New commits in the queue.
    open: usize,
}

impl<'a> Frontier<'a> {
    /// Nothing is walked yet.
    pub fn new(repository: &'a Repository) -> Frontier<'a> {
        Frontier {
            repository,
            shallow: repository.shallow_roots().into_iter().collect(),
            seen: HashMap::new(),
            absent: HashMap::new(),
            order: Vec::new(),
            queue: BinaryHeap::new(),
            open: 0,
        }
    }

    /// Queues a commit; `false` when there is none that can be read.
    pub fn mark(&mut self, id: ObjectId, is_known: bool) -> bool {
        if let Some(seen) = self.seen.get_mut(&id) {
            if is_known && !seen.is_known {
                seen.is_known = true;
                self.open -= usize::from(seen.told.is_none());
                self.queue.push((seen.time, id));
            }
            return true;
        }
        let Some((tree, mut parents, time)) = read(self.repository, id) else { return false };
        if self.shallow.contains(&id) {
            parents.clear();
        }
        self.seen.insert(id, Seen { tree, parents, time, is_known, told: None });
        self.open += usize::from(!is_known);
        self.queue.push((time, id));
        true
    }

    /// Walks until only known commits are left; `false` when there are more than `most` new ones.
    pub fn run(&mut self, most: usize) -> bool {
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
            for parent in seen.parents.clone() {
                if !self.mark(parent, is_known) && !is_known {
                    self.absent.insert(parent, id);
                }
            }
            if self.order.len() > most {
                return false;
            }
        }
        self.settle();
        true
    }

    /// Tells the ancestors of known commits that were taken for new ones before.
    fn settle(&mut self) {
        let known = self.seen.iter().filter(|(_, seen)| seen.is_known);
        let mut pending: Vec<ObjectId> = known.map(|(id, _)| *id).collect();
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
}

/// A commit's tree, the parents that it names, here or not, and its time; `None` when it cannot be read or is no commit.
pub(super) fn read(repository: &Repository, id: ObjectId) -> Option<(ObjectId, Vec<ObjectId>, i64)> {
    let Ok((Kind::Commit, bytes)) = repository.read_with_kind(id) else { return None };
    let tree = ids(&bytes, b"tree ").next()?;
    let parents = ids(&bytes, b"parent ").collect();
    Some((tree, parents, message::committer_time(&bytes)))
}

/// The ids of a header that may be repeated.
pub(super) fn ids<'b>(bytes: &'b [u8], field: &'b [u8]) -> impl Iterator<Item = ObjectId> + 'b {
    let headers = &bytes[..message::message_range(bytes).start];
    let lines = headers.split(|byte| *byte == b'\n');
    lines.filter_map(move |line| parse_id(line.strip_prefix(field)?.trim_ascii_end()))
}
