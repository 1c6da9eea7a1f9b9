//! Every tree of a repository in memory, each as what differs from the tree it is stored as a delta of.
//!
//! A pack stores most trees as "that other tree with one entry changed". Only the changed stretch is parsed: a
//! tree costs what its delta holds, and a history of 100 million entries fits in some ten million.

use super::graph::NONE;
use super::objects::{Kind, Kinds, Objects, Operation, Visit, Visitor};
use crate::blob::ObjectId;
use crate::warning::Warning;
use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::Mutex;

/// One name in a tree and what it stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Entry {
    /// The object's number; from `Trees::first_absent` on, one that is not in the database.
    pub child: u32,
    /// Its name's number.
    pub name: u32,
}

/// A tree as its difference from another: `base` without `removed`, with `added`.
#[derive(Clone, Copy, Debug)]
pub struct Tree {
    /// The tree's number in the object database.
    pub object: u32,
    /// The place of the tree it differs from, `NONE` for a tree given in full.
    pub base: u32,
    start: usize,
    added: u32,
    removed: u32,
}

/// All trees, reachable or not.
pub struct Trees {
    /// In no particular order; a place in this list names a tree.
    pub trees: Vec<Tree>,
    /// Objects that trees name and the database does not hold, numbered from `first_absent`.
    pub absent: Vec<ObjectId>,
    /// Trees that could not be read.
    pub warnings: Vec<Warning>,
    place: Vec<u32>,
    entries: Vec<Entry>,
    names: Vec<Box<[u8]>>,
}

impl Trees {
    /// Reads every tree of the database.
    pub fn read(objects: &Objects, threads: usize) -> Trees {
        let absent = Mutex::new(HashMap::new());
        let make = || Collector::new(objects, &absent);
        let walked = objects.walk(Kinds::of(&[Kind::Tree]), &|_| true, threads, &make);
        let mut all = Trees {
            trees: Vec::new(),
            absent: Vec::new(),
            warnings: walked.warnings,
            place: vec![NONE; objects.len()],
            entries: Vec::new(),
            names: Vec::new(),
        };
        let mut numbers = HashMap::new();
        for visitor in walked.visitors {
            all.add(visitor, &mut numbers);
        }
        all.link();
        let mut absent: Vec<(ObjectId, u32)> = absent.into_inner().unwrap_or_default().into_iter().collect();
        absent.sort_by_key(|(_, number)| *number);
        all.absent = absent.into_iter().map(|(id, _)| id).collect();
        all
    }

    fn add(&mut self, visitor: Collector<'_>, numbers: &mut HashMap<Box<[u8]>, u32>) {
        let renumbered = visitor.names.into_list().into_iter().map(|name| {
            *numbers.entry(name).or_insert_with_key(|name| {
                self.names.push(name.clone());
                self.names.len() as u32 - 1
            })
        });
        let renumbered: Vec<u32> = renumbered.collect();
        let start = self.entries.len();
        let entries = visitor.entries.into_iter();
        self.entries.extend(entries.map(|entry| Entry { name: renumbered[entry.name as usize], ..entry }));
        self.trees.extend(visitor.trees.into_iter().map(|tree| Tree { start: start + tree.start, ..tree }));
        self.warnings.extend(visitor.warnings);
    }

    /// Bases were noted by object; from now on they are places in the list.
    fn link(&mut self) {
        for (at, tree) in self.trees.iter().enumerate() {
            self.place[tree.object as usize] = at as u32;
        }
        for tree in &mut self.trees {
            if tree.base != NONE {
                tree.base = self.place[tree.base as usize];
            }
        }
    }

    /// The place of the tree that is this object.
    pub fn place(&self, object: u32) -> Option<u32> {
        self.place.get(object as usize).copied().filter(|place| *place != NONE)
    }

    /// What a tree has over its base.
    pub fn added(&self, place: u32) -> &[Entry] {
        let tree = &self.trees[place as usize];
        &self.entries[tree.start..tree.start + tree.added as usize]
    }

    /// What of its base a tree has not.
    pub fn removed(&self, place: u32) -> &[Entry] {
        let tree = &self.trees[place as usize];
        let start = tree.start + tree.added as usize;
        &self.entries[start..start + tree.removed as usize]
    }

    /// A name's bytes.
    pub fn name(&self, name: u32) -> &[u8] {
        &self.names[name as usize]
    }

    /// How many object numbers there are, absent ones included.
    pub fn numbers(&self) -> usize {
        self.place.len() + self.absent.len()
    }

    /// The number of the first absent object.
    pub fn first_absent(&self) -> u32 {
        self.place.len() as u32
    }
}

