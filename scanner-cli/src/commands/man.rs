//! `stopleak man DIR`: man pages made of the same definition as the help.

use crate::args::{Cli, ManArgs};
use crate::exit;
use crate::failure::{OrFail, Result};
use crate::terminal::message;
use clap::CommandFactory;

/// Writes a page for the program and one for each of its commands.
pub fn run(args: &ManArgs) -> Result<u8> {
    let folder = &args.folder;
    let written = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Cli::command(), folder));
    written.or_fail(|| format!("cannot write man pages to {}", folder.display()))?;
    message::line(&format!("man pages written to {}; read one with `man -l FILE`", folder.display()));
    Ok(exit::CLEAN)
}
