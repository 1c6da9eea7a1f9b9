//! Scans a change on its way in: what the next commit adds, what a push brings, a commit's message. Only what is new counts:
//! a secret that stood in an earlier version of the same file, or in a file that the change moves away, is left out.

use super::collect::{Known, Name, unknown};
use super::history::{self, scan_blobs};
use super::text::TextScanner;
use super::{Outcome, Part, Progress, Request, ScanError, conclude, files};
use crate::blob::{ObjectId, Origin};
use crate::detect::Engine;
use crate::source::git::bits::Bits;
use crate::source::git::changes::Comparison;
use crate::source::git::incoming::{self, Incoming, NewFile};
use crate::source::git::objects::Objects;
use crate::source::git::repository::Repository;
use crate::source::git::selection::{self, Push, Selection};
use crate::source::git::staged;
use crate::summary::Summary;
use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::path::PathBuf;
use std::rc::Rc;
use std::time::Instant;

/// A change that is not accepted yet.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Change {
    /// What the next commit adds: all of it, or what it adds to these files, named relative to the root with `/`.
    Staged(Option<HashSet<String>>),
    /// What a push brings.
    Push {
        /// The commits.
        push: Push,
        /// Whether a secret counts as known that stands anywhere in what the other side's names point to today. It costs a
        /// look at all those files when there is a finding.
        look_elsewhere: bool,
    },
    /// A commit's message.
    Message {
        /// What the report calls it.
        name: String,
        /// As git hands it over.
        text: Vec<u8>,
    },
    /// Whole files on disk.
    Files {
        /// The folder that paths are shown relative to.
        root: PathBuf,
        /// The files.
        paths: Vec<PathBuf>,
    },
}

/// Scans `change` in `repository`; history of the request is not looked at, and its targets are only named in the summary.
pub fn scan_change(request: &Request, repository: &Repository, change: &Change) -> Result<Outcome, ScanError> {
    let started = Instant::now();
    let engine = Engine::new(request.rules.clone());
    let mut summary = Summary::default();
    summary.repositories.push(super::about(repository));
    let part = match change {
        Change::Staged(only) => scan_staged(request, &engine, repository, only.as_ref(), &mut summary)?,
        Change::Push { push, look_elsewhere } => {
            let mut part = match incoming::incoming(repository, push)? {
                Some(incoming) => scan_incoming(request, &engine, repository, push, incoming, &mut summary),
                None => scan_large(request, &engine, repository, push, &mut summary)?,
            };
            if *look_elsewhere && !part.findings.is_empty() {
                let elsewhere = names_at(request, &engine, repository, &push.known)?;
                summary.known += part.findings.forget(&elsewhere);
            }
            part
        }
        Change::Message { name, text } => scan_message(request, &engine, name, text),
        Change::Files { root, paths } => files::scan_listed(request, &engine, root, paths),
    };
    Ok(conclude(request, &engine, part, summary, started))
}

fn scan_staged(
    request: &Request,
    engine: &Engine,
    repository: &Repository,
    only: Option<&HashSet<String>>,
    summary: &mut Summary,
) -> Result<Part, ScanError> {
    request.progress.enter("scanning the index");
    let mut changes = staged::staged(repository)?.without_merged(repository)?;
    changes.files.retain(|file| only.is_none_or(|only| only.contains(&file.path)));
    let mut part = Part { warnings: std::mem::take(&mut changes.warnings), ..Part::default() };
    let blobs = changes.files.iter().map(|file| (&*file.path, file.id));
    scan_blobs(request, engine, repository, blobs, &request.progress, &mut part);
    if part.findings.is_empty() {
        return Ok(part);
    }
    let before = Before::new(request, engine, repository);
    let removed: Vec<ObjectId> = changes.removed.iter().copied().collect();
    let removed = before.names(&removed);
    let known: HashMap<u32, Rc<HashSet<Name>>> = part
        .findings
        .places()
        .into_iter()
        .map(|place| (place, before.names(&changes.before(repository, &changes.files[place as usize].path))))
        .collect();
    let origins = |place: u32| unknown(vec![Origin::Staged { path: changes.files[place as usize].path.clone() }]);
    summary.known += part.findings.place_new(&origins, &|name, place, _| {
        removed.contains(name) || known.get(&place).is_some_and(|known| known.contains(name))
    });
    Ok(part)
}

/// A path, and the secrets that stood there before.
type KnownAt = (String, Rc<HashSet<Name>>);

