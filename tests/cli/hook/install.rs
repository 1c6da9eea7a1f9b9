//! `hook install` and `hook uninstall`.

use super::{commit, git_with, install, leak, said};
use crate::support::Repo;
use crate::{command_in, run_in};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn own_hook(folder: &Path, name: &str, text: &str) {
    std::fs::create_dir_all(folder).unwrap();
    let hook = folder.join(name);
    std::fs::write(&hook, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn installing_twice_is_installing_once_and_uninstalling_leaves_nothing() {
    let mut repo = Repo::new();
    for _ in 0..2 {
        install(repo.path(), "--pre-push --commit-msg");
    }
    let hooks = repo.at(".git/hooks");
    let installed = || {
        let names = std::fs::read_dir(&hooks).unwrap().flatten().map(|entry| entry.file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| !name.ends_with(".sample")).collect();
        names.sort();
        names
    };
    assert_eq!(installed(), ["commit-msg", "pre-commit", "pre-push"]);
    repo.write("a.env", leak(1)).stage();
    assert!(!commit(&repo).0);
    let run = run_in(repo.path(), "hook uninstall", b"");
    assert_eq!((run.code, installed()), (0, vec![]), "{}", run.stderr);
    assert!(commit(&repo).0);
    assert!(run_in(repo.path(), "hook uninstall", b"").stderr.contains("no hook of stopleak"));
}

#[test]
fn a_hook_that_was_there_runs_first_and_comes_back() {
    let mut repo = Repo::new();
    let hooks = repo.at(".git/hooks");
    own_hook(&hooks, "pre-commit", "echo own hook ran; test ! -e stop");
    let before = std::fs::read(hooks.join("pre-commit")).unwrap();
    install(repo.path(), "");
    install(repo.path(), "");
    repo.write("a.env", leak(1)).stage();
    let (done, text) = commit(&repo);
    assert!(!done && text.contains("own hook ran") && text.contains("1 new secret"), "{text}");
    repo.write("a.env", "A=1\n").write("stop", "").stage();
    assert!(!commit(&repo).0, "the other hook still stops commits");
    repo.remove("stop").stage();
    assert!(commit(&repo).0);
    assert_eq!(run_in(repo.path(), "hook uninstall", b"").code, 0);
    assert_eq!(std::fs::read(hooks.join("pre-commit")).unwrap(), before);
    assert!(!hooks.join("pre-commit.before-stopleak").exists());
}

#[test]
fn a_hook_that_reads_references_shares_them() {
    let mut repo = Repo::new();
    own_hook(&repo.at(".git/hooks"), "pre-push", "echo \"remote $1\"; cat > pushed");
    install(repo.path(), "--pre-push");
    let bare = repo.clone_with("bare.git", &["--bare"]);
    repo.git(["remote", "add", "origin", bare.path().to_str().unwrap()]);
    repo.commit("a.env", "A=1\n");
    let (done, text) = super::git(repo.path(), &["push", "-q", "origin", "main"]);
    assert!(done && text.contains("remote origin"), "{text}");
    let expected = format!("refs/heads/main {} refs/heads/main {}\n", repo.id("HEAD"), "0".repeat(40));
    assert_eq!(std::fs::read_to_string(repo.at("pushed")).unwrap(), expected);
}

#[test]
fn another_folder_of_hooks_is_respected() {
    let mut repo = Repo::new();
    repo.git(["config", "core.hooksPath", "tools/hooks"]);
    install(repo.path(), "");
    assert!(repo.at("tools/hooks/pre-commit").exists() && !repo.at(".git/hooks/pre-commit").exists());
    repo.write("a.env", leak(1)).stage();
    assert!(!commit(&repo).0);
    repo.git(["config", "core.hooksPath", ".husky/_"]);
    let run = run_in(repo.path(), "hook install", b"");
    assert!(run.code == 2 && run.stderr.contains(".husky/pre-commit"), "{}", run.stderr);
}

#[test]
fn a_hook_that_was_changed_is_not_overwritten() {
    let repo = Repo::new();
    install(repo.path(), "");
    let hook = repo.at(".git/hooks/pre-commit");
    let text = std::fs::read_to_string(&hook).unwrap() + "echo added by hand\n";
    std::fs::write(&hook, &text).unwrap();
    for verb in ["install", "uninstall"] {
        let run = run_in(repo.path(), &format!("hook {verb}"), b"");
        assert!(run.code == 2 && run.stderr.contains("was changed"), "{verb}: {}", run.stderr);
    }
    assert_eq!(std::fs::read_to_string(&hook).unwrap(), text);
}

#[test]
fn a_hook_without_its_program_stops_and_says_so() {
    let mut repo = Repo::new();
    install(repo.path(), "");
    let hook = repo.at(".git/hooks/pre-commit");
    let text = std::fs::read_to_string(&hook).unwrap();
    let gone = text.replace(env!("CARGO_BIN_EXE_stopleak"), "/nowhere/stopleak");
    assert_ne!(gone, text);
    std::fs::write(&hook, gone).unwrap();
    repo.write("a.env", "A=1\n").stage();
    let output = git_with(repo.path(), &[("PATH", "/usr/bin:/bin")], &["commit", "-qm", "x"]);
    let (done, text) = said(&output);
    assert!(!done && text.contains("the program is gone"), "{text}");
}

#[test]
fn hooks_for_all_repositories_run_the_hooks_of_each() {
    let home = tempfile::tempdir().unwrap();
    let settings = home.path().join("gitconfig");
    std::fs::write(&settings, "").unwrap();
    let variables = [
        ("HOME", home.path().to_str().unwrap()),
        ("XDG_CONFIG_HOME", home.path().to_str().unwrap()),
        ("GIT_CONFIG_GLOBAL", settings.to_str().unwrap()),
    ];
    let stopleak = |args: &str| {
        let output = command_in(home.path(), args).envs(variables).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    stopleak("hook install --global --commit-msg");
    stopleak("hook install --global --commit-msg");
    let mut repo = Repo::new();
    own_hook(&repo.at(".git/hooks"), "pre-commit", "echo own pre-commit");
    own_hook(&repo.at(".git/hooks"), "post-commit", "echo own post-commit");
    let commit = || said(&git_with(repo.path(), &variables, &["commit", "-qm", "x"]));
    std::fs::write(repo.at("a.env"), leak(1)).unwrap();
    repo.git(["add", "-A"]);
    let (done, text) = commit();
    assert!(!done && text.contains("own pre-commit") && text.contains("1 new secret"), "{text}");
    repo.write("a.env", "A=1\n").stage();
    let commit = || said(&git_with(repo.path(), &variables, &["commit", "-qm", "x"]));
    let (done, text) = commit();
    assert!(done && text.contains("own post-commit"), "{text}");
    stopleak("hook uninstall --global");
    assert!(!home.path().join("stopleak/hooks").exists());
    assert!(!std::fs::read_to_string(&settings).unwrap().contains("hooksPath"));
    repo.write("a.env", leak(1)).stage();
    let (done, text) = said(&git_with(repo.path(), &variables, &["commit", "-qm", "x"]));
    assert!(done && text.contains("own pre-commit"), "{text}");
}
