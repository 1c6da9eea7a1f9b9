//! What it costs to start: one small file, and a change of twenty files staged in a repository of fifty thousand, by
//! `scan --staged` and by the hook.
//!
//! `cargo bench -p stopleak --bench startup`; `STOPLEAK_BENCH_RUNS=200` sets how often each runs. Processor time is that
//! of the children, over all runs: its steps of 10 ms are shared by that many.

#[path = "support/mod.rs"]
mod support;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

fn number(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn git(folder: &Path, arguments: &[&str]) {
    let mut git = Command::new("git");
    git.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null").current_dir(folder);
    git.args(["-c", "user.name=A U Thor", "-c", "user.email=author@example.com", "-c", "gc.auto=0"]).args(arguments);
    assert!(git.stdout(Stdio::null()).status().expect("git is installed").success(), "git {arguments:?}");
}

/// A repository of `files` files with a change of twenty staged.
fn repository(folder: &Path, files: usize) {
    git(folder, &["init", "-q", "."]);
    let write = |n: usize, text: &str| {
        let path = folder.join(format!("part{}/folder{}/file{n}.txt", n % 50, n % 1_000));
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("folders can be made");
        std::fs::write(path, format!("{text} {n}\n").repeat(20)).expect("files can be written");
    };
    (0..files).for_each(|n| write(n, "an ordinary line of text"));
    git(folder, &["add", "-A"]);
    git(folder, &["commit", "-q", "-m", "start"]);
    git(folder, &["repack", "-q", "-a", "-d"]);
    (0..20).for_each(|n| write(n * files / 20, "a line that was changed"));
    git(folder, &["add", "-A"]);
}

/// Runs a command often; prints what one run costs.
fn row(name: &str, folder: &Path, program: &str, arguments: &[&str], runs: usize) {
    let run = || {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_SYSTEM", "/dev/null");
        command.status().map(|status| status.code())
    };
    let Ok(code) = run() else { return println!("| {name} | {program} cannot be run |") };
    let (start, before) = (Instant::now(), support::cpu());
    (0..runs).for_each(|_| _ = run());
    let each = |seconds: f64| seconds * 1e3 / runs as f64;
    let (cpu, wall) = (each(support::cpu() - before), each(start.elapsed().as_secs_f64()));
    println!("| {name} | {runs} | {cpu:.2} | {wall:.2} | {} |", code.unwrap_or(-1));
}

fn main() {
    let (runs, files) = (number("STOPLEAK_BENCH_RUNS", 200), number("STOPLEAK_BENCH_FILES", 50_000));
    let program = env!("CARGO_BIN_EXE_stopleak");
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let small = folder.path().join("small");
    std::fs::create_dir(&small).expect("the folder is new");
    let line = "let answer = compute(&input, 42); // nothing to see\n";
    std::fs::write(small.join("small.rs"), line.repeat(400)).expect("the file can be written");
    let token = ["ghp", &"aB3".repeat(12)].join("_");
    std::fs::write(small.join("leak.env"), format!("A=1\nTOKEN={token}\n").repeat(3)).expect("it can be written");
    println!("| what | runs | CPU ms a run | wall ms a run | exit code |");
    println!("|---|---|---|---|---|");
    row("starting a process at all", &small, "true", &[], runs);
    row("--version", &small, program, &["--version"], runs);
    row("scan of one file of 20 kB", &small, program, &["scan", "small.rs"], runs);
    row("scan of one small file with a token", &small, program, &["scan", "leak.env"], runs);
    let large = folder.path().join("large");
    std::fs::create_dir(&large).expect("the folder is new");
    repository(&large, files);
    let staged = format!("scan --staged, 20 of {files} files");
    row(&staged, &large, program, &["scan", "--staged"], runs.min(50));
    row("hook pre-commit of the same", &large, program, &["hook", "pre-commit"], runs.min(50));
    row("git diff --cached of the same", &large, "git", &["diff", "--cached", "--quiet"], runs.min(50));
}
