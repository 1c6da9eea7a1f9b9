//! Bare copies of remote repositories, so that the next sweep fetches what is new alone; the oldest go when there is no room.

use super::git::{Git, GitTrouble, Refs};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

/// Packs of one copy; more are made one.
const PACKS: usize = 50;

/// A folder of copies.
pub struct Cache {
    folder: PathBuf,
    budget: u64,
    copies: Mutex<Copies>,
}

#[derive(Default)]
struct Copies {
    /// Size and last use of each, by its folder.
    known: BTreeMap<PathBuf, (u64, SystemTime)>,
    used: HashSet<PathBuf>,
}

/// A copy that is being used; it is not removed meanwhile.
pub struct Copy<'a> {
    cache: &'a Cache,
    /// Its folder.
    pub path: PathBuf,
}

impl Cache {
    /// Copies in `folder`, of `budget` bytes in all. One copy that is larger is there while it is used.
    pub fn open(folder: &Path, budget: u64) -> std::io::Result<Cache> {
        std::fs::create_dir_all(folder)?;
        let mut copies = Copies::default();
        for outer in std::fs::read_dir(folder)?.flatten() {
            for copy in std::fs::read_dir(outer.path()).into_iter().flatten().flatten() {
                let used = copy.metadata().and_then(|metadata| metadata.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
                copies.known.insert(copy.path(), (size(&copy.path()), used));
            }
        }
        Ok(Cache { folder: folder.to_path_buf(), budget, copies: Mutex::new(copies) })
    }

    /// Brings a copy up to date. `is_new` throws away what is there: it failed before.
    pub fn fetch<'a>(
        &'a self,
        key: &str,
        address: &str,
        refs: &Refs,
        git: &Git,
        is_new: bool,
    ) -> Result<Copy<'a>, GitTrouble> {
        let name = blake3::hash(key.as_bytes()).to_hex();
        let path = self.folder.join(&name[..2]).join(format!("{}.git", &name[2..32]));
        self.lock().used.insert(path.clone());
        let copy = Copy { cache: self, path };
        if is_new {
            let _ = std::fs::remove_dir_all(&copy.path);
        }
        prepare(&copy.path, refs.head.as_deref()).map_err(GitTrouble::Start)?;
        git.fetch(address, &copy.path)?;
        if packs(&copy.path) > PACKS {
            git.repack(&copy.path)?;
        }
        Ok(copy)
    }

    /// Bytes of all copies.
    pub fn bytes(&self) -> u64 {
        self.lock().known.values().map(|(size, _)| size).sum()
    }

    /// Removes the copies that were not used for the longest time, until the rest fits.
    fn evict(&self) {
        let mut copies = self.lock();
        let mut total: u64 = copies.known.values().map(|(size, _)| size).sum();
        let mut oldest: Vec<(SystemTime, PathBuf, u64)> =
            copies.known.iter().map(|(path, (size, used))| (*used, path.clone(), *size)).collect();
        oldest.sort();
        for (_, path, size) in oldest {
            if total <= self.budget {
                break;
            }
            if !copies.used.contains(&path) && std::fs::remove_dir_all(&path).is_ok() {
                copies.known.remove(&path);
                total -= size;
            }
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Copies> {
        self.copies.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}

impl Drop for Copy<'_> {
    fn drop(&mut self) {
        let size = size(&self.path);
        let mut copies = self.cache.lock();
        copies.used.remove(&self.path);
        copies.known.insert(self.path.clone(), (size, SystemTime::now()));
        drop(copies);
        self.cache.evict();
    }
}

/// Makes a bare repository, or clears away what a killed fetch left in one.
fn prepare(path: &Path, head: Option<&str>) -> std::io::Result<()> {
    for folder in ["objects/pack", "objects/info", "refs/heads", "refs/tags"] {
        std::fs::create_dir_all(path.join(folder))?;
    }
    let config = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tlogallrefupdates = false\n";
    std::fs::write(path.join("config"), config)?;
    let head =
        head.filter(|head| head.starts_with("refs/") && !head.contains(['\n', '\r'])).unwrap_or("refs/heads/main");
    std::fs::write(path.join("HEAD"), format!("ref: {head}\n"))?;
    clear(path, 0);
    Ok(())
}

/// Removes locks and half-written packs: whoever wrote them is gone, for the job is ours.
fn clear(folder: &Path, depth: usize) {
    const DEEPEST: usize = 64;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_folder && (name.ends_with(".lock") || name.starts_with("tmp_")) {
            let _ = std::fs::remove_file(path);
        } else if is_folder && depth < DEEPEST && (depth > 0 || matches!(name.as_str(), "refs" | "objects")) {
            // Loose objects have no locks.
            if name.len() != 2 {
                clear(&path, depth + 1);
            }
        }
    }
}

fn packs(path: &Path) -> usize {
    let files = std::fs::read_dir(path.join("objects/pack")).into_iter().flatten().flatten();
    files.filter(|file| file.path().extension().is_some_and(|end| end == "pack")).count()
}

/// Bytes of a repository's packs and references: what there is much of.
pub fn size(path: &Path) -> u64 {
    let files =
        ["objects/pack", "."].into_iter().flat_map(|folder| std::fs::read_dir(path.join(folder)).into_iter().flatten());
    files.flatten().filter_map(|file| file.metadata().ok()).filter(|file| file.is_file()).map(|file| file.len()).sum()
}
