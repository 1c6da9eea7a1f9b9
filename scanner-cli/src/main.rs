//! The `stopleak` command: parse, wire, print, exit.

mod args;
mod commands;
mod failure;
mod network;
mod output;
mod remedy;
mod settings;
mod terminal;
mod vaults;

use args::{Cli, Verb};
use clap::Parser;
use failure::Failure;
use std::process::ExitCode;

fn main() -> ExitCode {
    terminal::panic::keep_quiet();
    let result = match Cli::parse().verb {
        Verb::Scan(args) => commands::scan::run(&args),
        Verb::Verify(args) => commands::verify::run(&args),
        Verb::Ci(args) => commands::ci::run(&args.verb),
        Verb::Revoke(args) => commands::respond::revoke(*args),
        Verb::Rotate(args) => commands::respond::rotate(*args),
        Verb::Baseline(args) => commands::baseline::run(&args),
        Verb::Hook(args) => commands::hook::run(&args),
        Verb::Sweep(args) => commands::sweep::run(&args.verb),
        Verb::Policy(args) => commands::policy::run(&args),
        Verb::Audit(args) => commands::audit::run(&args),
        Verb::Notify(args) => commands::notify::run(&args),
        Verb::Serve(args) => commands::serve::run(&args),
        Verb::Init(args) => commands::init::run(&args),
        Verb::Report(args) => commands::report::run(&args),
        Verb::Vault(args) => commands::vault::run(*args),
        Verb::Mask(args) => commands::mask::run(&args),
        Verb::Rules(args) => commands::rules::run(&args),
        Verb::Completions(args) => commands::completions::run(&args),
        Verb::Man(args) => commands::man::run(&args),
    };
    let code = result.unwrap_or_else(|failure: Failure| {
        terminal::message::error(&failure);
        exit::FAILED
    });
    ExitCode::from(code)
}

/// The exit codes outsiders rely on.
mod exit {
    /// Nothing at or above the gate, and everything was scanned.
    pub const CLEAN: u8 = 0;
    /// Findings at or above the gate.
    pub const LEAKS: u8 = 1;
    /// What was asked for could not be done.
    pub const FAILED: u8 = 2;
}
