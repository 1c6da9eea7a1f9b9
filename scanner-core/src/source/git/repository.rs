//! A git repository on disk: where its parts are and which objects its names point to.
//!
//! No `GIT_*` variable is read and no ownership check hides anything: the caller names the folder to scan.

use super::objects::Kind;
use super::references::References;
use crate::blob::ObjectId;
use crate::warning::Warning;
use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use thiserror::Error;

/// A repository that cannot be read as asked.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum GitError {
    /// Objects are named by SHA-256.
    #[error("cannot read {}: its objects are named by SHA-256, and only SHA-1 repositories can be read", path.display())]
    Sha256 { path: PathBuf },
    /// References are kept in a format that cannot be read.
    #[error("cannot read {}: its references are stored as `{format}`, and only files can be read", path.display())]
    RefStorage { path: PathBuf, format: String },
    /// It looks like a repository and cannot be opened.
    #[error("cannot open the git repository {}: {reason}", path.display())]
    Open { path: PathBuf, reason: String },
    /// A part of a revision names nothing.
    #[error("cannot resolve `{name}` in the range `{spec}`: {reason}")]
    Revision { spec: String, name: String, reason: String, is_shallow: bool },
    /// A date that is none.
    #[error("cannot read the date `{date}`")]
    Date { date: String },
    /// The index cannot be read.
    #[error("cannot read the index {}: {reason}", path.display())]
    Index { path: PathBuf, reason: String },
    /// An object that everything else depends on cannot be read.
    #[error("cannot read object {id}: {reason}")]
    Object { id: ObjectId, reason: String },
}

impl GitError {
    /// What to try next, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            GitError::Revision { is_shallow: true, .. } => {
                Some("the clone is shallow: run `git fetch --unshallow`, or check out with full depth in CI")
            }
            GitError::Revision { .. } => Some("run `git fetch` if the branch or commit is only on the remote"),
            GitError::Date { .. } => Some("write 2024-01-31, 2024-01-31T12:00:00Z or `2 weeks ago`"),
            GitError::Sha256 { .. } => Some("scan its files with `--history none`"),
            _ => None,
        }
    }
}

/// A name that keeps objects alive, and the object it points to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tip {
    /// `refs/heads/main`, `HEAD`, `worktrees/x/HEAD`, `refs/stash@{1}`.
    pub name: String,
    /// What it points to: mostly a commit or an annotated tag.
    pub id: ObjectId,
}

/// A git repository on disk.
pub struct Repository {
    pub(super) gix: gix::Repository,
    pub(super) extra_objects: Vec<PathBuf>,
    pub(super) index: PathBuf,
    prefix: PathBuf,
    /// Stores of the added object folders, opened when first needed.
    extra: OnceCell<Vec<gix::odb::Handle>>,
}

impl Repository {
    /// Opens the repository that `path` is, or lies in; `None` when there is none.
    pub fn open(path: &Path) -> Result<Option<Repository>, GitError> {
        let start = path.canonicalize().map_err(|error| open_error(path, &error))?;
        let start = if start.is_dir() { start } else { start.parent().unwrap_or(&start).to_path_buf() };
        let Some((git_dir, work_dir)) = discover(&start)? else {
            return Ok(None);
        };
        refuse_unknown_formats(path, &git_dir)?;
        let gix = gix::open::Options::isolated()
            .with(gix::sec::Trust::Full)
            .open_path_as_is(true)
            .open(work_dir.as_ref().map_or(git_dir.clone(), |dir| dir.join(".git")))
            .map_err(|error| open_error(path, &error))?
            .to_thread_local();
        let prefix = gix.workdir().and_then(|dir| dir.canonicalize().ok());
        let prefix = prefix.and_then(|dir| start.strip_prefix(dir).ok().map(Path::to_path_buf)).unwrap_or_default();
        Ok(Some(Repository::of(gix, prefix)))
    }

    /// Opens the repository whose own folder is `git_dir`, as `GIT_DIR` names it, wherever its work tree is.
    pub fn open_git_dir(git_dir: &Path) -> Result<Repository, GitError> {
        refuse_unknown_formats(git_dir, git_dir)?;
        let options = gix::open::Options::isolated().with(gix::sec::Trust::Full).open_path_as_is(true);
        let gix = options.open(git_dir).map_err(|error| open_error(git_dir, &error))?.to_thread_local();
        Ok(Repository::of(gix, PathBuf::new()))
    }

    fn of(gix: gix::Repository, prefix: PathBuf) -> Repository {
        let index = gix.index_path();
        Repository { gix, extra_objects: Vec::new(), index, prefix, extra: OnceCell::new() }
    }

    /// Adds object folders to look into, such as the quarantine of a pre-receive hook.
    pub fn with_objects(mut self, folders: impl IntoIterator<Item = PathBuf>) -> Repository {
        self.extra_objects.extend(folders);
        self
    }

