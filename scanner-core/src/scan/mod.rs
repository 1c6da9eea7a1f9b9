//! One scan: what was asked for, how far it is, and what came out.

mod archives;
mod buckets;
mod change;
mod collect;
mod content;
pub mod examples;
mod files;
mod fresh;
mod history;
mod images;
mod judge;
pub mod lint;
mod live;
mod logs;
mod mask;
mod own;
mod pipelines;
mod position;
mod runs;
mod stream;
mod text;
mod value;
mod vaulted;

pub use buckets::Buckets;
pub use change::{Change, scan_change};
pub use fresh::{Fresh, Scanned, Standing};
pub use images::{ImagePlace, Images, Layers, Pulled, ScannedLayer};
pub use live::Live;
pub use mask::Mask;
pub use runs::Forges;
pub use value::identify;

use crate::archive;
use crate::blob::Origin;
use crate::detect::Engine;
use crate::finding::{Finding, Verdict};
pub use crate::policy::Gate;
use crate::policy::Policy;
use crate::rule_set::RuleSet;
use crate::source::git::repository::{GitError, Repository};
use crate::summary::Summary;
use crate::suppress::Suppressions;
use crate::warning::Warning;
use collect::Findings;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// What is scanned.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// A work tree, a bare repository, a folder or a file.
    Path(PathBuf),
    /// A container image, or several.
    Image {
        /// What kind of place.
        place: ImagePlace,
        /// What stands behind the prefix.
        name: String,
    },
    /// The objects of a bucket.
    Bucket {
        /// The bucket, and what keys begin with after a `/`.
        name: String,
    },
    /// What pipelines printed and left behind, on a forge: `github://…`, `gitlab://…`.
    Run(String),
    /// Standard input.
    Stdin,
}

impl Target {
    /// As a report names it: what was written, or the folder's own name for `.`.
    pub fn name(&self) -> String {
        match self {
            Target::Stdin => "-".to_owned(),
            Target::Image { name, .. } | Target::Run(name) => name.clone(),
            Target::Bucket { name } => format!("{}{name}", crate::blob::BUCKET),
            Target::Path(path) if path.file_name().is_none() => {
                let own_name = || Some(path.canonicalize().ok()?.file_name()?.to_string_lossy().into_owned());
                own_name().unwrap_or_else(|| path.display().to_string())
            }
            Target::Path(path) => path.display().to_string(),
        }
    }
}

/// How much of a repository's history is scanned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum History {
    /// Every reachable object.
    #[default]
    Everything,
    /// The files on disk only.
    None,
    /// What commits of `range` since `since` introduced; one of them is set.
    Part {
        /// As git reads it: `A..B`.
        range: Option<String>,
        /// A date as git reads it.
        since: Option<String>,
    },
}

/// How far a scan is; read from another thread.
#[derive(Debug, Default)]
pub struct Progress {
    /// Blobs scanned so far.
    pub blobs: AtomicU64,
    /// Their bytes.
    pub bytes: AtomicU64,
    /// All bytes to scan; zero while unknown.
    pub total_bytes: AtomicU64,
    /// What is being done, in a word or two.
    pub stage: Mutex<&'static str>,
}

impl Progress {
    fn enter(&self, stage: &'static str) {
        *self.stage.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = stage;
    }

