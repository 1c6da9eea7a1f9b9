//! Scans container images: every layer once, however many images share it; every file of it, deleted ones too.
//!
//! Who reads a layer hands its files to whoever is idle, so that one large layer keeps all threads busy.

mod layers;
mod place;
mod pool;

pub use layers::{Layers, Pulled, ScannedLayer};

use super::content::ContentScanner;
use super::{Part, Request, ScanError, Target};
use crate::archive::Limits;
use crate::detect::Engine;
use crate::http::Transport;
use crate::image::{
    Credentials, Descriptor, Dialect, Digest, Folder, Image, ImageError, Platform, Reference, Registry, Resolved,
    Store, Tarball,
};
use crate::source::files;
use crate::warning::Warning;
use place::{Plan, Spot};
use std::collections::HashSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// How images are found and got.
#[derive(Clone, Default)]
pub struct Images {
    /// Of an image for several platforms, the one to scan; none scans all.
    pub platform: Option<Platform>,
    /// Logins of registries.
    pub credentials: Credentials,
    /// The network; none forbids it.
    pub transport: Option<Arc<dyn Transport + Send>>,
}

/// Where an image is, as its prefix says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ImagePlace {
    /// `docker://host/repository[:tag|@digest]`.
    Registry,
    /// `docker-archive:FILE[:tag]`, as `docker save` writes it.
    DockerArchive,
    /// `oci:FOLDER[:tag]`.
    OciFolder,
    /// `oci-archive:FILE[:tag]`.
    OciArchive,
}

const PREFIXES: [(&str, ImagePlace); 4] = [
    ("docker://", ImagePlace::Registry),
    ("docker-archive:", ImagePlace::DockerArchive),
    ("oci-archive:", ImagePlace::OciArchive),
    ("oci:", ImagePlace::OciFolder),
];

impl Target {
    /// The image that a text names by its prefix; none when it names no image.
    pub fn image(text: &str) -> Option<Target> {
        let of = |(prefix, place): &(&str, ImagePlace)| Some((text.strip_prefix(prefix)?.to_owned(), *place));
        let (name, place) = PREFIXES.iter().find_map(of)?;
        Some(Target::Image { place, name })
    }
}

/// One opened target with its images.
pub struct Source<'r> {
    pub store: Opened<'r>,
    pub images: Vec<Image>,
    /// How messages and paths name the target.
    shown: String,
    /// Nobody said that it is an image: what belongs to no image is scanned, too.
    rest: bool,
}

/// Where a target's blobs are.
pub enum Opened<'r> {
    Registry(Registry<'r>),
    Folder(Folder),
    Tarball(Tarball),
}

impl Opened<'_> {
    fn folder(&self) -> Option<&Folder> {
        if let Opened::Folder(folder) = self { Some(folder) } else { None }
    }

    pub fn store(&self) -> &dyn Store {
        match self {
            Opened::Registry(registry) => registry,
            Opened::Folder(folder) => folder,
            Opened::Tarball(tarball) => tarball,
        }
    }
}

/// The targets of a run.
#[derive(Default)]
pub struct Targets<'r> {
    /// Images, opened.
    pub images: Vec<Source<'r>>,
    /// All others.
    pub others: Vec<&'r Target>,
    /// Images that cannot be read, of targets with several.
    pub warnings: Vec<Warning>,
}

/// Splits targets into images, opened, and the others. A file or folder is an image by its content.
pub fn open(request: &Request) -> Result<Targets<'_>, ScanError> {
    let mut targets = Targets::default();
    for target in &request.targets {
        let opened = match target {
            Target::Image { place, name } => {
                request.progress.enter("opening image");
                let prefix = PREFIXES.iter().find(|(_, known)| known == place).map_or("", |(prefix, _)| prefix);
                let error = |error| ScanError::Image { target: format!("{prefix}{name}"), error };
                Some(open_named(request, *place, name).map_err(error)?)
            }
            Target::Path(path) if request.is_plain() => recognise(request, path),
            _ => None,
        };
        match opened {
            Some((source, warnings)) => {
                targets.images.push(source);
                targets.warnings.extend(warnings);
            }
            None => targets.others.push(target),
        }
    }
    Ok(targets)
}