/// A push small enough to be read object by object.
fn scan_incoming(
    request: &Request,
    engine: &Engine,
    repository: &Repository,
    push: &Push,
    incoming: Incoming,
    summary: &mut Summary,
) -> Part {
    request.progress.enter("scanning new commits");
    let Incoming { commits, mut files, tags, warnings } = incoming;
    let mut part = Part { warnings, ..Part::default() };
    files.sort_by(|a, b| (a.blob, a.commit, &a.path).cmp(&(b.blob, b.commit, &b.path)));
    let same_blob: Vec<&[NewFile]> = files.chunk_by(|a, b| a.blob == b.blob).collect();
    let blobs = same_blob.iter().map(|same| (&*same[0].path, same[0].blob));
    scan_blobs(request, engine, repository, blobs, &request.progress, &mut part);
    let (before, tips) = (Before::new(request, engine, repository), trees_at(repository, &push.wanted));
    let blob_origins = |place: u32| -> Vec<Known> {
        let origin = |file: &NewFile| Origin::GitBlob {
            id: file.blob,
            path: file.commit.map(|_| file.path.clone()),
            introduced: file.commit.and_then(|commit| commits[commit].introduction.clone()),
        };
        let stands = |origin: Origin| (origin.clone(), before.stands(&tips, &origin));
        same_blob[place as usize].iter().map(origin).map(stands).collect()
    };
    let known: HashMap<u32, Vec<KnownAt>> = (part.findings.places().into_iter())
        .map(|place| {
            let of_file = |file: &NewFile| {
                let commit = &commits[file.commit?];
                Some((file.path.clone(), before.in_commit(commit.tree, &commit.parents, &file.path)))
            };
            (place, same_blob[place as usize].iter().filter_map(of_file).collect())
        })
        .collect();
    summary.known += part.findings.place_new(&blob_origins, &|name, place, origin| {
        let of_path = |(path, names): &KnownAt| Some(path.as_str()) == origin.path() && names.contains(name);
        known.get(&place).is_some_and(|known| known.iter().any(of_path))
    });
    let mut scanner = TextScanner::new(engine);
    let messages = commits.iter().map(|commit| ("commit", commit.id, &commit.bytes));
    let messages: Vec<_> = messages.chain(tags.iter().map(|tag| ("tag", tag.id, &tag.bytes))).collect();
    for (place, (kind, id, bytes)) in (0..).zip(&messages) {
        scanner.scan(bytes, place, &|| format!("{kind} {id}"));
    }
    let introductions = commits.iter().map(|commit| &commit.introduction);
    let introductions: Vec<_> = introductions.chain(tags.iter().map(|tag| &tag.introduction)).collect();
    scanner.findings.place(&|place| {
        let (kind, _, _) = messages[place as usize];
        let introduced = introductions[place as usize].clone();
        introduced.map(|introduced| Origin::GitMessage { kind, introduced }).into_iter().collect()
    });
    part.findings.absorb(scanner.findings);
    part.warnings.append(&mut scanner.warnings);
    part
}

/// A push so large that the whole object database is walked.
fn scan_large(
    request: &Request,
    engine: &Engine,
    repository: &Repository,
    push: &Push,
    summary: &mut Summary,
) -> Result<Part, ScanError> {
    let objects = history::open(repository)?;
    let selection = Selection { push: Some(push.clone()), ..Selection::default() };
    let selected = selection::select(repository, &objects, &selection, request.threads)?;
    let mut part = history::walk(request, engine, &objects, &selected.wanted, &request.progress);
    part.warnings.extend(selected.warnings.iter().cloned());
    let places = part.findings.places();
    let mut origins = history::attribute(&objects, &selected, &places);
    let (before, tips) = (Before::new(request, engine, repository), trees_at(repository, &push.wanted));
    origins.values_mut().flatten().for_each(|(origin, stands)| *stands = before.stands(&tips, origin));
    let mut known: HashMap<(u32, String), Rc<HashSet<Name>>> = HashMap::new();
    for (place, origins) in &origins {
        for (origin, _) in origins {
            let Origin::GitBlob { path: Some(path), introduced: Some(introduced), .. } = origin else { continue };
            if let Some((tree, parents)) = selected.trees_of(&objects, introduced.commit) {
                known.insert((*place, path.clone()), before.in_commit(tree, &parents, path));
            }
        }
    }
    summary.known +=
        part.findings.place_new(&|place| origins.get(&place).cloned().unwrap_or_default(), &|name, place, origin| {
            let path = origin.path().unwrap_or_default().to_owned();
            known.get(&(place, path)).is_some_and(|known| known.contains(name))
        });
    Ok(part)
}