    /// Uses another index, such as the one `git commit FILE` hands to its hooks.
    pub fn with_index(mut self, index: PathBuf) -> Repository {
        self.index = index;
        self
    }

    /// The folder of this work tree's own state: `.git`, or `.git/worktrees/NAME` of a linked one.
    pub fn git_dir(&self) -> &Path {
        self.gix.git_dir()
    }

    /// The folder shared by all work trees.
    pub fn common_dir(&self) -> &Path {
        self.gix.common_dir()
    }

    /// The object folder; alternates hang on it.
    pub fn objects_dir(&self) -> PathBuf {
        self.common_dir().join("objects")
    }

    /// Object folders added by the caller.
    pub fn extra_objects(&self) -> &[PathBuf] {
        &self.extra_objects
    }

    /// The root of the work tree; `None` for a bare repository.
    pub fn work_dir(&self) -> Option<&Path> {
        self.gix.workdir()
    }

    /// Where the opened path lies inside the work tree; empty at its root and in a bare repository.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// Whether it has no work tree.
    pub fn is_bare(&self) -> bool {
        self.gix.workdir().is_none()
    }

    /// Commits whose parents were never fetched.
    pub fn shallow_roots(&self) -> Vec<ObjectId> {
        let text = std::fs::read_to_string(self.common_dir().join("shallow")).unwrap_or_default();
        let mut roots: Vec<ObjectId> = text.lines().filter_map(|line| parse_id(line.trim().as_bytes())).collect();
        roots.sort();
        roots
    }

    /// Whether a promisor remote still owes objects: a partial clone.
    pub fn is_partial_clone(&self) -> bool {
        let config = self.gix.config_snapshot();
        let remotes = config.plumbing().sections_by_name("remote").into_iter().flatten();
        let mut promises = remotes.filter_map(|section| section.body().value("promisor"));
        let is_true = |value: &[u8]| matches!(&*value.to_ascii_lowercase(), b"true" | b"yes" | b"on" | b"1");
        config.string("extensions.partialClone").is_some()
            || promises.any(|value| is_true(&value))
            || self.has_promisor_pack()
    }

    /// Packs from a promisor remote are marked, and stay so when the configuration is lost.
    fn has_promisor_pack(&self) -> bool {
        let packs = std::fs::read_dir(self.objects_dir().join("pack")).into_iter().flatten().flatten();
        packs.map(|file| file.path()).any(|path| path.extension().is_some_and(|end| end == "promisor"))
    }

    /// What `HEAD` points to; `None` while its branch is unborn.
    pub fn head(&self) -> Option<ObjectId> {
        self.gix.head().ok()?.id().map(|id| own_id(&id))
    }

    /// The other parents of the merge that is under way.
    pub fn merge_heads(&self) -> Vec<ObjectId> {
        let text = std::fs::read(self.git_dir().join("MERGE_HEAD")).unwrap_or_default();
        text.split(|byte| *byte == b'\n').filter_map(|line| parse_id(line.trim_ascii())).collect()
    }

    /// The branch that `HEAD` names; `None` when it is detached.
    pub fn branch(&self) -> Option<String> {
        self.references().branch()
    }

    /// Where it was cloned from: the address of `origin`, or of its only remote.
    pub fn remote_url(&self) -> Option<String> {
        let config = self.gix.config_snapshot();
        let own = || {
            let mut urls = config.plumbing().sections_by_name("remote").into_iter().flatten();
            let url = urls.find_map(|section| section.body().value("url"));
            url.filter(|_| urls.next().is_none()).map(|url| url.to_string())
        };
        config.string("remote.origin.url").map(|url| url.to_string()).or_else(own)
    }

    /// Where its names are, and what they point to.
    pub fn references(&self) -> References {
        References::of_open(&self.gix)
    }

    /// Every name that keeps objects alive, sorted: see `References::tips`.
    pub fn tips(&self) -> (Vec<Tip>, Vec<Warning>) {
        self.references().tips()
    }

    /// Reads one object; for many, `Objects` is better.
    pub fn read(&self, id: ObjectId) -> Result<Vec<u8>, GitError> {
        self.read_small(id)
    }

    /// The root tree of a commit, or of the commit that a tag names.
    pub fn tree_of(&self, mut id: ObjectId) -> Option<ObjectId> {
        for _ in 0..100 {
            let (kind, bytes) = self.read_with_kind(id).ok()?;
            match kind {
                Kind::Commit => return super::staged::tree_of(self, id).ok(),
                Kind::Tree => return Some(id),
                Kind::Tag => id = parse_id(bytes.strip_prefix(b"object ")?.get(..40)?)?,
                Kind::Blob => return None,
            }
        }
        None
    }

    /// Whether an object is here.
    pub fn has(&self, id: ObjectId) -> bool {
        self.read_with_kind(id).is_ok()
    }

    /// Reads one object through a handle fit for a few small reads.
    pub(super) fn read_small(&self, id: ObjectId) -> Result<Vec<u8>, GitError> {
        self.read_with_kind(id).map(|(_, bytes)| bytes)
    }