    fn add(&self, blobs: u64, bytes: u64) {
        self.blobs.fetch_add(blobs, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// What was asked for.
pub struct Request {
    /// Where to look.
    pub targets: Vec<Target>,
    /// How much of the past of a git target.
    pub history: History,
    /// Only the index of a git target.
    pub staged: bool,
    /// Also files that ignore files leave out.
    pub no_ignore: bool,
    /// How far archives are unpacked; `None` scans their bytes as they are.
    pub archives: Option<archive::Limits>,
    /// How images are found and got.
    pub images: Images,
    /// How buckets are got.
    pub buckets: Buckets,
    /// How forges are asked.
    pub forges: Forges,
    /// Who is told of findings of standard input while it goes on; for a scan of nothing else.
    pub live: Option<Live>,
    /// Threads; at least one.
    pub threads: usize,
    /// What to look for.
    pub rules: Arc<RuleSet>,
    /// What not to hold against the targets.
    pub suppressions: Suppressions,
    /// What counts.
    pub policy: Policy,
    /// Filled while the scan runs.
    pub progress: Arc<Progress>,
}

impl Request {
    /// Everything of `targets` by the built-in rules, on one thread and without the network.
    pub fn new(targets: Vec<Target>) -> Request {
        Request {
            targets,
            history: History::Everything,
            staged: false,
            no_ignore: false,
            archives: Some(archive::Limits::default()),
            images: Images::default(),
            buckets: Buckets::default(),
            forges: Forges::default(),
            live: None,
            threads: 1,
            rules: RuleSet::embedded(),
            suppressions: Suppressions::default(),
            policy: Policy::default(),
            progress: Arc::default(),
        }
    }

    /// Whether files are scanned as they are, and not commits or the index.
    fn is_plain(&self) -> bool {
        !self.staged && !matches!(self.history, History::Part { .. })
    }
}

/// What came out: findings sorted, suppressed and below-gate ones included.
#[derive(Debug)]
pub struct Outcome {
    /// One a secret.
    pub findings: Vec<Finding>,
    /// What was done.
    pub summary: Summary,
}

/// Why a scan could not be done at all.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// A target that is not there.
    #[error("cannot scan {path}: no such file or folder")]
    Missing {
        /// As it was named.
        path: String,
    },
    /// A target that cannot be opened.
    #[error("cannot scan {path}: {error}")]
    Unreadable {
        /// As it was named.
        path: String,
        /// The system's reason.
        error: std::io::Error,
    },
    /// History was asked of something that has none.
    #[error("{path} is no git repository, so it has no {asked}")]
    NoRepository {
        /// As it was named.
        path: String,
        /// `range`, `staged changes`.
        asked: &'static str,
    },
    /// An image that cannot be read at all.
    #[error("cannot scan {target}: {error}")]
    Image {
        /// As it was named.
        target: String,
        /// The reason.
        error: crate::image::ImageError,
    },
    /// A bucket that cannot be read at all.
    #[error("cannot scan {target}: {error}")]
    Bucket {
        /// As it was named.
        target: String,
        /// The reason.
        error: crate::bucket::BucketError,
    },
    /// A run, job or artifact that cannot be fetched at all.
    #[error("cannot scan {target}: {error}")]
    Forge {
        /// As it was named.
        target: String,
        /// The reason.
        error: crate::forge::ForgeError,
    },
    /// Git's data cannot be read as asked.
    #[error(transparent)]
    Git(#[from] GitError),
    /// The object database cannot be read.
    #[error(transparent)]
    Objects(#[from] crate::source::git::objects::ObjectsError),
}

impl ScanError {
    /// What to try next, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            ScanError::Git(error) => error.hint(),
            ScanError::Image { error, .. } => error.hint(),
            ScanError::Bucket { error, .. } => error.hint(),
            ScanError::Forge { error, .. } => error.hint(),
            ScanError::NoRepository { .. } => Some("name a git repository, or leave the option out to scan the files"),
            _ => None,
        }
    }
}

/// Scans what `request` asks for.
///
/// Errors when a target cannot be scanned at all; anything smaller that stays unscanned is a warning in the summary.
pub fn scan(request: &Request) -> Result<Outcome, ScanError> {
    let started = Instant::now();
    let engine = Engine::new(request.rules.clone());
    let mut findings = Findings::default();
    let mut warnings = Vec::new();
    let mut summary = Summary::default();
    let images::Targets { images, others, warnings: unread } = images::open(request)?;
    warnings.extend(unread);
    for target in others {
        let part = scan_target(request, &engine, target, &mut summary)?;
        findings.absorb(part.findings);
        warnings.extend(part.warnings);
    }
    if !images.is_empty() {
        let part = images::scan(request, &engine, &images);
        findings.absorb(part.findings);
        warnings.extend(part.warnings);
    }
    if let Some(part) = runs::scan(request, &engine)? {
        findings.absorb(part.findings);
        warnings.extend(part.warnings);
    }
    let nothing = Warning::unscanned("nothing-scanned", "scan", "no blob was scanned");
    let is_empty = request.progress.blobs.load(Ordering::Relaxed) == 0 && !request.staged;
    let is_empty = is_empty && !runs::are_none_due(request, &warnings);
    warnings.extend(is_empty.then_some(nothing));
    Ok(conclude(request, &engine, Part { findings, warnings }, summary, started))
}

/// From what was gathered to what is reported.
fn conclude(request: &Request, engine: &Engine, part: Part, mut summary: Summary, started: Instant) -> Outcome {
    let Part { findings, mut warnings } = part;
    summary.targets = request.targets.iter().map(Target::name).collect();
    summary.blobs = request.progress.blobs.load(Ordering::Relaxed);
    summary.bytes = request.progress.bytes.load(Ordering::Relaxed);
    let mut findings = findings.finish(engine.rules());
    warnings.extend(request.suppressions.apply(&mut findings));
    own::drop_twins(&mut findings);
    vaulted::mark(&mut findings, engine.rules());
    request.policy.apply(&mut findings);
    warnings.sort();
    warnings.dedup();
    summary.elapsed = started.elapsed();
    summary.warnings = warnings;
    count(&findings, &mut summary);
    Outcome { findings, summary }
}

fn count(findings: &[Finding], summary: &mut Summary) {
    for finding in findings {
        match (&finding.suppression, finding.decision.verdict) {
            (Some(_), _) => summary.suppressed += 1,
            (None, Verdict::Block) => {
                summary.gated += 1;
                summary.findings += 1;
            }
            (None, Verdict::Warn) => summary.warned += 1,
            (None, Verdict::Allow) => summary.below_gate += 1,
        }
    }
}

/// Where a repository was cloned from, and what is checked out.
fn about(repository: &Repository) -> crate::summary::Repository {
    crate::summary::Repository {
        url: repository.remote_url().unwrap_or_default(),
        revision: repository.head().map(|head| head.to_string()),
        branch: repository.branch(),
    }
}

/// What one target gave.
#[derive(Default)]
struct Part {
    findings: Findings,
    warnings: Vec<Warning>,
}

fn scan_target(request: &Request, engine: &Engine, target: &Target, summary: &mut Summary) -> Result<Part, ScanError> {
    match target {
        Target::Stdin => Ok(match &request.live {
            Some(live) => live::scan(request, engine, live),
            None => files::scan_stdin(request, engine),
        }),
        Target::Bucket { name } => buckets::scan(request, engine, name),
        // Images were opened before; what is on forges comes after.
        Target::Image { .. } | Target::Run(_) => Ok(Part::default()),
        Target::Path(path) => scan_path(request, engine, path, summary),
    }
}

fn scan_path(request: &Request, engine: &Engine, path: &Path, summary: &mut Summary) -> Result<Part, ScanError> {
    let shown = || path.display().to_string();
    let metadata = std::fs::metadata(path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => ScanError::Missing { path: shown() },
        _ => ScanError::Unreadable { path: shown(), error },
    })?;
    let wants_git = request.staged || matches!(request.history, History::Part { .. });
    let repository = if metadata.is_dir() { Repository::open(path)? } else { None };
    let Some(repository) = repository else {
        if wants_git {
            let asked = if request.staged { "staged changes" } else { "range" };
            return Err(ScanError::NoRepository { path: shown(), asked });
        }
        return Ok(files::scan_files(request, engine, path));
    };
    summary.repositories.push(about(&repository));
    if request.staged {
        return history::scan_staged(request, engine, &repository);
    }
    let mut part = Part::default();
    if request.history != History::None {
        part = history::scan_history(request, engine, &repository)?;
    }
    if repository.work_dir().is_some() && !wants_git {
        let files = files::scan_files(request, engine, path);
        part.findings.absorb(files.findings);
        part.warnings.extend(files.warnings);
    }
    Ok(part)
}

/// Scans bytes in memory as a scan of a file does: an archive is unpacked within `limits`.
pub fn scan_content(
    engine: &Engine,
    bytes: &[u8],
    origin: Origin,
    limits: &archive::Limits,
) -> (Vec<Finding>, Vec<Warning>) {
    let mut scanner = text::TextScanner::new(engine);
    let (name, progress) = (|| origin.to_string(), Progress::default());
    let is_done = archives::scan_bytes(&mut scanner, bytes, Some(limits), 0, &name, &progress);
    if !is_done {
        scanner.scan(bytes, 0, &name);
    }
    let text::TextScanner { mut findings, warnings, .. } = scanner;
    findings.place(&|_| vec![origin.clone()]);
    (marked(findings, engine), warnings)
}

/// Scans one text in memory; findings below every gate included.
pub fn scan_bytes(engine: &Engine, bytes: &[u8], origin: Origin) -> (Vec<Finding>, Vec<Warning>) {
    let mut scanner = text::TextScanner::new(engine);
    scanner.scan(bytes, 0, &|| origin.to_string());
    let text::TextScanner { mut findings, warnings, .. } = scanner;
    findings.place(&|_| vec![origin.clone()]);
    (marked(findings, engine), warnings)
}

/// Scans a text as it is read, `block` bytes at a time, and never holds it whole; gives what `scan_bytes` gives.
pub fn scan_reader(
    engine: &Engine,
    reader: &mut dyn std::io::Read,
    block: usize,
    origin: Origin,
) -> (Vec<Finding>, Vec<Warning>, std::io::Result<u64>) {
    let mut scanner = text::TextScanner::new(engine);
    let read = stream::scan(&mut scanner, reader, block, 0, &|| origin.to_string(), &|_| ());
    let text::TextScanner { mut findings, warnings, .. } = scanner;
    findings.place(&|_| vec![origin.clone()]);
    (marked(findings, engine), warnings, read)
}

/// Scans texts that were read from elsewhere, as a scan by `request` judges them.
pub fn scan_texts(request: &Request, engine: &Engine, texts: &[(Origin, String)]) -> Outcome {
    let started = Instant::now();
    let mut content = content::ContentScanner::new(request, engine);
    for (place, (origin, text)) in texts.iter().enumerate() {
        content.scan_whole(place as u32, &|| origin.to_string(), text.as_bytes());
    }
    let text::TextScanner { mut findings, warnings, .. } = content.scanner;
    findings.place(&|place| vec![texts[place as usize].0.clone()]);
    conclude(request, engine, Part { findings, warnings }, Summary::default(), started)
}

fn marked(findings: Findings, engine: &Engine) -> Vec<Finding> {
    let mut findings = findings.finish(engine.rules());
    vaulted::mark(&mut findings, engine.rules());
    findings
}
