//! Which objects a scan wants: all of them, those of a range of commits, or those of recent commits.

use super::attribution::{Attributed, Introductions, Roots, attribute};
use super::bits::Bits;
use super::changes::{Change, changes};
use super::graph::{Graph, NONE};
use super::objects::{Kind, Objects};
use super::repository::{GitError, Repository, Tip};
use super::revisions::{resolve, unresolved};
use super::trees::Trees;
use crate::blob::ObjectId;
use crate::warning::Warning;
use std::collections::{BTreeMap, HashSet};
use std::time::SystemTime;

/// What of a repository's history is asked for; empty: everything.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Commits as `git rev-list` takes them: `A..B`.
    pub range: Option<String>,
    /// Commits of this committer time or later: seconds since 1970-01-01 UTC.
    pub since: Option<i64>,
    /// Commits named by their ids, in place of a range.
    pub push: Option<Push>,
}

/// What a push brings to another repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Push {
    /// What the pushed names point to: commits or tags of them.
    pub wanted: Vec<ObjectId>,
    /// What the other side has already, with all its ancestors; what is not here is passed over.
    pub known: Vec<ObjectId>,
}

impl Selection {
    /// All objects of the repository, reachable or not.
    pub fn everything() -> Selection {
        Selection::default()
    }

    /// The new content of a range of commits.
    pub fn range(spec: impl Into<String>) -> Selection {
        Selection { range: Some(spec.into()), ..Selection::default() }
    }

    /// Narrows to commits from `date` on: `2024-01-31` (midnight UTC), RFC 3339, or as git says it, `2 weeks ago`.
    pub fn since(self, date: &str, now: SystemTime) -> Result<Selection, GitError> {
        let unreadable = || GitError::Date { date: date.to_owned() };
        let now = gix::date::Zoned::try_from(now).map_err(|_| unreadable())?;
        let time = gix::date::parse(date.trim(), Some(now)).map_err(|_| unreadable())?;
        Ok(Selection { since: Some(time.seconds), ..self })
    }
}

/// The objects a scan wants, and what is needed to say where they came from.
pub struct Selected {
    /// Numbers of the blobs, commits and annotated tags to scan.
    pub wanted: Bits,
    /// How many commits they came from.
    pub commits: usize,
    /// What was asked for and is not there.
    pub warnings: Vec<Warning>,
    graph: Graph,
    basis: Basis,
}

enum Basis {
    /// All trees: attribution looks through all history.
    History { trees: Trees, tips: Vec<Tip>, head: Option<ObjectId> },
    /// The new content of each commit, sorted by blob and path, the first commit first.
    Changes(Vec<Change>),
}

/// Finds what `selection` wants.
pub fn select(
    repository: &Repository,
    objects: &Objects,
    selection: &Selection,
    threads: usize,
) -> Result<Selected, GitError> {
    let graph = Graph::read(objects, &repository.shallow_roots(), threads);
    let (tips, warnings) = repository.tips();
    let scene = Scene { repository, objects, tips };
    let mut selected = match selection {
        Selection { range: None, since: None, push: None } => scene.everything(graph, threads),
        _ => scene.some(graph, selection, threads)?,
    };
    selected.warnings.extend(warnings);
    selected.warnings.sort();
    selected.warnings.dedup();
    Ok(selected)
}

impl Selected {
    /// The paths and first commits of each hit (a blob's number), sorted by path; an unreachable one has none.
    ///
    /// Of a range, the first commit within the range counts.
    pub fn attribute(&self, objects: &Objects, hits: &[u32]) -> Vec<Vec<Attributed>> {
        match &self.basis {
            Basis::History { trees, tips, head } => attribute(objects, &self.graph, trees, tips, *head, hits),
            Basis::Changes(changes) => self.attribute_changes(objects, changes, hits),
        }
    }

    /// Commits without parents, sorted: what a repository shares with its forks and mirrors.
    pub fn roots(&self, objects: &Objects) -> Vec<ObjectId> {
        let positions =
            (0..self.graph.commits.len() as u32).filter(|position| self.graph.parents(*position).is_empty());
        let mut roots: Vec<ObjectId> =
            positions.map(|position| objects.id(self.graph.commits[position as usize].object)).collect();
        roots.sort();
        roots
    }

