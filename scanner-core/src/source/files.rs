//! Files on disk: a folder as git sees it (ignore files respected), or one file. Large files are mapped or
//! read in blocks.

use crate::warning::Warning;
use ignore::{WalkBuilder, WalkState};
use memmap2::Mmap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// Smaller files are read: a map costs more than the copy.
const MAP_FROM: u64 = 1 << 20;
/// Larger files are read in blocks: pages of a map count as the process's memory.
const STREAM_FROM: u64 = 64 << 20;

/// Bytes of a file.
pub enum Content {
    /// Read into memory.
    Read(Vec<u8>),
    /// Mapped; another program may truncate the file meanwhile, which the kernel answers with SIGBUS.
    Mapped(Mmap),
    /// Too large to hold: to be read in blocks.
    Large(File),
}

impl Content {
    /// The bytes; none of a large file.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Content::Read(bytes) => bytes,
            Content::Mapped(map) => map,
            Content::Large(_) => &[],
        }
    }
}

/// Reads, maps or opens one file, by its size.
pub fn open(path: &Path) -> std::io::Result<Content> {
    let mut file = File::open(path)?;
    let len = file.metadata()?.len();
    if len < MAP_FROM {
        let mut bytes = Vec::with_capacity(len as usize + 1);
        file.read_to_end(&mut bytes)?;
        return Ok(Content::Read(bytes));
    }
    if len > STREAM_FROM {
        return Ok(Content::Large(file));
    }
    // SAFETY: the map is only read, and as bytes of any value; a file that shrinks meanwhile ends the process by SIGBUS
    // rather than in undefined data. Reading 1 GB instead costs 0.25 s and as much memory.
    Ok(Content::Mapped(unsafe { Mmap::map(&file)? }))
}

/// Every file below `root`, sorted, relative to it; and what could not be looked into.
///
/// Ignore files and hidden-file rules are git's: hidden files are scanned, `.git` is not, ignored ones only with
/// `no_ignore`. Symbolic links are not followed: their targets are scanned where they stand.
pub fn list(root: &Path, no_ignore: bool, threads: usize) -> (Vec<PathBuf>, Vec<Warning>) {
    if !root.is_dir() {
        return (vec![root.to_path_buf()], Vec::new());
    }
    let found = Mutex::new((Vec::new(), Vec::new()));
    let mut builder = WalkBuilder::new(root);
    builder.hidden(false).threads(threads).require_git(false).follow_links(false);
    builder.ignore(false).git_ignore(!no_ignore).git_exclude(!no_ignore).git_global(!no_ignore).parents(!no_ignore);
    let nested = Arc::new(Mutex::new(Vec::new()));
    let nested_found = nested.clone();
    builder.filter_entry(move |entry| {
        let is_git = entry.file_name() == ".git";
        if is_git && entry.depth() > 1 {
            nested_found.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(entry.path().to_path_buf());
        }
        !is_git
    });
    builder.build_parallel().run(|| {
        let mut local = Batch { found: &found, files: Vec::new(), warnings: Vec::new() };
        Box::new(move |entry| {
            match entry {
                Ok(entry) if entry.file_type().is_some_and(|kind| kind.is_file()) => {
                    local.files.push(entry.into_path())
                }
                Ok(_) => {}
                Err(error) => local.warnings.push(warning(root, &error)),
            }
            WalkState::Continue
        })
    });
    let (mut files, mut warnings) = found.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
    let nested = std::mem::take(&mut *nested.lock().unwrap_or_else(|poisoned| poisoned.into_inner()));
    warnings.extend(nested.iter().filter_map(|git| nested_repository(root, git)));
    files.sort();
    warnings.sort();
    (files, warnings)
}

/// What one thread of the walk found; handed over when the thread ends.
struct Batch<'a> {
    found: &'a Mutex<(Vec<PathBuf>, Vec<Warning>)>,
    files: Vec<PathBuf>,
    warnings: Vec<Warning>,
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        let mut found = self.found.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        found.0.append(&mut self.files);
        found.1.append(&mut self.warnings);
    }
}

/// A repository inside the folder, or a submodule: its files are scanned, its history is its own.
fn nested_repository(root: &Path, git: &Path) -> Option<Warning> {
    let message = "the history of this nested repository is not scanned: name it as a target of its own";
    Some(Warning::note("nested-repository", shown(root, git.parent()?), message))
}

fn warning(root: &Path, error: &ignore::Error) -> Warning {
    // A malformed ignore file leaves more to be scanned, not less.
    match error {
        ignore::Error::Partial(_) | ignore::Error::Glob { .. } => {
            Warning::note("ignore-file", root.display().to_string(), error.to_string())
        }
        _ => Warning::unscanned("unreadable-file", root.display().to_string(), format!("cannot list: {error}")),
    }
}

/// A path as reports print it: relative to `root`, with `/`.
pub fn shown(root: &Path, path: &Path) -> String {
    let relative = match path.strip_prefix(root) {
        Ok(relative) if !relative.as_os_str().is_empty() => relative,
        _ => Path::new(path.file_name().unwrap_or(path.as_os_str())),
    };
    let parts: Vec<_> = relative.components().map(|part| part.as_os_str().to_string_lossy()).collect();
    parts.join("/")
}
