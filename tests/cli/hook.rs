//! Hooks with real git: what stops a commit or a push, what does not, and what is said.

mod commit;
mod framework;
mod install;
mod push;
mod receive;

use crate::made::token;
use crate::support::Repo;
use std::path::Path;
use std::process::{Command, Output};

/// A line with a token that is new for every seed.
pub fn leak(seed: u64) -> String {
    format!("HF_TOKEN={}\n", token(seed))
}

/// A repository with hooks in it.
pub fn guarded(options: &str) -> Repo {
    let repo = Repo::new();
    install(repo.path(), options);
    repo
}

/// Runs `hook install`.
pub fn install(folder: &Path, options: &str) {
    let run = crate::run_in(folder, &format!("hook install {options}"), b"");
    assert_eq!(run.code, 0, "{}", run.stderr);
}

/// Runs git in `folder` with these variables set.
pub fn git_with(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut git = Command::new("git");
    let inherited = std::env::vars_os().map(|(name, _)| name);
    inherited.filter(|name| name.to_string_lossy().starts_with("GIT_")).for_each(|name| _ = git.env_remove(name));
    git.current_dir(folder).env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    git.env_remove("STOPLEAK_BYPASS").env("GIT_TERMINAL_PROMPT", "0");
    for role in ["AUTHOR", "COMMITTER"] {
        git.env(format!("GIT_{role}_NAME"), "A U Thor").env(format!("GIT_{role}_EMAIL"), "author@example.com");
        git.env(format!("GIT_{role}_DATE"), "1704067200 +0000");
    }
    git.envs(variables.iter().copied());
    git.args(["-c", "commit.gpgSign=false", "-c", "gc.auto=0", "-c", "protocol.file.allow=always"]).args(arguments);
    git.output().expect("git is installed")
}

/// Whether git did it, and all it and its hooks said.
pub fn git(folder: &Path, arguments: &[&str]) -> (bool, String) {
    said(&git_with(folder, &[], arguments))
}

/// The same of an output.
pub fn said(output: &Output) -> (bool, String) {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// Commits what is staged.
pub fn commit(repo: &Repo) -> (bool, String) {
    git(repo.path(), &["commit", "-q", "-m", "a change"])
}