    /// The root tree of a commit and those of its parents.
    pub fn trees_of(&self, objects: &Objects, commit: ObjectId) -> Option<(ObjectId, Vec<ObjectId>)> {
        let position = self.graph.position(objects.find(&commit)?)?;
        let tree = |position: u32| {
            let tree = self.graph.commits[position as usize].tree;
            (tree != NONE).then(|| objects.id(tree))
        };
        let parents = self.graph.parents(position).iter().filter_map(|parent| tree(*parent)).collect();
        Some((tree(position)?, parents))
    }

    fn attribute_changes(&self, objects: &Objects, changes: &[Change], hits: &[u32]) -> Vec<Vec<Attributed>> {
        let mut introductions = Introductions::new(objects);
        let mut attributed = |change: &Change| Attributed {
            path: Some(change.path.clone()),
            introduction: introductions.of(self.graph.commits[change.commit as usize].object),
            in_head: None,
        };
        let mut of_hit = |hit: &u32| {
            let first = changes.partition_point(|change| change.blob < *hit);
            let same = changes[first..].iter().take_while(|change| change.blob == *hit);
            same.map(&mut attributed).collect()
        };
        hits.iter().map(&mut of_hit).collect()
    }
}

struct Scene<'a> {
    repository: &'a Repository,
    objects: &'a Objects,
    tips: Vec<Tip>,
}

