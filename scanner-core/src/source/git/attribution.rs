//! Who introduced a blob: every path it had, and for each the first commit that held it there.
//!
//! First the trees on the way to a wanted blob are marked, from the blob upward; then the commits are walked
//! oldest first, looking only into marked trees and into each once per path.

use super::bits::Bits;
use super::graph::{Graph, NONE};
use super::message::message_introduction;
use super::objects::{Kind, Objects};
use super::repository::Tip;
use super::trees::{Entry, Trees};
use crate::blob::{Introduction, ObjectId};
use std::collections::{HashMap, HashSet};

/// A place where a blob was, and who put it there.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attributed {
    /// The path, relative to the repository's root; `None` when a tag or reference names the blob itself.
    pub path: Option<String>,
    /// The first commit that held it there, or the annotated tag; `None` when only a plain reference names it.
    pub introduction: Option<Introduction>,
    /// Whether `HEAD` holds it there; `None` when that is not known.
    pub in_head: Option<bool>,
}

/// Names the places of each hit over all history that `tips` reach, sorted by path, and whether `head` holds them; an
/// unreachable one has none.
///
/// A hit is a number of an object, or of an absent one that `trees` numbered.
pub fn attribute(
    objects: &Objects,
    graph: &Graph,
    trees: &Trees,
    tips: &[Tip],
    head: Option<ObjectId>,
    hits: &[u32],
) -> Vec<Vec<Attributed>> {
    let marks = Marks::new(trees, hits);
    let roots = Roots::new(objects, graph, tips);
    let mut walk = Walk::new(trees, &marks);
    for position in graph.oldest_first(&graph.ancestors(roots.commits)) {
        let commit = &graph.commits[position as usize];
        walk.tree(commit.tree, commit.object);
    }
    roots.trees.iter().for_each(|(tree, by)| walk.tree(*tree, *by));
    roots.blobs.iter().for_each(|(blob, by)| walk.find(*blob, NONE, *by));
    let head = head.and_then(|id| objects.find(&id));
    let head = head.and_then(|object| graph.peel(object, |_| ())).and_then(|object| graph.position(object));
    let head = head.map(|position| walk.only_in(graph.commits[position as usize].tree));
    walk.report(objects, hits, head.as_ref())
}

/// What the tips name, annotated tags followed.
pub(super) struct Roots {
    /// Positions of commits.
    pub commits: Vec<u32>,
    /// Trees named without a commit, and the tag that does.
    pub trees: Vec<(u32, u32)>,
    /// Blobs named without a tree, and the tag that does.
    pub blobs: Vec<(u32, u32)>,
    /// Annotated tags on the way.
    pub tags: Vec<u32>,
    /// Tips whose object, or what a tag of it names, is not in the database.
    pub absent: Vec<Tip>,
}

impl Roots {
    pub fn new(objects: &Objects, graph: &Graph, tips: &[Tip]) -> Roots {
        let mut roots = Roots { commits: vec![], trees: vec![], blobs: vec![], tags: vec![], absent: vec![] };
        for tip in tips {
            let mut outer = NONE;
            let tags = &mut roots.tags;
            let seen = |tag| {
                outer = if outer == NONE { tag } else { outer };
                tags.push(tag);
            };
            let Some(target) = objects.find(&tip.id).and_then(|object| graph.peel(object, seen)) else {
                roots.absent.push(tip.clone());
                continue;
            };
            match objects.kind(target) {
                Some(Kind::Commit) => roots.commits.extend(graph.position(target)),
                Some(Kind::Tree) => roots.trees.push((target, outer)),
                Some(Kind::Blob) => roots.blobs.push((target, outer)),
                _ => {}
            }
        }
        roots
    }
}

/// The trees that lead to a hit, each with those of its entries that do.
struct Marks {
    hits: Bits,
    starts: Vec<u32>,
    entries: Vec<Entry>,
}

impl Marks {
    fn new(trees: &Trees, hits: &[u32]) -> Marks {
        let mut bits = Bits::new(trees.numbers());
        hits.iter().for_each(|hit| _ = bits.insert(*hit));
        let leads = |child: u32| bits.contains(child) || trees.place(child).is_some();
        let places = || 0..trees.trees.len() as u32;
        let holders = Table::new(trees.numbers(), || {
            places().flat_map(|place| {
                let added = trees.added(place).iter().filter(|entry| leads(entry.child));
                added.map(move |entry| (entry.child, (place, entry.name)))
            })
        });
        let deltas = Table::new(trees.trees.len(), || {
            places().map(|place| (trees.trees[place as usize].base, place)).filter(|(base, _)| *base != NONE)
        });
        let mut marked = Bits::new(trees.trees.len());
        let mut down: Vec<(u32, Entry)> = Vec::new();
        let mut pending: Vec<u32> = bits.iter().collect();
        let mut heirs = Vec::new();
        while let Some(child) = pending.pop() {
            for (place, name) in holders.row(child) {
                let entry = Entry { child, name: *name };
                // Every delta of a tree has the entry too, until one of them removed it.
                heirs.push(*place);
                while let Some(place) = heirs.pop() {
                    down.push((place, entry));
                    if marked.insert(place) {
                        pending.push(trees.trees[place as usize].object);
                    }
                    heirs.extend(deltas.row(place).iter().filter(|heir| !trees.removed(**heir).contains(&entry)));
                }
            }
        }
        let table = Table::new(trees.trees.len(), || down.iter().copied());
        Marks { hits: bits, starts: table.starts, entries: table.values }
    }

