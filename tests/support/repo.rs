//! Builds git repositories in a temporary folder with the git command, shut off from the user's own settings.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// A repository under construction; each commit is a minute after the one before.
pub struct Repo {
    folder: PathBuf,
    minute: u64,
    // Shared by the clones made of it, removed with the last.
    _home: std::rc::Rc<TempDir>,
}

/// The author of every commit.
pub const AUTHOR: &str = "A U Thor <author@example.com>";
/// The time of the first commit: 2024-01-01T00:00:00Z.
pub const START: u64 = 1_704_067_200;

impl Default for Repo {
    fn default() -> Repo {
        Repo::new()
    }
}

impl Repo {
    /// An empty repository on branch `main`.
    pub fn new() -> Repo {
        Repo::with_format("sha1")
    }

    /// An empty repository with this object format.
    pub fn with_format(format: &str) -> Repo {
        let repo = Repo::folder_only("repo");
        repo.git(["init", "-q", "-b", "main", &format!("--object-format={format}"), "."]);
        repo
    }

    fn folder_only(name: &str) -> Repo {
        let home = std::rc::Rc::new(tempfile::tempdir().expect("a temporary folder can be made"));
        let folder = home.path().join(name);
        std::fs::create_dir(&folder).expect("the folder is new");
        Repo { folder, minute: 0, _home: home }
    }

    /// The root of the work tree, or the bare repository.
    pub fn path(&self) -> &Path {
        &self.folder
    }

    /// A path in the work tree.
    pub fn at(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// Runs git here and returns what it printed; panics when it fails.
    pub fn git<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> String {
        let output = self.try_git(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "git failed: {errors}");
        String::from_utf8_lossy(&output.stdout).trim_end().to_owned()
    }

    /// Runs git here.
    pub fn try_git<I: IntoIterator<Item = S>, S: AsRef<OsStr>>(&self, arguments: I) -> Output {
        let mut command = Command::new("git");
        let inherited = std::env::vars_os().map(|(name, _)| name);
        inherited
            .filter(|name| name.to_string_lossy().starts_with("GIT_"))
            .for_each(|name| _ = command.env_remove(name));
        let date = format!("{} +0000", START + self.minute * 60);
        command
            .current_dir(&self.folder)
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .envs([("GIT_AUTHOR_NAME", "A U Thor"), ("GIT_AUTHOR_EMAIL", "author@example.com")])
            .envs([("GIT_COMMITTER_NAME", "A U Thor"), ("GIT_COMMITTER_EMAIL", "author@example.com")])
            .envs([("GIT_AUTHOR_DATE", &date), ("GIT_COMMITTER_DATE", &date)])
            .args(["-c", "commit.gpgSign=false", "-c", "gc.auto=0", "-c", "protocol.file.allow=always"])
            .args(arguments);
        command.output().expect("git is installed")
    }

    /// Writes a file into the work tree.
    pub fn write(&mut self, path: &str, text: impl AsRef<[u8]>) -> &mut Repo {
        let path = self.at(path);
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the folder can be made");
        std::fs::write(path, text).expect("the file can be written");
        self
    }

    /// Removes a file from the work tree.
    pub fn remove(&mut self, path: &str) -> &mut Repo {
        std::fs::remove_file(self.at(path)).expect("the file was there");
        self
    }

    /// Renames a file in the work tree.
    pub fn rename(&mut self, from: &str, to: &str) -> &mut Repo {
        std::fs::create_dir_all(self.at(to).parent().expect("a file has a folder")).expect("the folder can be made");
        std::fs::rename(self.at(from), self.at(to)).expect("the file was there");
        self
    }

    /// Stages everything.
    pub fn stage(&mut self) -> &mut Repo {
        self.git(["add", "-A"]);
        self
    }

    /// Stages and commits everything.
    pub fn commit_all(&mut self, message: &str) -> &mut Repo {
        self.minute += 1;
        self.git(["add", "-A"]);
        self.git(["commit", "-q", "--allow-empty", "-m", message]);
        self
    }

    /// Writes one file and commits everything.
    pub fn commit(&mut self, path: &str, text: impl AsRef<[u8]>) -> &mut Repo {
        self.write(path, text).commit_all(&format!("write {path}"))
    }

    /// Starts a branch here.
    pub fn branch(&mut self, name: &str) -> &mut Repo {
        self.git(["checkout", "-q", "-b", name]);
        self
    }

    /// Goes to a branch or commit.
    pub fn checkout(&mut self, name: &str) -> &mut Repo {
        self.git(["checkout", "-q", name]);
        self
    }

    /// Merges a branch, taking our side where both changed, with a merge commit in any case.
    pub fn merge(&mut self, name: &str) -> &mut Repo {
        self.minute += 1;
        self.git(["merge", "-q", "--no-ff", "-s", "recursive", "-X", "ours", "-m", &format!("merge {name}"), name]);
        self
    }

    /// Starts a merge, puts `text` at `path` as its resolution, and commits.
    pub fn merge_resolved(&mut self, name: &str, path: &str, text: &str) -> &mut Repo {
        self.minute += 1;
        self.try_git(["merge", "-q", "--no-ff", "--no-commit", name]);
        self.write(path, text).commit_all(&format!("merge {name} by hand"))
    }

    /// Makes an annotated tag of `HEAD`.
    pub fn tag(&mut self, name: &str, message: &str) -> &mut Repo {
        self.minute += 1;
        self.git(["tag", "-a", name, "-m", message]);
        self
    }

    /// Attaches a note to `HEAD`.
    pub fn note(&mut self, text: &str) -> &mut Repo {
        self.minute += 1;
        self.git(["notes", "add", "-m", text]);
        self
    }

    /// Stashes what changed in the work tree.
    pub fn stash(&mut self) -> &mut Repo {
        self.minute += 1;
        self.git(["stash", "-q", "--include-untracked"]);
        self
    }

    /// Packs everything that is reachable into one pack with deltas.
    pub fn pack(&mut self) -> &mut Repo {
        self.git(["repack", "-q", "-a", "-d", "-f"]);
        self
    }

    /// The id of what a revision names.
    pub fn id(&self, revision: &str) -> String {
        self.git(["rev-parse", "--verify", revision])
    }

    /// The id that a text has as a blob.
    pub fn blob(&self, revision: &str, path: &str) -> String {
        self.id(&format!("{revision}:{path}"))
    }

    /// The file of a loose object.
    pub fn loose(&self, id: &str) -> PathBuf {
        self.at(&format!(".git/objects/{}/{}", &id[..2], &id[2..]))
    }

    /// Clones it, with these arguments to `git clone`, over the transport that honours `--depth` and `--filter`.
    pub fn clone_with(&self, name: &str, arguments: &[&str]) -> Repo {
        self.git(["config", "uploadpack.allowFilter", "true"]);
        self.git(["config", "uploadpack.allowAnySHA1InWant", "true"]);
        let folder = self.folder.parent().expect("a repository is in a home").join(name);
        let url = format!("file://{}", self.folder.display());
        self.git([&["clone", "-q"], arguments, &[&url, &folder.to_string_lossy()]].concat());
        Repo { folder, minute: self.minute, _home: self._home.clone() }
    }
}