impl Scene<'_> {
    fn everything(self, graph: Graph, threads: usize) -> Selected {
        let objects = self.objects;
        let trees = Trees::read(objects, threads);
        let roots = Roots::new(objects, &graph, &self.tips);
        let reached = graph.ancestors(roots.commits.iter().copied());
        let all = 0..objects.len() as u32;
        let is_scanned = |object: &u32| objects.kind(*object) != Some(Kind::Tree);
        let mut wanted = Bits::new(objects.len());
        all.clone()
            .filter(is_scanned)
            .filter(|object| !objects.is_borrowed(*object))
            .for_each(|object| _ = wanted.insert(object));
        if all.clone().any(|object| objects.is_borrowed(object)) {
            let reachable = reachable(objects, &graph, &trees, &roots, &reached);
            reachable.iter().filter(is_scanned).for_each(|object| _ = wanted.insert(object));
        }
        let mut warnings: Vec<Warning> = graph.warnings.iter().chain(&trees.warnings).cloned().collect();
        warnings.extend(self.absent_tips(&roots));
        warnings.extend(self.absent(self.absent_history(&graph, &reached)));
        warnings.extend(self.absent(self.absent_content(&graph, &trees)));
        warnings.extend(shallow(objects, &graph, |position| reached[position as usize]));
        let commits = reached.iter().filter(|reached| **reached).count();
        let head = self.repository.head();
        Selected { wanted, commits, warnings, graph, basis: Basis::History { trees, tips: self.tips, head } }
    }

    fn some(self, graph: Graph, selection: &Selection, threads: usize) -> Result<Selected, GitError> {
        let objects = self.objects;
        let (mut marked, tags) = match (&selection.range, &selection.push) {
            (Some(spec), _) => self.range(&graph, spec)?,
            (None, Some(push)) => self.push(&graph, push)?,
            (None, None) => (graph.ancestors(Roots::new(objects, &graph, &self.tips).commits), Vec::new()),
        };
        if let Some(since) = selection.since {
            let old = graph.commits.iter().map(|commit| commit.time < since);
            marked.iter_mut().zip(old).for_each(|(marked, old)| *marked &= !old);
        }
        let order = graph.oldest_first(&marked);
        let mut rank = vec![0u32; graph.commits.len()];
        order.iter().zip(0..).for_each(|(position, at)| rank[*position as usize] = at);
        let changes = changes(objects, &graph, &order, threads);
        let mut warnings = graph.warnings.clone();
        warnings.extend(self.absent(self.absent_history(&graph, &marked)));
        warnings.extend(self.absent(changes.absent.into_iter().map(|absent| (absent.id, absent.path)).collect()));
        warnings.extend(shallow(objects, &graph, |position| marked[position as usize]));
        let mut new = changes.new;
        new.sort_by(|a, b| (a.blob, &a.path, rank[a.commit as usize]).cmp(&(b.blob, &b.path, rank[b.commit as usize])));
        new.dedup_by(|later, first| (later.blob, &later.path) == (first.blob, &first.path));
        let mut wanted = Bits::new(objects.len());
        let messages = order.iter().map(|position| graph.commits[*position as usize].object).chain(tags);
        messages.chain(new.iter().map(|change| change.blob)).for_each(|object| _ = wanted.insert(object));
        Ok(Selected { wanted, commits: order.len(), warnings, graph, basis: Basis::Changes(new) })
    }

    /// The commits of a range, by full ancestry, and the annotated tags that name its ends.
    fn range(&self, graph: &Graph, spec: &str) -> Result<(Vec<bool>, Vec<u32>), GitError> {
        let revisions = resolve(self.repository, &self.tips, spec)?;
        let mut tags = Vec::new();
        let position = |id: &ObjectId, tags: &mut Vec<u32>| {
            let target = self.objects.find(id).and_then(|object| graph.peel(object, |tag| tags.push(tag)));
            let missing = || unresolved(self.repository, spec, &id.to_string(), "no such commit");
            target.and_then(|object| graph.position(object)).ok_or_else(missing)
        };
        let positions = |ids: &[ObjectId], tags: &mut Vec<u32>| {
            ids.iter().map(|id| position(id, tags)).collect::<Result<Vec<u32>, GitError>>()
        };
        let wanted = positions(&revisions.wanted, &mut tags)?;
        let unwanted = positions(&revisions.unwanted, &mut Vec::new())?;
        let mut marked = graph.ancestors(wanted);
        let mut exclude =
            |excluded: Vec<bool>| marked.iter_mut().zip(excluded).for_each(|(marked, out)| *marked &= !out);
        exclude(graph.ancestors(unwanted));
        for (left, right) in &revisions.symmetric {
            let pair = positions(&[*left, *right], &mut Vec::new())?;
            let (left, right) = (graph.ancestors([pair[0]]), graph.ancestors([pair[1]]));
            exclude(left.into_iter().zip(right).map(|(left, right)| left && right).collect());
        }
        Ok((marked, tags))
    }

    /// The commits of a push, and the annotated tags it brings.
    fn push(&self, graph: &Graph, push: &Push) -> Result<(Vec<bool>, Vec<u32>), GitError> {
        let mut tags = Vec::new();
        let mut position = |id: &ObjectId| {
            let object = self.objects.find(id).and_then(|object| graph.peel(object, |tag| tags.push(tag)));
            object.and_then(|object| graph.position(object))
        };
        let known: Vec<u32> = push.known.iter().filter_map(&mut position).collect();
        tags.clear();
        let mut position = |id: &ObjectId| {
            let object = self.objects.find(id).and_then(|object| graph.peel(object, |tag| tags.push(tag)));
            object.and_then(|object| graph.position(object))
        };
        let missing = |id: ObjectId| GitError::Object { id, reason: "it is no commit that can be read".to_owned() };
        let wanted = push.wanted.iter().map(|id| position(id).ok_or(missing(*id)));
        let mut marked = graph.ancestors(wanted.collect::<Result<Vec<u32>, GitError>>()?);
        marked.iter_mut().zip(graph.ancestors(known)).for_each(|(marked, known)| *marked &= !known);
        Ok((marked, tags))
    }

    fn absent_tips(&self, roots: &Roots) -> Vec<Warning> {
        let message = |tip: &Tip| format!("it points to {}, which is not in the repository", tip.id);
        roots.absent.iter().map(|tip| Warning::unscanned("missing-object", &*tip.name, message(tip))).collect()
    }

    /// Commits and root trees that marked commits name in vain.
    fn absent_history(&self, graph: &Graph, marked: &[bool]) -> Vec<(ObjectId, String)> {
        let absent = graph.absent.iter().filter(|absent| marked[absent.commit as usize]);
        let place = |commit: u32| self.objects.id(graph.commits[commit as usize].object);
        absent.map(|absent| (absent.id, format!("{} of commit {}", absent.kind, place(absent.commit)))).collect()
    }

    /// Files and folders that reachable trees name in vain.
    fn absent_content(&self, graph: &Graph, trees: &Trees) -> Vec<(ObjectId, String)> {
        if trees.absent.is_empty() {
            return Vec::new();
        }
        let numbers: Vec<u32> = (trees.first_absent()..trees.numbers() as u32).collect();
        let places = attribute(self.objects, graph, trees, &self.tips, None, &numbers);
        let first = |places: Vec<Attributed>| places.into_iter().next()?.path;
        trees.absent.iter().zip(places).filter_map(|(id, places)| Some((*id, first(places)?))).collect()
    }

    /// One warning for each of the first, one for the rest.
    fn absent(&self, absent: Vec<(ObjectId, String)>) -> Vec<Warning> {
        const NAMED: usize = 20;
        let (code, reason) = match self.repository.is_partial_clone() {
            true => ("partial-clone", "was never fetched into this partial clone"),
            false => ("missing-object", "is missing from the repository"),
        };
        let absent: BTreeMap<ObjectId, String> = absent.into_iter().rev().collect();
        let mut by_path: Vec<(String, ObjectId)> = absent.into_iter().map(|(id, path)| (path, id)).collect();
        by_path.sort();
        let named = by_path.iter().take(NAMED);
        let mut warnings: Vec<Warning> =
            named.map(|(path, id)| Warning::unscanned(code, path.as_str(), format!("object {id} {reason}"))).collect();
        if by_path.len() > NAMED {
            let rest = format!("{} more objects: each {reason}", by_path.len() - NAMED);
            warnings.push(Warning::unscanned(code, "objects", rest));
        }
        warnings
    }
}