    fn below(&self, place: u32) -> &[Entry] {
        &self.entries[self.starts[place as usize] as usize..self.starts[place as usize + 1] as usize]
    }
}

/// Lists of values by number, one after the other.
struct Table<T> {
    starts: Vec<u32>,
    values: Vec<T>,
}

impl<T: Copy> Table<T> {
    /// `pairs` is gone through twice: to count, and to place.
    fn new<I: Iterator<Item = (u32, T)>>(rows: usize, pairs: impl Fn() -> I) -> Table<T> {
        let mut starts = vec![0u32; rows + 1];
        pairs().for_each(|(row, _)| starts[row as usize + 1] += 1);
        for row in 0..rows {
            starts[row + 1] += starts[row];
        }
        let Some((_, first)) = pairs().next() else {
            return Table { starts, values: Vec::new() };
        };
        let mut values = vec![first; starts[rows] as usize];
        let mut next = starts.clone();
        for (row, value) in pairs() {
            values[next[row as usize] as usize] = value;
            next[row as usize] += 1;
        }
        Table { starts, values }
    }

    fn row(&self, row: u32) -> &[T] {
        &self.values[self.starts[row as usize] as usize..self.starts[row as usize + 1] as usize]
    }
}

/// The walk over commits: what was seen at which path, and by whom first.
struct Walk<'a> {
    trees: &'a Trees,
    marks: &'a Marks,
    /// A path is its folder's path and a name; `NONE` is the root.
    paths: Vec<(u32, u32)>,
    numbers: HashMap<(u32, u32), u32>,
    seen: HashSet<(u32, u32)>,
    pending: Vec<(u32, u32)>,
    found: HashMap<(u32, u32), u32>,
}

impl<'a> Walk<'a> {
    fn new(trees: &'a Trees, marks: &'a Marks) -> Walk<'a> {
        Walk {
            trees,
            marks,
            paths: Vec::new(),
            numbers: HashMap::new(),
            seen: HashSet::new(),
            pending: Vec::new(),
            found: HashMap::new(),
        }
    }

    /// Looks for hits in a root tree that `by` (a commit, a tag or `NONE`) holds.
    fn tree(&mut self, object: u32, by: u32) {
        self.pending.extend(self.trees.place(object).map(|place| (place, NONE)));
        while let Some((place, path)) = self.pending.pop() {
            let entries = self.marks.below(place);
            if entries.is_empty() || !self.seen.insert((place, path)) {
                continue;
            }
            for entry in entries {
                let path = self.path(path, entry.name);
                match self.trees.place(entry.child) {
                    Some(place) => self.pending.push((place, path)),
                    None => self.find(entry.child, path, by),
                }
            }
        }
    }

    /// The hits that one root tree holds.
    fn only_in(&mut self, tree: u32) -> HashMap<(u32, u32), u32> {
        let found = std::mem::take(&mut self.found);
        self.seen.clear();
        self.tree(tree, NONE);
        std::mem::replace(&mut self.found, found)
    }

    fn find(&mut self, child: u32, path: u32, by: u32) {
        if self.marks.hits.contains(child) {
            self.found.entry((child, path)).or_insert(by);
        }
    }

    fn path(&mut self, folder: u32, name: u32) -> u32 {
        *self.numbers.entry((folder, name)).or_insert_with(|| {
            self.paths.push((folder, name));
            self.paths.len() as u32 - 1
        })
    }

    fn spell(&self, mut path: u32) -> Option<String> {
        let mut names = Vec::new();
        while path != NONE {
            let (folder, name) = self.paths[path as usize];
            names.push(String::from_utf8_lossy(self.trees.name(name)));
            path = folder;
        }
        names.reverse();
        (!names.is_empty()).then(|| names.join("/"))
    }

    fn report(&self, objects: &Objects, hits: &[u32], head: Option<&HashMap<(u32, u32), u32>>) -> Vec<Vec<Attributed>> {
        let mut introductions = Introductions::new(objects);
        let mut by_hit: HashMap<u32, Vec<Attributed>> = HashMap::new();
        for ((child, path), by) in &self.found {
            let in_head = head.map(|head| head.contains_key(&(*child, *path)));
            let attributed = Attributed { path: self.spell(*path), introduction: introductions.of(*by), in_head };
            by_hit.entry(*child).or_default().push(attributed);
        }
        by_hit.values_mut().for_each(|list| list.sort());
        hits.iter().map(|hit| by_hit.get(hit).cloned().unwrap_or_default()).collect()
    }
}

/// Introductions by commits and tags, each read once.
pub(super) struct Introductions<'a> {
    objects: &'a Objects,
    known: HashMap<u32, Option<Introduction>>,
}

impl<'a> Introductions<'a> {
    pub fn new(objects: &'a Objects) -> Introductions<'a> {
        Introductions { objects, known: HashMap::new() }
    }

    pub fn of(&mut self, object: u32) -> Option<Introduction> {
        if object == NONE {
            return None;
        }
        self.known.entry(object).or_insert_with(|| message_introduction(self.objects, object)).clone()
    }
}
