//! The real `pre-commit` framework, with this project's `.pre-commit-hooks.yaml`.
//!
//! `.ci/run` installs it; where it is missing these tests say so and pass.

use super::{git, git_with, leak, said};
use crate::run_in;
use crate::support::Repo;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn program() -> Option<PathBuf> {
    let named = std::env::var_os("STOPLEAK_TEST_PRE_COMMIT").map(PathBuf::from);
    let folders = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let on_path = folders.into_iter().flatten().map(|folder| folder.join("pre-commit"));
    let found = named.into_iter().chain(on_path).find(|file| file.is_file());
    if found.is_none() {
        eprintln!("SKIPPED: pre-commit is not installed (pip install pre-commit, or STOPLEAK_TEST_PRE_COMMIT=FILE)");
    }
    found
}

/// A repository that uses this project's hooks as another project would: from a repository of their own, at a revision.
struct Scene {
    program: PathBuf,
    repo: Repo,
    _hooks: Repo,
    home: tempfile::TempDir,
}

impl Scene {
    fn new() -> Option<Scene> {
        let program = program()?;
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.pre-commit-hooks.yaml");
        let mut hooks = Repo::new();
        hooks.commit(".pre-commit-hooks.yaml", std::fs::read(manifest).unwrap());
        hooks.git(["tag", "v1"]);
        let mut repo = Repo::new();
        let ids = ["stopleak", "stopleak-commit-msg", "stopleak-pre-push"].map(|id| format!("      - id: {id}\n"));
        let settings =
            format!("repos:\n  - repo: {}\n    rev: v1\n    hooks:\n{}", hooks.path().display(), ids.concat());
        repo.commit(".pre-commit-config.yaml", settings);
        Some(Scene { program, repo, _hooks: hooks, home: tempfile::tempdir().unwrap() })
    }

    fn variables(&self) -> Vec<(&'static str, String)> {
        let own = Path::new(env!("CARGO_BIN_EXE_stopleak")).parent().unwrap().to_path_buf();
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = std::env::join_paths([own].into_iter().chain(std::env::split_paths(&path))).unwrap();
        vec![
            ("PATH", path.into_string().unwrap()),
            ("PRE_COMMIT_HOME", self.home.path().join("cache").display().to_string()),
            ("HOME", self.home.path().display().to_string()),
        ]
    }

    fn framework(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(&self.program);
        let inherited = std::env::vars_os().map(|(name, _)| name);
        inherited
            .filter(|name| name.to_string_lossy().starts_with("GIT_"))
            .for_each(|name| _ = command.env_remove(name));
        command.args(arguments).current_dir(self.repo.path()).envs(self.variables());
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        command.output().unwrap()
    }

    fn git(&self, arguments: &[&str]) -> (bool, String) {
        let variables = self.variables();
        let variables: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
        said(&git_with(self.repo.path(), &variables, arguments))
    }
}

#[test]
fn commits_are_stopped_and_all_files_scans_all_files() {
    let Some(mut scene) = Scene::new() else { return };
    let (done, text) = said(&scene.framework(&["install", "-t", "pre-commit", "-t", "commit-msg", "-t", "pre-push"]));
    assert!(done, "{text}");
    scene.repo.write("old.env", leak(1));
    scene.repo.git(["add", "-A"]);
    scene.repo.git(["commit", "-q", "--no-verify", "-m", "an old secret"]);
    scene.repo.write("old.env", leak(1) + "B=1\n").write("plain.txt", "plain\n").stage();
    let (done, text) = scene.git(&["commit", "-m", "an old secret in a touched file"]);
    assert!(done, "{text}");
    scene.repo.write("new.env", leak(2)).stage().write("new.env", "clean on disk\n");
    let (done, text) = scene.git(&["commit", "-m", "x"]);
    assert!(!done && text.contains("new.env:1") && text.contains("1 new secret"), "{text}");
    scene.repo.git(["rm", "-q", "-f", "--cached", "new.env"]);
    let (done, text) = scene.git(&["commit", "-q", "--allow-empty", "-m", &format!("message {}", leak(3))]);
    assert!(!done && text.contains("commit message"), "{text}");
    let (done, text) = said(&scene.framework(&["run", "--all-files"]));
    assert!(!done && text.contains("old.env:1") && text.contains("these files hold"), "{text}");
    let (done, text) = said(&scene.framework(&["run", "--files", "plain.txt"]));
    assert!(done, "exactly the named files: {text}");
    let bare = scene.repo.clone_with("bare.git", &["--bare"]);
    scene.repo.git(["remote", "add", "origin", bare.path().to_str().unwrap()]);
    scene.repo.git(["fetch", "-q", "origin"]);
    scene.repo.write("pushed.env", leak(4)).stage();
    scene.repo.git(["commit", "-q", "--no-verify", "-m", "leaky"]);
    let (done, text) = scene.git(&["push", "origin", "main"]);
    assert!(!done && text.contains("pushed.env:1") && text.contains("1 new secret"), "{text}");
    let _ = git;
}

#[test]
fn named_files_outside_of_a_commit_are_scanned_whole_and_no_others() {
    let mut repo = Repo::new();
    repo.commit("a.env", leak(1)).commit("b.env", leak(2)).commit("c.txt", "plain\n");
    let run = |args: &str| run_in(repo.path(), &format!("hook pre-commit {args}"), b"");
    assert_eq!(run("").code, 0, "nothing is staged");
    assert_eq!(run("c.txt").code, 0);
    let both = run("a.env b.env c.txt");
    assert!(both.code == 1 && both.stderr.contains("2 secrets"), "{}", both.stderr);
    let all = run("--all-files");
    assert!(all.code == 1 && all.stderr.contains("2 secrets"), "{}", all.stderr);
    let gone = run("gone.env");
    assert!(gone.code == 2 && gone.stderr.contains("gone.env"), "{}", gone.stderr);
}