/// The secrets in all files of some commits.
fn names_at(
    request: &Request,
    engine: &Engine,
    repository: &Repository,
    commits: &[ObjectId],
) -> Result<HashSet<Name>, ScanError> {
    let objects = history::open(repository)?;
    let blobs = blobs_at(repository, &objects, commits);
    Ok(history::walk(request, engine, &objects, &blobs, &Progress::default()).findings.open_names())
}

fn blobs_at(repository: &Repository, objects: &Objects, commits: &[ObjectId]) -> Bits {
    let mut comparison = Comparison::new(Box::new(|tree| repository.read(tree).ok()));
    let (mut blobs, mut seen) = (HashSet::new(), HashSet::new());
    for tree in trees_at(repository, commits) {
        comparison.all_content(tree, &mut blobs, &mut seen);
    }
    let mut wanted = Bits::new(objects.len());
    blobs.iter().filter_map(|blob| objects.find(blob)).for_each(|blob| _ = wanted.insert(blob));
    wanted
}

fn trees_at(repository: &Repository, commits: &[ObjectId]) -> Vec<ObjectId> {
    commits.iter().filter_map(|commit| repository.tree_of(*commit)).collect()
}

fn scan_message(request: &Request, engine: &Engine, name: &str, text: &[u8]) -> Part {
    let mut scanner = TextScanner::new(engine);
    scanner.scan(text, 0, &|| name.to_owned());
    request.progress.add(1, text.len() as u64);
    let mut part = Part { findings: scanner.findings, warnings: scanner.warnings };
    part.findings.place(&|_| vec![Origin::File { path: name.to_owned() }]);
    part
}

/// What stood in earlier versions; each is scanned once.
struct Before<'a> {
    request: &'a Request,
    engine: &'a Engine,
    repository: &'a Repository,
    comparison: RefCell<Comparison<'a>>,
    known: RefCell<HashMap<ObjectId, Rc<HashSet<Name>>>>,
}

impl<'a> Before<'a> {
    fn new(request: &'a Request, engine: &'a Engine, repository: &'a Repository) -> Before<'a> {
        let comparison = Comparison::new(Box::new(|tree| repository.read(tree).ok()));
        Before { request, engine, repository, comparison: comparison.into(), known: RefCell::default() }
    }

    /// The secrets that the parents had at `path`, or in a file that the commit took away.
    fn in_commit(&self, tree: ObjectId, parents: &[ObjectId], path: &str) -> Rc<HashSet<Name>> {
        let mut comparison = self.comparison.borrow_mut();
        let mut blobs: Vec<ObjectId> = parents.iter().filter_map(|parent| comparison.at_path(*parent, path)).collect();
        blobs.extend(comparison.removed_content(tree, parents));
        drop(comparison);
        self.names(&blobs)
    }

    /// Whether one of these trees holds that very content at that very path.
    fn stands(&self, trees: &[ObjectId], origin: &Origin) -> Option<bool> {
        let Origin::GitBlob { id, path: Some(path), .. } = origin else { return None };
        let mut comparison = self.comparison.borrow_mut();
        (!trees.is_empty()).then(|| trees.iter().any(|tree| comparison.at_path(*tree, path) == Some(*id)))
    }

    /// The secrets in some blobs. One that cannot be read holds none: what is new then blocks rather than passes.
    fn names(&self, blobs: &[ObjectId]) -> Rc<HashSet<Name>> {
        let of_blob = |blob: &ObjectId| {
            if let Some(names) = self.known.borrow().get(blob) {
                return names.clone();
            }
            // What was there before must not show in the scan's figures.
            let (mut part, progress, one) = (Part::default(), Progress::default(), [("", *blob)]);
            scan_blobs(self.request, self.engine, self.repository, one.into_iter(), &progress, &mut part);
            let names = Rc::new(part.findings.open_names());
            self.known.borrow_mut().insert(*blob, names.clone());
            names
        };
        match blobs {
            [] => Rc::default(),
            [one] => of_blob(one),
            many => Rc::new(many.iter().flat_map(|blob| of_blob(blob).iter().copied().collect::<Vec<_>>()).collect()),
        }
    }
}