type Found<'r> = (Source<'r>, Vec<Warning>);

fn open_named<'r>(request: &'r Request, place: ImagePlace, name: &str) -> Result<Found<'r>, ImageError> {
    let platform = request.images.platform.as_ref();
    let limits = request.archives.clone().unwrap_or_default();
    let source = |shown: &str, store, Resolved { images, warnings }: Resolved| {
        (Source { store, images, shown: shown.to_owned(), rest: false }, warnings)
    };
    let (path, tag) = split(name);
    let shown = files::shown(Path::new(path), Path::new(path));
    match place {
        ImagePlace::Registry => {
            let reference = Reference::parse(name)?;
            let offline = || ImageError::Unsupported("it is remote, and the network is forbidden".into());
            let transport = request.images.transport.as_deref().ok_or_else(offline)?;
            let registry = Registry::connect(transport, &reference, &request.images.credentials)?;
            let resolved = registry.images(platform)?;
            Ok(source(&reference.to_string(), Opened::Registry(registry), resolved))
        }
        ImagePlace::OciFolder => {
            let folder = Folder::open(Path::new(path));
            let folder = folder.ok_or_else(|| no_image(path, "a folder with an OCI layout"))?;
            let resolved = folder.images(&shown, tag, platform)?;
            Ok(source(&shown, Opened::Folder(folder), resolved))
        }
        ImagePlace::DockerArchive | ImagePlace::OciArchive => {
            let dialect = if place == ImagePlace::OciArchive { Dialect::Oci } else { Dialect::Docker };
            let tarball = Tarball::open(Path::new(path), &limits, true)?;
            let mut tarball = tarball.ok_or_else(|| no_image(path, "a tarball of an image"))?;
            let resolved = tarball.images(dialect, &shown, tag, platform)?;
            Ok(source(&shown, Opened::Tarball(tarball), resolved))
        }
    }
}

fn no_image(path: &str, expected: &str) -> ImageError {
    match Path::new(path).exists() {
        true => ImageError::Unsupported(format!("it is not {expected}")),
        false => ImageError::Unreadable { what: path.to_owned(), error: io::ErrorKind::NotFound.into() },
    }
}

/// A path and a tag; a path that is there with its colon has none.
fn split(name: &str) -> (&str, Option<&str>) {
    if Path::new(name).exists() {
        return (name, None);
    }
    let mut colons = name.match_indices(':').map(|(at, _)| at);
    let there = colons.find(|at| Path::new(&name[..*at]).exists());
    there.or(name.rfind(':')).map_or((name, None), |at| (&name[..at], Some(&name[at + 1..])))
}

/// An image without a prefix. One that cannot be opened as an image is scanned as the files that it is.
fn recognise<'r>(request: &'r Request, path: &Path) -> Option<Found<'r>> {
    let limits = request.archives.as_ref()?;
    let shown = files::shown(path, path);
    let platform = request.images.platform.as_ref();
    let (store, resolved) = if path.is_dir() {
        let folder = Folder::open(path).filter(|_| path.join("oci-layout").is_file())?;
        let resolved = folder.images(&shown, None, platform).ok()?;
        (Opened::Folder(folder), resolved)
    } else {
        let mut tarball = Tarball::open(path, limits, false).ok()??;
        let dialect = tarball.dialect()?;
        let resolved = tarball.images(dialect, &shown, None, platform).ok()?;
        (Opened::Tarball(tarball), resolved)
    };
    let rest = request.images.platform.is_none();
    Some((Source { store, images: resolved.images, shown, rest }, resolved.warnings))
}

