//! Scans a repository's history and its index: every wanted object once, in the order the pack was made,
//! then says where the blobs with findings came from.

use super::collect::Known;
use super::text::{Made, TextScanner};
use super::{History, Part, Progress, Request, ScanError, archives};
use crate::archive;
use crate::blob::{ObjectId, Origin};
use crate::detect::{Engine, State};
use crate::source::git::attribution::Attributed;
use crate::source::git::bits::Bits;
use crate::source::git::message::message_origin;
use crate::source::git::objects::{Kind, Kinds, Limits, Objects, Visit, Visitor};
use crate::source::git::repository::Repository;
use crate::source::git::selection::{self, Selected, Selection};
use crate::source::git::staged;
use crate::warning::Warning;
use std::collections::HashMap;
use std::time::SystemTime;

/// Scans what `request.history` asks for.
pub fn scan_history(request: &Request, engine: &Engine, repository: &Repository) -> Result<Part, ScanError> {
    request.progress.enter("reading git objects");
    let objects = open(repository)?;
    let selected = selection::select(repository, &objects, &selection(&request.history)?, request.threads)?;
    let mut part = walk(request, engine, &objects, &selected.wanted, &request.progress);
    part.warnings.extend(selected.warnings.iter().cloned());
    request.progress.enter("attributing findings");
    let origins = attribute(&objects, &selected, &part.findings.places());
    let folder = folder(repository);
    part.findings.place_known(&|object| {
        let all = origins.get(&object).cloned().unwrap_or_default();
        all.into_iter().filter_map(|(origin, in_head)| Some((origin.below(&folder)?, in_head))).collect()
    });
    Ok(part)
}

/// All objects of a repository.
pub fn open(repository: &Repository) -> Result<Objects, ScanError> {
    Ok(Objects::open(&repository.objects_dir(), repository.extra_objects(), Limits::default())?)
}

/// Scans the wanted objects; the findings are not placed yet.
pub fn walk(request: &Request, engine: &Engine, objects: &Objects, wanted: &Bits, progress: &Progress) -> Part {
    progress.enter("scanning history");
    let kinds = Kinds::of(&[Kind::Blob, Kind::Commit, Kind::Tag]);
    let walked = objects.walk(kinds, &|object| wanted.contains(object), request.threads, &|| HistoryVisitor {
        scanner: TextScanner::new(engine),
        objects,
        archives: request.archives.as_ref(),
        progress,
    });
    let mut part = Part::default();
    part.warnings.extend(objects.warnings().iter().cloned());
    part.warnings.extend(walked.warnings);
    for visitor in walked.visitors {
        part.findings.absorb(visitor.scanner.findings);
        part.warnings.extend(visitor.scanner.warnings);
    }
    part
}

/// Scans what the next commit would add.
pub fn scan_staged(request: &Request, engine: &Engine, repository: &Repository) -> Result<Part, ScanError> {
    request.progress.enter("scanning the index");
    let changes = staged::staged(repository)?;
    let mut part = Part { warnings: changes.warnings, ..Part::default() };
    let blobs = changes.files.iter().map(|file| (file.path.as_str(), file.id));
    scan_blobs(request, engine, repository, blobs, &request.progress, &mut part);
    let folder = folder(repository);
    part.findings.place(&|index| {
        let origin = Origin::Staged { path: changes.files[index as usize].path.clone() };
        origin.below(&folder).into_iter().collect()
    });
    Ok(part)
}

/// Scans single blobs, each at the place of its number in the list; its name is for warnings.
pub fn scan_blobs<'b>(
    request: &Request,
    engine: &Engine,
    repository: &Repository,
    blobs: impl Iterator<Item = (&'b str, ObjectId)>,
    progress: &Progress,
    part: &mut Part,
) {
    let mut scanner = TextScanner::new(engine);
    for (place, (name, id)) in (0..).zip(blobs) {
        match repository.read(id) {
            Ok(bytes) => {
                let (name, limits) = (|| name.to_owned(), request.archives.as_ref());
                if !archives::scan_bytes(&mut scanner, &bytes, limits, place, &name, progress) {
                    scanner.scan(&bytes, place, &name);
                    progress.add(1, bytes.len() as u64);
                }
            }
            Err(error) => part.warnings.push(Warning::unscanned("missing-object", name, error.to_string())),
        }
    }
    part.findings.absorb(scanner.findings);
    part.warnings.append(&mut scanner.warnings);
}

/// The folder of the work tree that was asked for, as git writes it; paths are reported relative to it.
pub fn folder(repository: &Repository) -> String {
    let parts = repository.prefix().components().map(|part| part.as_os_str().to_string_lossy().into_owned());
    parts.collect::<Vec<_>>().join("/")
}

fn selection(history: &History) -> Result<Selection, ScanError> {
    let History::Part { range, since } = history else { return Ok(Selection::everything()) };
    let selection = Selection { range: range.clone(), ..Selection::default() };
    match since {
        Some(date) => Ok(selection.since(date, SystemTime::now())?),
        None => Ok(selection),
    }
}

/// Every origin of each object that has a finding; a blob that no path leads to keeps its id.
pub fn attribute(objects: &Objects, selected: &Selected, hits: &[u32]) -> HashMap<u32, Vec<Known>> {
    let is_blob = |object: &&u32| objects.kind(**object) == Some(Kind::Blob);
    let blobs: Vec<u32> = hits.iter().filter(is_blob).copied().collect();
    let attributed = selected.attribute(objects, &blobs);
    let mut origins: HashMap<u32, Vec<Known>> = HashMap::new();
    for (&blob, places) in blobs.iter().zip(attributed) {
        let id = objects.id(blob);
        let mut all: Vec<Known> = places.into_iter().map(|place| blob_origin(id, place)).collect();
        if all.is_empty() {
            all.push((Origin::GitBlob { id, path: None, introduced: None }, None));
        }
        origins.insert(blob, all);
    }
    let messages = hits.iter().filter(|object| !is_blob(object));
    origins.extend(
        messages.map(|&object| {
            (object, message_origin(objects, object).into_iter().map(|origin| (origin, None)).collect())
        }),
    );
    origins
}

fn blob_origin(id: ObjectId, place: Attributed) -> Known {
    (Origin::GitBlob { id, path: place.path, introduced: place.introduction }, place.in_head)
}

/// One thread's share of the objects.
struct HistoryVisitor<'a> {
    scanner: TextScanner<'a>,
    objects: &'a Objects,
    archives: Option<&'a archive::Limits>,
    progress: &'a Progress,
}

impl Visitor for HistoryVisitor<'_> {
    type State = State;

    fn visit(&mut self, object: &Visit<'_, State>, state: &mut State) {
        let name = || format!("{} {}", object.kind.name(), self.objects.id(object.object));
        if object.kind == Kind::Blob && archives::is_archive(object.bytes, self.archives) {
            // What is made of it is made of noise: it is looked at as a whole.
            state.make_opaque();
            let limits = self.archives.filter(|_| !object.only_as_base);
            let is_done =
                archives::scan_bytes(&mut self.scanner, object.bytes, limits, object.object, &name, self.progress);
            if is_done || object.only_as_base {
                return;
            }
        }
        let place = (!object.only_as_base).then_some((object.object, &name as &dyn Fn() -> String));
        let made = object.base.as_ref().map(|base| Made {
            state: base.state,
            len: base.bytes.len(),
            operations: base.operations,
        });
        self.scanner.examine(object.bytes, made, state, place);
        if !object.only_as_base && object.kind == Kind::Blob {
            self.progress.add(1, object.bytes.len() as u64);
        }
    }
}
