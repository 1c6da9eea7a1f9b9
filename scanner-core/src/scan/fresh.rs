//! Scans what of a repository was not scanned before, a part at a time: what a sweep does between two things it writes down.

use super::{Outcome, Part, Progress, Request, ScanError, conclude, history, scan_content};
use crate::blob::{ObjectId, Origin};
use crate::detect::Engine;
use crate::finding::Finding;
use crate::source::git::bits::Bits;
use crate::source::git::changes::Comparison;
use crate::source::git::objects::Objects;
use crate::source::git::repository::Repository;
use crate::source::git::selection::{self, Push, Selected, Selection};
use crate::summary::Summary;
use crate::warning::Warning;
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Instant;

/// Objects of a repository that are still to be scanned.
pub struct Fresh<'a> {
    request: &'a Request,
    engine: &'a Engine,
    objects: Objects,
    selected: Selected,
    folder: String,
}

/// What one part gave.
pub struct Scanned {
    /// Its findings, judged as a scan's are, and what it left out.
    pub outcome: Outcome,
    /// Objects that were read whole and hold nothing.
    pub clean: Vec<ObjectId>,
    /// Objects in which something was seen, below the gate, too.
    pub hits: Vec<ObjectId>,
}

impl<'a> Fresh<'a> {
    /// Opens what `push` brings, or all objects.
    pub fn open(
        request: &'a Request,
        engine: &'a Engine,
        repository: &Repository,
        push: Option<&Push>,
    ) -> Result<Fresh<'a>, ScanError> {
        request.progress.enter("reading git objects");
        let objects = history::open(repository)?;
        let selection = Selection { push: push.cloned(), ..Selection::default() };
        let selected = selection::select(repository, &objects, &selection, request.threads)?;
        Ok(Fresh { request, engine, objects, selected, folder: history::folder(repository) })
    }

    /// The commits it shares with its forks and mirrors: those without parents.
    pub fn roots(&self) -> Vec<ObjectId> {
        self.selected.roots(&self.objects)
    }

    /// Keeps the objects that are wanted; says how many were left out.
    pub fn retain(&mut self, is_wanted: impl Fn(&ObjectId) -> bool) -> u64 {
        let before = self.selected.wanted.count();
        let mut kept = Bits::new(self.objects.len());
        let wanted = self.selected.wanted.iter().filter(|object| is_wanted(&self.objects.id(*object)));
        wanted.for_each(|object| _ = kept.insert(object));
        self.selected.wanted = kept;
        (before - self.selected.wanted.count()) as u64
    }

    /// Whether an object is to be scanned.
    pub fn wants(&self, id: &ObjectId) -> bool {
        self.objects.find(id).is_some_and(|object| self.selected.wanted.contains(object))
    }

    /// The id of an object of a part.
    pub fn id(&self, object: u32) -> ObjectId {
        self.objects.id(object)
    }

    /// How many objects there are to scan.
    pub fn left(&self) -> u64 {
        self.selected.wanted.count() as u64
    }

    /// How many commits they come from.
    pub fn commits(&self) -> u64 {
        self.selected.commits as u64
    }

    /// What is not there and will not be scanned.
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = self.selected.warnings.clone();
        warnings.extend(self.objects.warnings().iter().cloned());
        warnings.sort();
        warnings.dedup();
        warnings
    }

    /// Splits them into parts of about `objects` each.
    pub fn parts(&self, objects: usize) -> Vec<Bits> {
        self.objects.parts(&self.selected.wanted, objects)
    }

    /// Scans one part.
    pub fn scan(&self, part: &Bits) -> Scanned {
        let started = Instant::now();
        let mut found = history::walk(self.request, self.engine, &self.objects, part, &self.request.progress);
        // What is wrong with the repository as a whole is told once, by `warnings`.
        found.warnings.retain(|warning| !self.objects.warnings().contains(warning));
        let places = found.findings.places();
        let (hits, unread): (HashSet<u32>, HashSet<String>) =
            (places.iter().copied().collect(), found.warnings.iter().flat_map(ids).collect());
        let is_clean = |object: &u32| !hits.contains(object);
        let clean = part.iter().filter(is_clean).map(|object| self.objects.id(object));
        let clean = clean.filter(|id| unread.is_empty() || !unread.contains(&id.to_string())).collect();
        let hits = places.iter().map(|object| self.objects.id(*object)).collect();
        self.request.progress.enter("attributing findings");
        let origins = history::attribute(&self.objects, &self.selected, &places);
        found.findings.place_known(&|object| {
            let all = origins.get(&object).cloned().unwrap_or_default();
            all.into_iter().filter_map(|(origin, in_head)| Some((origin.below(&self.folder)?, in_head))).collect()
        });
        let part = Part { findings: found.findings, warnings: found.warnings };
        Scanned { outcome: conclude(self.request, self.engine, part, Summary::default(), started), clean, hits }
    }
}

/// Every object that a warning names: it may not have been read whole.
fn ids(warning: &Warning) -> Vec<String> {
    let text = format!("{} {}", warning.object, warning.message);
    let words = text.split(|c: char| !c.is_ascii_hexdigit()).filter(|word| word.len() == 40);
    words.map(str::to_owned).collect()
}

/// What stands in `HEAD` today.
pub struct Standing<'a> {
    engine: &'a Engine,
    request: &'a Request,
    repository: &'a Repository,
    tree: Option<ObjectId>,
}

impl<'a> Standing<'a> {
    /// Of the commit that `HEAD` names.
    pub fn new(request: &'a Request, engine: &'a Engine, repository: &'a Repository) -> Standing<'a> {
        let tree = repository.head().and_then(|head| repository.tree_of(head));
        Standing { engine, request, repository, tree }
    }

    /// The bytes at a path; `None` when there are none.
    pub fn read(&self, path: &str) -> Option<Vec<u8>> {
        let repository = self.repository;
        let mut comparison = Comparison::new(Box::new(|tree| repository.read(tree).ok()));
        let id = comparison.at_path(self.tree?, path)?;
        repository.read(id).ok()
    }

    /// The findings at a path, whatever becomes of them; `None` when there is no such file.
    pub fn findings(&self, path: &str) -> Option<Vec<Finding>> {
        let bytes = self.read(path)?;
        let limits = self.request.archives.clone().unwrap_or_default();
        let (findings, _) = scan_content(self.engine, &bytes, Origin::File { path: path.to_owned() }, &limits);
        Some(findings)
    }
}

impl Progress {
    /// Blobs and bytes scanned so far.
    pub fn figures(&self) -> (u64, u64) {
        (self.blobs.load(Ordering::Relaxed), self.bytes.load(Ordering::Relaxed))
    }
}
