//! The graph of commits: one walk over all commits and tags into compact tables.
//!
//! Positions are in order of the commits' ids, so that everything derived is the same for any thread count.

use super::objects::{Kind, Kinds, Objects, Visit, Visitor};
use super::repository::parse_id;
use crate::blob::ObjectId;
use crate::warning::Warning;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// No commit, no object.
pub const NONE: u32 = u32::MAX;

/// A commit's place in the graph.
#[derive(Clone, Debug)]
pub struct Commit {
    /// Its number in the object database.
    pub object: u32,
    /// Its root tree's number; `NONE` when missing.
    pub tree: u32,
    /// Committer time: seconds since 1970-01-01 UTC.
    pub time: i64,
    parents: (u32, u32),
}

/// An object that a commit names and the database does not hold.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Absent {
    /// What is missing.
    pub id: ObjectId,
    /// The position of the commit that names it.
    pub commit: u32,
    /// `commit` or `tree`.
    pub kind: &'static str,
}

/// All commits and annotated tags of a repository, reachable or not.
pub struct Graph {
    /// In order of their ids.
    pub commits: Vec<Commit>,
    /// What commits name and is not there; parents beyond a shallow boundary are not in the list.
    pub absent: Vec<Absent>,
    /// Positions of commits whose parents a shallow clone left out.
    pub cut: HashSet<u32>,
    /// Commits and tags that could not be read.
    pub warnings: Vec<Warning>,
    parents: Vec<u32>,
    position: Vec<u32>,
    targets: HashMap<u32, Option<u32>>,
}

impl Graph {
    /// Reads every commit and tag; parents of `shallow` commits are left out, as git does.
    pub fn read(objects: &Objects, shallow: &[ObjectId], threads: usize) -> Graph {
        let kinds = Kinds::of(&[Kind::Commit, Kind::Tag]);
        let walked = objects.walk(kinds, &|_| true, threads, &|| Collector::new(objects));
        let mut raw: Vec<RawCommit> = Vec::new();
        let mut targets = HashMap::new();
        let mut warnings = walked.warnings;
        for visitor in walked.visitors {
            warnings.extend(visitor.warnings);
            raw.extend(visitor.commits);
            targets.extend(visitor.targets);
        }
        raw.sort_by_cached_key(|commit| objects.id(commit.object));
        let mut graph = Graph {
            commits: Vec::with_capacity(raw.len()),
            absent: Vec::new(),
            cut: HashSet::new(),
            warnings,
            parents: Vec::new(),
            position: vec![NONE; objects.len()],
            targets,
        };
        for (position, commit) in raw.iter().enumerate() {
            graph.position[commit.object as usize] = position as u32;
        }
        let shallow: HashSet<u32> = shallow.iter().filter_map(|id| objects.find(id)).collect();
        raw.iter().for_each(|commit| graph.add(objects, commit, shallow.contains(&commit.object)));
        graph
    }

    fn add(&mut self, objects: &Objects, raw: &RawCommit, is_cut: bool) {
        let position = self.commits.len() as u32;
        let tree = objects.find(&raw.tree).unwrap_or(NONE);
        if tree == NONE {
            self.absent.push(Absent { id: raw.tree, commit: position, kind: "tree" });
        }
        let first = self.parents.len() as u32;
        if is_cut {
            if raw.parents.iter().any(|parent| objects.find(parent).is_none()) {
                self.cut.insert(position);
            }
        } else {
            for id in &raw.parents {
                match objects.find(id).map(|object| self.position[object as usize]) {
                    Some(parent) if parent != NONE => self.parents.push(parent),
                    // Present and unreadable: the walk has warned.
                    Some(_) => {}
                    None => self.absent.push(Absent { id: *id, commit: position, kind: "commit" }),
                }
            }
        }
        let parents = (first, self.parents.len() as u32);
        self.commits.push(Commit { object: raw.object, tree, time: raw.time, parents });
    }

    /// The position of the commit that is this object.
    pub fn position(&self, object: u32) -> Option<u32> {
        self.position.get(object as usize).copied().filter(|position| *position != NONE)
    }

    /// The positions of a commit's parents.
    pub fn parents(&self, position: u32) -> &[u32] {
        let (first, end) = self.commits[position as usize].parents;
        &self.parents[first as usize..end as usize]
    }

