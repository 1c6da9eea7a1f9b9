//! Pipelines: what a run brought is scanned, whatever the clone lacks, and told to the forge without giving a value away.

mod action;
mod github;
mod gitlab;

use crate::made::token;
use crate::support::Repo;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::TempDir;

/// What a run left.
struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
    folder: TempDir,
}

impl Ran {
    fn file(&self, name: &str) -> String {
        std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    /// The value of one of the step's outputs.
    fn output(&self, name: &str) -> String {
        let prefix = format!("{name}=");
        self.file("output").lines().find_map(|line| line.strip_prefix(&prefix)).unwrap_or("absent").to_owned()
    }

    /// Everything that anybody may read.
    fn all(&self) -> String {
        let masked = self.stdout.lines().filter(|line| !line.starts_with("::add-mask::"));
        let log: String = masked.map(|line| format!("{line}\n")).collect();
        [log, self.stderr.clone(), self.file("output"), self.file("summary"), self.file("stopleak.sarif")].concat()
    }
}

/// Runs a command in a clone as a runner would, with these variables and no others of a forge.
fn run(mut command: Command, clone: &Path, variables: &[(&str, &str)]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let of_forge =
        |name: &str| ["GIT_", "GITHUB_", "CI_", "RUNNER_", "STOPLEAK_"].iter().any(|start| name.starts_with(start));
    let inherited = std::env::vars().map(|(name, _)| name).filter(|name| of_forge(name) || name == "CI");
    inherited.for_each(|name| _ = command.env_remove(name));
    command.current_dir(clone).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
    command.env("RUNNER_TEMP", folder.path());
    command.envs(variables.iter().copied());
    for (name, file) in [("GITHUB_OUTPUT", "output"), ("GITHUB_STEP_SUMMARY", "summary")] {
        command.env(name, folder.path().join(file));
    }
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr), folder }
}

fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_stopleak"))
}

fn leak(seed: u64) -> String {
    format!("HF_TOKEN={}\n", token(seed))
}

/// `main` with an old leak, and `feature` that touches its file and adds a leak of its own.
fn with_leaks() -> Repo {
    let mut repo = Repo::new();
    repo.commit("old.env", leak(1)).commit("readme", "text\n").branch("feature");
    repo.commit("old.env", format!("{}A=1\n", leak(1))).commit("new.env", format!("A=1\n{}", leak(2)));
    repo.checkout("main").commit("readme", "more text\n");
    repo
}
