//! A file of addresses, and a folder of repositories, bare or with a work tree.

use super::{Access, Kind, Listed, Lister, Repo, State, TargetError, UNREAD, field, key_of, parse};
use crate::image::Reference;
use crate::warning::Warning;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

/// Folders inside folders that are looked through for repositories.
const MAX_DEPTH: usize = 32;
/// Bytes of a file of addresses.
const MAX_FILE: u64 = 64 << 20;
/// Schemes of addresses that git clones from.
const CLONED: [&str; 6] = ["https", "http", "ssh", "git", "file", "git+ssh"];

/// A file or a folder.
pub struct Local<'a, 't> {
    /// For targets that the file names.
    pub access: &'a Access<'t>,
    /// Of the file or the folder.
    pub path: PathBuf,
}

impl Lister for Local<'_, '_> {
    fn list(&self, state: Option<&State>, visit: &mut dyn FnMut(Repo)) -> Result<Listed, TargetError> {
        let unreadable = |error| TargetError::Unreadable { what: self.path.display().to_string(), error };
        let kind = fs::metadata(&self.path).map_err(unreadable)?;
        let mut listed = Listed::default();
        if kind.is_dir() {
            let root = self.path.canonicalize().map_err(unreadable)?;
            folder(&root, &root, 0, visit, &mut listed.warnings);
            return Ok(listed);
        }
        if kind.len() > MAX_FILE {
            return Err(unreadable(std::io::Error::other("it is too long for a file of addresses")));
        }
        let text = fs::read_to_string(&self.path).map_err(unreadable)?;
        listed.unchanged = state.is_some();
        for (number, line) in text.lines().enumerate() {
            let line = line.split(" #").next().unwrap_or_default().trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Err(reason) = self.line(line, state, visit, &mut listed) {
                let object = format!("{}, line {}", self.path.display(), number + 1);
                listed.warnings.push(Warning::unscanned("sweep-address", object, reason));
            }
        }
        Ok(listed)
    }
}

impl Local<'_, '_> {
    /// What one line names; the message of what it does not does not repeat it: it may hold a password.
    fn line(
        &self,
        line: &str,
        state: Option<&State>,
        visit: &mut dyn FnMut(Repo),
        listed: &mut Listed,
    ) -> Result<(), String> {
        if let Some(image) = line.strip_prefix("docker://").filter(|image| !image.ends_with('/')) {
            let reference = Reference::parse(image).map_err(|error| error.to_string())?;
            let key = reference.to_string();
            visit(Repo { address: format!("docker://{image}"), key, kind: Kind::Image, ..Repo::default() });
            return Ok(());
        }
        match line.split_once("://") {
            Some((scheme, _)) if CLONED.contains(&scheme) => self.remote(line, visit, listed)?,
            Some(_) => self.target(line, state, visit, listed)?,
            None if is_short(line) => self.remote(line, visit, listed)?,
            None => {
                let path = self.path.parent().unwrap_or(Path::new(".")).join(line);
                let path = path.canonicalize().map_err(|error| format!("cannot read the path there: {error}"))?;
                let repo = repository(&path, &path).ok_or("there is no repository at the path there")?;
                visit(repo);
            }
        }
        Ok(())
    }

    /// A repository, with its issues where they are wanted.
    fn remote(&self, line: &str, visit: &mut dyn FnMut(Repo), listed: &mut Listed) -> Result<(), String> {
        let repo = remote(line)?;
        match self.access.issues_of(&repo) {
            Some(Ok(issues)) => visit(issues),
            Some(Err(())) => {
                let message =
                    "what people wrote there is not read: it is no https:// address at GitHub, GitLab or Gitea";
                listed.warnings.push(Warning::unscanned(UNREAD, repo.key.as_str(), message));
            }
            None => {}
        }
        visit(repo);
        Ok(())
    }

    fn target(
        &self,
        line: &str,
        state: Option<&State>,
        visit: &mut dyn FnMut(Repo),
        listed: &mut Listed,
    ) -> Result<(), String> {
        let target = parse(line).map_err(|error| error.to_string())?;
        let known = state.and_then(|state| state.within.get(line));
        let inner = self.access.lister(&target).and_then(|lister| lister.list(known, visit));
        let inner = inner.map_err(|error| format!("{target}: {error}"))?;
        listed.calls += inner.calls;
        listed.unchanged &= inner.unchanged;
        listed.rate = inner.rate.or(listed.rate);
        listed.warnings.extend(inner.warnings);
        listed.state.within.insert(line.to_owned(), inner.state);
        Ok(())
    }
}

/// `git@host:path`: what git reads as an address of SSH.
fn is_short(line: &str) -> bool {
    line.split_once(':').is_some_and(|(host, path)| host.len() > 1 && !host.contains('/') && !path.is_empty())
}

