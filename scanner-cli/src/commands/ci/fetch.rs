//! Fetches what planning asks for, with git and the logins that the checkout left.

use super::repository;
use crate::args::CiArgs;
use crate::failure::{Failure, Result};
use crate::terminal::message;
use std::process::{Command, Stdio};
use stopleak_core::event::{Event, EventError, Fetch, Plan, Planning, Step};

/// Planning asks for a handful of fetches; more would be a mistake of ours.
const MOST_FETCHES: usize = 50;

/// Settings that no repository shall choose for a fetch: no prompt, no hook, no housekeeping.
const SETTINGS: [&str; 5] =
    ["core.hooksPath=/dev/null", "core.fsmonitor=false", "gc.auto=0", "maintenance.auto=false", "protocol.version=2"];

/// Works out what to scan, and fetches what that takes.
pub fn plan(event: Event, args: &CiArgs) -> Result<Plan> {
    let mut planning = Planning::new(event, &args.remote);
    for _ in 0..MOST_FETCHES {
        match planning.step(&repository()?).map_err(failure)? {
            Step::Scan(plan) => return Ok(plan),
            Step::Fetch(what) if args.no_fetch => {
                planning.fetched(what, Some("--no-fetch forbids it".to_owned()));
            }
            Step::Fetch(what) => {
                let error = fetch(&what, &args.remote);
                planning.fetched(what, error);
            }
        }
    }
    Err(Failure::new("cannot find out which commits are new").hint("check out with full history"))
}

fn failure(error: EventError) -> Failure {
    let failure = Failure::new(error.to_string());
    match error.hint() {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}

/// Runs git; gives what it said when it failed.
fn fetch(what: &Fetch, remote: &str) -> Option<String> {
    message::line(&format!("stopleak: git {}", what.arguments(remote).join(" ")));
    let mut command = Command::new("git");
    // In a container the checkout belongs to somebody else: this folder is the one we were told to scan.
    let here = std::env::current_dir().map(|folder| folder.display().to_string()).unwrap_or_default();
    command.arg("-c").arg(format!("safe.directory={here}"));
    SETTINGS.iter().for_each(|setting| _ = command.arg("-c").arg(setting));
    command.args(what.arguments(remote)).env("GIT_TERMINAL_PROMPT", "0").stdin(Stdio::null());
    match command.output() {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(last_words(&String::from_utf8_lossy(&output.stderr))),
        Err(error) => Some(format!("git cannot be started: {error}")),
    }
}

/// What git said, on one line.
fn last_words(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(3).collect();
    if lines.is_empty() { "git gave no reason".to_owned() } else { lines.join("; ") }
}