    /// Follows annotated tags to what they name; hands each tag on the way to `seen`. `None` when it is missing.
    pub fn peel(&self, mut object: u32, mut seen: impl FnMut(u32)) -> Option<u32> {
        // A tag names an object that existed before it: the chain ends, and 100 is beyond any real one.
        for _ in 0..100 {
            match self.targets.get(&object) {
                Some(target) => {
                    seen(object);
                    object = (*target)?;
                }
                None => return Some(object),
            }
        }
        None
    }

    /// Marks the commits that can be reached from `starts`, themselves included.
    pub fn ancestors(&self, starts: impl IntoIterator<Item = u32>) -> Vec<bool> {
        let mut reached = vec![false; self.commits.len()];
        let mut pending: Vec<u32> = starts.into_iter().collect();
        while let Some(position) = pending.pop() {
            if !std::mem::replace(&mut reached[position as usize], true) {
                pending.extend(self.parents(position));
            }
        }
        reached
    }

    /// The marked commits, parents before children, among equals the oldest first, then by id.
    pub fn oldest_first(&self, marked: &[bool]) -> Vec<u32> {
        let mut waiting = vec![0u32; self.commits.len()];
        let mut children: Vec<(u32, u32)> = Vec::new();
        let mut ready = BinaryHeap::new();
        let all = || (0..self.commits.len() as u32).filter(|position| marked[*position as usize]);
        for position in all() {
            let parents = self.parents(position).iter().filter(|parent| marked[**parent as usize]);
            children.extend(parents.map(|parent| (*parent, position)));
        }
        children.iter().for_each(|(_, child)| waiting[*child as usize] += 1);
        children.sort_unstable();
        let key = |position: u32| Reverse((self.commits[position as usize].time, position));
        ready.extend(all().filter(|position| waiting[*position as usize] == 0).map(key));
        let mut order = Vec::new();
        while let Some(Reverse((_, position))) = ready.pop() {
            order.push(position);
            let first = children.partition_point(|(parent, _)| *parent < position);
            for (_, child) in children[first..].iter().take_while(|(parent, _)| *parent == position) {
                waiting[*child as usize] -= 1;
                if waiting[*child as usize] == 0 {
                    ready.push(key(*child));
                }
            }
        }
        order
    }
}

struct RawCommit {
    object: u32,
    tree: ObjectId,
    time: i64,
    parents: Vec<ObjectId>,
}

struct Collector<'a> {
    objects: &'a Objects,
    commits: Vec<RawCommit>,
    targets: Vec<(u32, Option<u32>)>,
    warnings: Vec<Warning>,
}

impl<'a> Collector<'a> {
    fn new(objects: &'a Objects) -> Collector<'a> {
        Collector { objects, commits: Vec::new(), targets: Vec::new(), warnings: Vec::new() }
    }
}

impl Visitor for Collector<'_> {
    type State = ();

    fn visit(&mut self, visit: &Visit<'_, ()>, _: &mut ()) {
        if visit.only_as_base {
            return;
        }
        match visit.kind {
            Kind::Commit => match parse_commit(visit.object, visit.bytes) {
                Some(commit) => self.commits.push(commit),
                None => {
                    let id = self.objects.id(visit.object).to_string();
                    self.warnings.push(Warning::unscanned("corrupt-object", id, "a commit's headers cannot be read"));
                }
            },
            Kind::Tag => {
                let id = visit.bytes.strip_prefix(b"object ").and_then(|rest| parse_id(rest.get(..40)?));
                self.targets.push((visit.object, id.and_then(|id| self.objects.find(&id))));
            }
            _ => {}
        }
    }
}

fn parse_commit(object: u32, bytes: &[u8]) -> Option<RawCommit> {
    let mut commit = RawCommit { object, tree: ObjectId([0; 20]), time: 0, parents: Vec::new() };
    for line in bytes.split(|byte| *byte == b'\n').take_while(|line| !line.is_empty()) {
        if let Some(id) = line.strip_prefix(b"parent ") {
            commit.parents.push(parse_id(id)?);
        } else if let Some(id) = line.strip_prefix(b"tree ") {
            commit.tree = parse_id(id)?;
        } else if let Some(person) = line.strip_prefix(b"committer ") {
            commit.time = super::message::person(person).1;
            break;
        }
    }
    Some(commit)
}