fn shallow(objects: &Objects, graph: &Graph, is_asked: impl Fn(u32) -> bool) -> Option<Warning> {
    let cut = graph.cut.iter().filter(|position| is_asked(**position));
    let cut: Vec<ObjectId> = cut.map(|position| objects.id(graph.commits[*position as usize].object)).collect();
    let first = cut.iter().min()?;
    let others = match cut.len() - 1 {
        0 => String::new(),
        more => format!(" and {more} others"),
    };
    let message = format!("the clone is shallow: history before it{others} was not fetched (`git fetch --unshallow`)");
    Some(Warning::unscanned("shallow-history", first.to_string(), message))
}

/// Every object that the tips reach.
fn reachable(objects: &Objects, graph: &Graph, trees: &Trees, roots: &Roots, reached: &[bool]) -> Bits {
    let mut found = Bits::new(objects.len());
    let commits = || graph.commits.iter().zip(reached).filter(|(_, reached)| **reached).map(|(commit, _)| commit);
    commits().for_each(|commit| _ = found.insert(commit.object));
    roots.tags.iter().chain(roots.blobs.iter().map(|(blob, _)| blob)).for_each(|object| _ = found.insert(*object));
    let mut pending: Vec<u32> = commits().map(|commit| commit.tree).filter(|tree| *tree != NONE).collect();
    pending.extend(roots.trees.iter().map(|(tree, _)| *tree));
    while let Some(object) = pending.pop() {
        if !found.insert(object) {
            continue;
        }
        // A base that was reached has brought in its entries: the difference is enough.
        let mut chain = Vec::new();
        let mut next = trees.place(object);
        while let Some(place) = next {
            chain.push(place);
            let base = trees.trees[place as usize].base;
            next = (base != NONE && !found.contains(trees.trees[base as usize].object)).then_some(base);
        }
        let mut entries = HashSet::new();
        for place in chain.into_iter().rev() {
            trees.removed(place).iter().for_each(|entry| _ = entries.remove(entry));
            entries.extend(trees.added(place).iter().copied());
        }
        pending.extend(entries.into_iter().map(|entry| entry.child));
    }
    found
}
