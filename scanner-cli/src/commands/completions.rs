//! `stopleak completions SHELL`.

use crate::args::{Cli, CompletionsArgs};
use crate::exit;
use crate::failure::Result;
use clap::CommandFactory;
use std::io::Write;

/// Prints completions.
pub fn run(args: &CompletionsArgs) -> Result<u8> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "stopleak", &mut script);
    // A reader that stops early has what it wanted.
    let _ = std::io::stdout().write_all(&script);
    Ok(exit::CLEAN)
}
