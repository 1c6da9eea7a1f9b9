//! The words of `hook` and `policy`.

use super::{Selection, parse_gate};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;
use std::time::Duration;
use stopleak_core::scan::Gate;

/// `hook`.
#[derive(Debug, Args)]
pub struct HookArgs {
    #[command(subcommand)]
    pub verb: HookVerb,
}

const HOOK_EXIT_CODES: &str = "Exit codes: 0 go on, 1 new secrets, 2 not done as asked (anything not scanned counts, unless \
     --allow-partial)";

/// What to do with hooks.
#[derive(Debug, Subcommand)]
pub enum HookVerb {
    /// Install hooks here: pre-commit, and those asked for; in a bare repository pre-receive
    Install(HookInstallArgs),
    /// Take stopleak's hooks out again, and bring back what was there before
    Uninstall {
        /// Take out the hooks of every repository of this user
        #[arg(long)]
        global: bool,
    },
    /// Check what the next commit adds, or the named files
    #[command(after_help = HOOK_EXIT_CODES)]
    PreCommit {
        /// Check these files alone: what the commit adds to them, or all of them outside of a commit
        files: Vec<PathBuf>,
        /// Check all files on disk
        #[arg(long, conflicts_with = "files")]
        all_files: bool,
        #[command(flatten)]
        guard: GuardArgs,
    },
    /// Check what a push brings to the remote; git names the references on standard input
    #[command(after_help = HOOK_EXIT_CODES)]
    PrePush {
        /// The remote's name, or its URL
        remote: Option<String>,
        /// The remote's URL
        url: Option<String>,
        #[command(flatten)]
        guard: GuardArgs,
    },
    /// Check a push on the server; git names the references on standard input
    #[command(after_help = HOOK_EXIT_CODES)]
    PreReceive {
        /// The time it may take, as in 4s or 500ms [default: no limit]
        #[arg(long, value_name = "TIME", value_parser = parse_time)]
        budget: Option<Duration>,
        /// What becomes of a push that the budget is too short for; allowing is recorded
        #[arg(long, value_name = "HOW", value_enum, default_value = "block")]
        on_timeout: OnTimeout,
        #[command(flatten)]
        guard: GuardArgs,
    },
    /// Check a commit's message
    #[command(after_help = HOOK_EXIT_CODES)]
    CommitMsg {
        /// The file that holds the message
        file: PathBuf,
        #[command(flatten)]
        guard: GuardArgs,
    },
}

/// `hook install`.
#[derive(Debug, Args)]
pub struct HookInstallArgs {
    /// For every repository of this user, through git's core.hooksPath
    #[arg(long)]
    pub global: bool,
    /// Check pushes, too
    #[arg(long)]
    pub pre_push: bool,
    /// Check commit messages, too
    #[arg(long)]
    pub commit_msg: bool,
    /// Check what is pushed to this repository, and nothing else
    #[arg(long, conflicts_with_all = ["global", "pre_push", "commit_msg"])]
    pub pre_receive: bool,
}

/// How a hook checks.
#[derive(Debug, Args)]
pub struct GuardArgs {
    /// Add rules from a file or folder (repeatable)
    #[arg(long, value_name = "PATH", help_heading = "What counts")]
    pub rules: Vec<PathBuf>,

    /// Read this instead of stopleak.toml: settings, or a gitleaks configuration
    #[arg(long, value_name = "FILE", help_heading = "What counts")]
    pub config: Option<PathBuf>,

    /// The least that blocks where the policy says nothing, as in high,0.8 [default: 0.5]
    #[arg(long, value_name = "GATE", value_parser = parse_gate, help_heading = "What counts")]
    pub gate: Option<Gate>,

    /// Leave out findings accepted in this file
    #[arg(long, value_name = "FILE", help_heading = "What counts")]
    pub baseline: Option<PathBuf>,

    /// Let pass what could not be scanned
    #[arg(long, help_heading = "What counts")]
    pub allow_partial: bool,

    /// How many threads to scan with [default: one a core]
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,
}

/// What becomes of a push that could not be checked in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OnTimeout {
    Block,
    Allow,
}

/// `policy`.
#[derive(Debug, Args)]
pub struct PolicyArgs {
    #[command(subcommand)]
    pub verb: PolicyVerb,
}

/// What to do with a policy.
#[derive(Debug, Subcommand)]
pub enum PolicyVerb {
    /// Show what would block and why, for a scan or a saved report
    Test {
        #[command(flatten)]
        selection: Selection,
        /// Judge the findings of this report (json or jsonl) instead of scanning
        #[arg(long, value_name = "FILE", conflicts_with_all = ["targets", "history", "range", "since", "staged"])]
        from: Option<PathBuf>,
    },
}

/// `500ms`, `4s`, `4`, `2m`.
fn parse_time(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: Option<u64> = text[..digits].parse().ok();
    let millis = match text[digits..].trim() {
        "ms" => number,
        "" | "s" => number.and_then(|seconds| seconds.checked_mul(1_000)),
        "m" | "min" => number.and_then(|minutes| minutes.checked_mul(60_000)),
        _ => None,
    };
    millis.map(Duration::from_millis).ok_or_else(|| format!("`{text}` is no time: write 500ms, 4s or 1m"))
}