fn remote(address: &str) -> Result<Repo, String> {
    let (scheme, rest) = address.split_once("://").unwrap_or(("ssh", address));
    let host = rest.split('/').next().unwrap_or_default();
    let user = host.rsplit_once('@').map(|(user, _)| user);
    let is_web = matches!(scheme, "https" | "http");
    if user.is_some_and(|user| is_web || user.contains(':')) {
        return Err("the address holds a user or a password: tokens come from the environment".into());
    }
    if address.starts_with('-') || address.chars().any(|c| c.is_control() || c.is_whitespace()) {
        return Err("it is no address".into());
    }
    let key = key_of(address, false);
    let owner = field::owner(&key).to_owned();
    Ok(Repo { key, address: address.to_owned(), kind: Kind::Git, owner, ..Repo::default() })
}

fn folder(root: &Path, place: &Path, depth: usize, visit: &mut dyn FnMut(Repo), warnings: &mut Vec<Warning>) {
    if let Some(repo) = repository(root, place) {
        visit(repo);
        return;
    }
    let shown = place.display().to_string();
    if depth >= MAX_DEPTH {
        warnings.push(Warning::unscanned("sweep-unlisted", shown, "folders are too deep inside each other there"));
        return;
    }
    let entries = match fs::read_dir(place) {
        Ok(entries) => entries,
        Err(error) => {
            warnings.push(Warning::unscanned("sweep-unlisted", shown, format!("cannot be read: {error}")));
            return;
        }
    };
    // Sorted, so that two listings compare equal.
    let found: BTreeMap<PathBuf, bool> = entries
        .flatten()
        .filter_map(|entry| Some((entry.path(), entry.file_type().ok()?)))
        .filter(|(path, kind)| kind.is_dir() || kind.is_symlink() && path.is_dir())
        .map(|(path, kind)| (path, kind.is_symlink()))
        .collect();
    for (path, is_link) in found {
        match is_link {
            false => folder(root, &path, depth + 1, visit, warnings),
            // A link is a repository, or is not followed: it may lead anywhere, and in circles.
            true => {
                let repo = path.canonicalize().ok().and_then(|path| repository(root, &path));
                repo.into_iter().for_each(&mut *visit);
            }
        }
    }
}

/// The repository at a path, if there is one.
fn repository(root: &Path, place: &Path) -> Option<Repo> {
    find(place)?;
    let owner = place.strip_prefix(root).ok().and_then(Path::parent);
    Some(Repo {
        address: place.to_string_lossy().into_owned(),
        kind: Kind::Git,
        owner: owner.map(|owner| owner.to_string_lossy().replace('\\', "/")).unwrap_or_default(),
        key: place.to_string_lossy().replace('\\', "/"),
        ..Repo::default()
    })
}

/// What a repository's own folder is.
enum Found {
    Here(PathBuf),
    /// A work tree whose repository is elsewhere.
    Elsewhere,
}

fn find(place: &Path) -> Option<Found> {
    let inner = place.join(".git");
    let is_bare =
        |folder: &Path| folder.join("HEAD").exists() && folder.join("objects").is_dir() && folder.join("refs").is_dir();
    let kind = fs::metadata(&inner).ok();
    match kind {
        Some(kind) if kind.is_dir() && is_bare(&inner) => Some(Found::Here(inner)),
        Some(kind) if kind.is_file() => Some(Found::Elsewhere),
        _ => is_bare(place).then(|| Found::Here(place.to_owned())),
    }
}

/// Adds what a folder tells of a repository in it: its size, its branch, when it changed. That is more to read than its references.
pub(super) fn measure(repo: &mut Repo) {
    let Some(Found::Here(git)) = find(Path::new(&repo.address)) else { return };
    let head = fs::read_to_string(git.join("HEAD")).ok();
    let branch = head.as_deref().and_then(|head| head.trim().strip_prefix("ref: refs/heads/"));
    repo.default_branch = branch.map(str::to_owned);
    repo.size = Some(size(&git.join("objects"), 2));
    repo.pushed = newest(&git);
}

/// Bytes of the files below a folder.
fn size(folder: &Path, depth: u32) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else { return 0 };
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(data) if data.is_dir() && depth > 0 => size(&entry.path(), depth - 1),
        Ok(data) if data.is_file() => data.len(),
        _ => 0,
    };
    entries.flatten().map(of).sum()
}

/// When references changed last: seconds since 1970.
fn newest(git: &Path) -> Option<i64> {
    let places = ["HEAD", "packed-refs", "refs/heads", "refs/tags"].map(|name| git.join(name));
    let times = places.iter().filter_map(|place| fs::metadata(place).ok()?.modified().ok());
    let since = times.max()?.duration_since(UNIX_EPOCH).ok()?;
    i64::try_from(since.as_secs()).ok()
}