    /// The same, with what it is. Added folders come first: what is asked for there is mostly new.
    pub(super) fn read_with_kind(&self, id: ObjectId) -> Result<(Kind, Vec<u8>), GitError> {
        let own = gix::ObjectId::Sha1(id.0);
        if let Some(found) = self.read_extra(own) {
            return Ok(found);
        }
        let unreadable = |reason: String| GitError::Object { id, reason };
        let mut object = self.gix.find_object(own).map_err(|error| unreadable(error.to_string()))?;
        Ok((own_kind(object.kind), std::mem::take(&mut object.data)))
    }

    fn read_extra(&self, id: gix::ObjectId) -> Option<(Kind, Vec<u8>)> {
        use gix::prelude::FindExt;
        if self.extra_objects.is_empty() {
            return None;
        }
        let open = |folder: &PathBuf| {
            let mut store = gix::odb::at(folder, gix::hash::Kind::Sha1).ok()?;
            store.refresh_never();
            Some(store)
        };
        let stores = self.extra.get_or_init(|| self.extra_objects.iter().filter_map(open).collect());
        let mut buffer = Vec::new();
        let kind = stores.iter().find_map(|store| Some(own_kind(store.find(&id, &mut buffer).ok()?.kind)))?;
        Some((kind, buffer))
    }
}

fn discover(start: &Path) -> Result<Option<(PathBuf, Option<PathBuf>)>, GitError> {
    use gix::discover::upwards::{Options, TrustPolicy};
    // Ownership decides whom git obeys; here nothing of the repository is executed.
    let options = Options { trust: TrustPolicy::Assume(gix::sec::Trust::Full), ..Options::default() };
    match gix::discover::upwards_opts(start, options) {
        Ok((found, _)) => {
            let (git_dir, work_dir) = found.into_repository_and_work_tree_directories();
            refuse_broken(start, work_dir.as_deref())?;
            Ok(Some((git_dir, work_dir)))
        }
        Err(error) if error.is_not_found() => refuse_broken(start, None).map(|()| None),
        Err(error) => Err(open_error(start, &error)),
    }
}

/// A folder with a `.git` that leads nowhere must not be scanned as if it had no history.
fn refuse_broken(start: &Path, found: Option<&Path>) -> Result<(), GitError> {
    let dot_git = start.join(".git");
    let is_broken = dot_git.symlink_metadata().is_ok() && found != Some(start);
    if !is_broken || (found.is_some() && dot_git.is_dir()) {
        return Ok(());
    }
    let reason =
        if dot_git.is_file() { "its .git file leads to no repository" } else { "its .git folder is no repository" };
    Err(GitError::Open { path: start.to_path_buf(), reason: reason.to_owned() })
}

fn refuse_unknown_formats(path: &Path, git_dir: &Path) -> Result<(), GitError> {
    let common = std::fs::read_to_string(git_dir.join("commondir"));
    let common = common.map_or(git_dir.to_path_buf(), |text| git_dir.join(text.trim()));
    let Ok(bytes) = std::fs::read(common.join("config")) else {
        return Ok(());
    };
    let config =
        gix::config::File::from_bytes_no_includes(&bytes, gix::config::file::Metadata::default(), Default::default())
            .map_err(|error| open_error(path, &error))?;
    let extension = |name: &str| config.string(format!("extensions.{name}").as_str()).map(|value| value.to_string());
    if extension("objectFormat").is_some_and(|format| format.eq_ignore_ascii_case("sha256")) {
        return Err(GitError::Sha256 { path: path.to_path_buf() });
    }
    match extension("refStorage") {
        Some(format) if !format.eq_ignore_ascii_case("files") => {
            Err(GitError::RefStorage { path: path.to_path_buf(), format })
        }
        _ => Ok(()),
    }
}

fn open_error(path: &Path, error: &dyn std::fmt::Display) -> GitError {
    GitError::Open { path: path.to_path_buf(), reason: error.to_string() }
}

fn own_kind(kind: gix::objs::Kind) -> Kind {
    match kind {
        gix::objs::Kind::Commit => Kind::Commit,
        gix::objs::Kind::Tree => Kind::Tree,
        gix::objs::Kind::Blob => Kind::Blob,
        gix::objs::Kind::Tag => Kind::Tag,
    }
}

/// Our id of gix's.
pub(super) fn own_id(id: &gix::oid) -> ObjectId {
    let mut bytes = [0; 20];
    bytes.copy_from_slice(&id.as_bytes()[..20]);
    ObjectId(bytes)
}

/// Reads 40 hex digits.
pub fn parse_id(hex: &[u8]) -> Option<ObjectId> {
    if hex.len() != 40 {
        return None;
    }
    let digit = |byte: u8| (byte as char).to_digit(16).map(|digit| digit as u8);
    let mut id = [0; 20];
    for (byte, pair) in id.iter_mut().zip(hex.chunks(2)) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    Some(ObjectId(id))
}