/// What the visit of a tree leaves for its deltas.
#[derive(Default)]
struct Known {
    object: u32,
    /// Whether a delta may be noted as a difference from it.
    is_recorded: bool,
    /// Some offsets at which an entry starts, ascending, 0 and the length among them.
    starts: Vec<u32>,
}

/// Distance between noted entry starts: small enough that little is parsed twice, large enough to copy fast.
const STRIDE: u32 = 512;

impl Known {
    fn note(&mut self, at: u32) {
        if self.starts.last().is_none_or(|last| at >= last + STRIDE) {
            self.starts.push(at);
        }
    }

    fn note_exactly(&mut self, at: u32) {
        if self.starts.last().is_none_or(|last| at > *last) {
            self.starts.push(at);
        }
    }
}

struct Collector<'a> {
    objects: &'a Objects,
    absent: &'a Mutex<HashMap<ObjectId, u32>>,
    names: Names,
    trees: Vec<Tree>,
    entries: Vec<Entry>,
    warnings: Vec<Warning>,
    added: Vec<Entry>,
    removed: Vec<Entry>,
}

impl Visitor for Collector<'_> {
    type State = Known;

    fn visit(&mut self, visit: &Visit<'_, Known>, known: &mut Known) {
        self.added.clear();
        self.removed.clear();
        let mut base = visit.base.as_ref().filter(|base| base.state.is_recorded && !visit.only_as_base);
        let mut is_whole = match base {
            Some(base) => self.difference(base.bytes, base.state, base.operations, visit.bytes, known).is_some(),
            None => false,
        };
        if !is_whole {
            base = None;
            self.added.clear();
            self.removed.clear();
            is_whole = self.everything(visit.bytes, known, !visit.only_as_base);
        }
        (known.object, known.is_recorded) = (visit.object, is_whole && !visit.only_as_base);
        if !visit.only_as_base {
            if !is_whole {
                let id = self.objects.id(visit.object).to_string();
                self.warnings.push(Warning::unscanned("corrupt-object", id, "a tree's entries cannot be read"));
            }
            self.record(visit.object, base.map_or(NONE, |base| base.state.object));
        }
    }
}

impl<'a> Collector<'a> {
    fn new(objects: &'a Objects, absent: &'a Mutex<HashMap<ObjectId, u32>>) -> Collector<'a> {
        Collector {
            objects,
            absent,
            names: Names::default(),
            trees: Vec::new(),
            entries: Vec::new(),
            warnings: Vec::new(),
            added: Vec::new(),
            removed: Vec::new(),
        }
    }

    fn record(&mut self, object: u32, base: u32) {
        let start = self.entries.len();
        self.entries.extend_from_slice(&self.added);
        self.entries.extend_from_slice(&self.removed);
        let (added, removed) = (self.added.len() as u32, self.removed.len() as u32);
        self.trees.push(Tree { object, base, start, added, removed });
    }

    /// Takes every entry; whether all of the bytes could be read.
    fn everything(&mut self, bytes: &[u8], known: &mut Known, is_wanted: bool) -> bool {
        known.starts.clear();
        let mut at = 0;
        while at < bytes.len() {
            known.note(at as u32);
            let Some(entry) = RawEntry::at(bytes, at) else {
                return false;
            };
            if is_wanted {
                self.add(&entry);
            }
            at = entry.end;
        }
        known.note_exactly(at as u32);
        true
    }

    /// Takes what `bytes` has over and under `old`. Stretches that a copy brought over are skipped from one known entry
    /// start to another: equal bytes from an entry start on hold equal entries. `None`: parse it in full.
    fn difference(
        &mut self,
        old: &[u8],
        base: &Known,
        operations: &[Operation],
        bytes: &[u8],
        known: &mut Known,
    ) -> Option<()> {
        known.starts.clear();
        // Up to here both are compared; `at` runs ahead to meet the next copy at an entry's start.
        let (mut done_old, mut done, mut at) = (0usize, 0usize, 0usize);
        for operation in operations {
            let Operation::Copy { from, to, len } = *operation else {
                continue;
            };
            let first = base.starts.partition_point(|start| *start < from.max(done_old as u32));
            let end = base.starts.partition_point(|start| *start <= from + len);
            let mut copied = base.starts.get(first..end).unwrap_or_default();
            let moved = |start: u32| (start - from + to) as usize;
            while copied.len() > 1 {
                while at < moved(copied[0]) {
                    known.note(at as u32);
                    at = RawEntry::at(bytes, at)?.end;
                }
                if at == moved(copied[0]) {
                    break;
                }
                copied = &copied[1..];
            }
            let [first, .., last] = *copied else { continue };
            self.compare(old.get(done_old..first as usize)?, bytes.get(done..at)?)?;
            copied.iter().for_each(|start| known.note_exactly(moved(*start) as u32));
            (done_old, done, at) = (last as usize, moved(last), moved(last));
        }
        while at < bytes.len() {
            known.note(at as u32);
            at = RawEntry::at(bytes, at)?.end;
        }
        known.note_exactly(at as u32);
        self.compare(old.get(done_old..)?, bytes.get(done..)?)
    }

    /// Notes the entries that two stretches do not share; both start and end at an entry. Entries are in order of name, so
    /// that one look at each side suffices; out of order, more is noted on both sides and the sum is the same.
    fn compare(&mut self, old: &[u8], new: &[u8]) -> Option<()> {
        let (mut at_old, mut at_new) = (0, 0);
        while at_old < old.len() && at_new < new.len() {
            let entry = RawEntry::at(new, at_new)?;
            let raw = &new[at_new..entry.end];
            if old[at_old..].starts_with(raw) {
                (at_old, at_new) = (at_old + raw.len(), entry.end);
                continue;
            }
            let before = RawEntry::at(old, at_old)?;
            let order = before.order(&entry);
            if order.is_le() {
                self.remove(&before);
                at_old = before.end;
            }
            if order.is_ge() {
                self.add(&entry);
                at_new = entry.end;
            }
        }
        raw_entries(&old[at_old..]).for_each(|entry| self.remove(&entry));
        raw_entries(&new[at_new..]).for_each(|entry| self.add(&entry));
        Some(())
    }

    fn add(&mut self, entry: &RawEntry<'_>) {
        let entry = self.resolve(entry);
        self.added.extend(entry);
    }

    fn remove(&mut self, entry: &RawEntry<'_>) {
        let entry = self.resolve(entry);
        self.removed.extend(entry);
    }

    /// Numbers an entry; `None` for a submodule's link.
    fn resolve(&mut self, entry: &RawEntry<'_>) -> Option<Entry> {
        if entry.is_link {
            return None;
        }
        let child = self.objects.find(&entry.id).unwrap_or_else(|| self.absent(entry.id));
        Some(Entry { child, name: self.names.number(entry.name) })
    }

    #[cold]
    fn absent(&self, id: ObjectId) -> u32 {
        let Ok(mut absent) = self.absent.lock() else {
            return NONE;
        };
        let next = (self.objects.len() + absent.len()) as u32;
        *absent.entry(id).or_insert(next)
    }
}