/// Scans all images of a run together.
pub fn scan(request: &Request, engine: &Engine, sources: &[Source<'_>]) -> Part {
    request.progress.enter("reading configurations");
    let mut part = Part::default();
    let plan = Plan::new(engine, sources, &mut part.warnings);
    request.progress.enter("scanning layers");
    let limits = request.archives.clone().unwrap_or_default();
    let new = || Worker::new(request, engine, &plan, limits.clone());
    let mut workers = pool::run(pool::units(&plan), request.threads, &new);
    workers[0].configurations();
    workers[0].rest(sources);
    for folder in sources.iter().filter(|source| source.rest).filter_map(|source| source.store.folder()) {
        let used: HashSet<PathBuf> = plan.used().map(|digest| folder.file(digest)).collect();
        let files = super::files::scan_files_where(request, engine, folder.path(), &|path| !used.contains(path));
        part.findings.absorb(files.findings);
        part.warnings.extend(files.warnings);
    }
    for mut worker in workers {
        let spots = std::mem::take(&mut worker.spots);
        worker.content.scanner.findings.place(&|place| plan.origins(&spots[place as usize]));
        part.findings.absorb(worker.content.scanner.findings);
        part.warnings.extend(worker.content.scanner.warnings);
    }
    part
}

/// One thread's share.
pub struct Worker<'p, 'e> {
    content: ContentScanner<'p, 'e>,
    plan: &'p Plan<'p>,
    limits: Limits,
    /// Places with findings.
    spots: Vec<Spot>,
}

impl<'p, 'e> Worker<'p, 'e> {
    fn new(request: &'p Request, engine: &'e Engine, plan: &'p Plan<'p>, limits: Limits) -> Worker<'p, 'e> {
        Worker { content: ContentScanner::new(request, engine), plan, limits, spots: Vec::new() }
    }

    /// Scans one content at a spot, which is kept if there is a finding.
    fn scan(&mut self, spot: &dyn Fn() -> Spot, content: &mut dyn Read) -> io::Result<()> {
        self.at(spot, |scanner, place, name| scanner.scan(place, name, content))
    }

    fn scan_whole(&mut self, spot: &dyn Fn() -> Spot, bytes: &[u8]) {
        self.at(spot, |scanner, place, name| scanner.scan_whole(place, name, bytes));
    }

    fn at<T>(
        &mut self,
        spot: &dyn Fn() -> Spot,
        work: impl FnOnce(&mut ContentScanner<'p, 'e>, u32, &dyn Fn() -> String) -> T,
    ) -> T {
        let (plan, before) = (self.plan, self.content.scanner.findings.added());
        let done = work(&mut self.content, self.spots.len() as u32, &|| plan.name(&spot()));
        if self.content.scanner.findings.added() > before {
            self.spots.push(spot());
        }
        done
    }

    fn configurations(&mut self) {
        let plan = self.plan;
        for (index, config) in plan.configs.iter().enumerate() {
            for (number, section) in config.sections.iter().enumerate() {
                self.scan_whole(&|| Spot::Section { config: index, section: number }, section.text.as_bytes());
            }
        }
    }

    /// Scans what belongs to no image, of targets that were named as files.
    fn rest(&mut self, sources: &[Source<'_>]) {
        for source in sources.iter().filter(|source| source.rest) {
            let used: HashSet<&Digest> = self.plan.used().collect();
            let Opened::Tarball(tarball) = &source.store else { continue };
            tarball.read_rest(&|digest| used.contains(digest), &mut |name, found| {
                let spot = || Spot::Rest { target: source.shown.clone(), name: name.to_owned() };
                let read = |error| ImageError::Unreadable { what: name.to_owned(), error };
                if let Err(error) = found.and_then(|content| self.scan(&spot, content).map_err(read)) {
                    let message = error.to_string();
                    self.content.scanner.warnings.push(Warning::unscanned(
                        "unreadable-file",
                        self.plan.name(&spot()),
                        message,
                    ));
                }
            });
        }
    }

    fn warn(&mut self, layer: usize, code: &'static str, message: String) {
        self.content.scanner.warnings.push(Warning::unscanned(code, self.plan.layer_name(layer), message));
    }
}

/// Whether a blob is encrypted, by its media type.
fn is_encrypted(what: &Descriptor) -> bool {
    what.media_type.ends_with("+encrypted")
}