/// An entry as a tree spells it: `100644 name\0` and 20 bytes.
pub(super) struct RawEntry<'a> {
    pub name: &'a [u8],
    pub id: ObjectId,
    pub is_tree: bool,
    /// A submodule's commit, which is in another repository.
    pub is_link: bool,
    end: usize,
}

impl RawEntry<'_> {
    #[inline]
    fn at(bytes: &[u8], at: usize) -> Option<RawEntry<'_>> {
        let rest = &bytes[at..];
        let space = rest.iter().take(8).position(|byte| *byte == b' ')?;
        let name = space + 1 + memchr::memchr(0, &rest[space + 1..])?;
        let id = rest.get(name + 1..name + 21)?.try_into().ok()?;
        let mode = &rest[..space];
        Some(RawEntry {
            name: &rest[space + 1..name],
            id: ObjectId(id),
            is_tree: matches!(mode, b"40000" | b"040000"),
            is_link: mode == b"160000",
            end: at + name + 21,
        })
    }

    /// Git's order: a folder sorts as if its name ended in `/`.
    fn order(&self, other: &RawEntry<'_>) -> Ordering {
        let shared = self.name.len().min(other.name.len());
        let next =
            |entry: &RawEntry<'_>| entry.name.get(shared).copied().unwrap_or(if entry.is_tree { b'/' } else { 0 });
        self.name[..shared].cmp(&other.name[..shared]).then_with(|| next(self).cmp(&next(other)))
    }
}

/// The entries of a tree, up to one that cannot be read.
pub(super) fn raw_entries(bytes: &[u8]) -> impl Iterator<Item = RawEntry<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let entry = (at < bytes.len()).then(|| RawEntry::at(bytes, at)).flatten()?;
        at = entry.end;
        Some(entry)
    })
}

/// Numbers for names, in order of first sight.
#[derive(Default)]
struct Names {
    numbers: HashMap<Box<[u8]>, u32>,
}

impl Names {
    fn number(&mut self, name: &[u8]) -> u32 {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.numbers.len() as u32;
        self.numbers.insert(name.into(), number);
        number
    }

    fn into_list(self) -> Vec<Box<[u8]>> {
        let mut list: Vec<(Box<[u8]>, u32)> = self.numbers.into_iter().collect();
        list.sort_unstable_by_key(|(_, number)| *number);
        list.into_iter().map(|(name, _)| name).collect()
    }
}
