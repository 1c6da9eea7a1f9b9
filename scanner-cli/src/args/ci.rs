//! The words of `ci`.

use super::{AskArgs, EXIT_CODES, GuardArgs, PracticesArg, VaultArgs};
use crate::commands::ci::FailOn;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `ci`.
#[derive(Debug, Args)]
pub struct CiCommand {
    #[command(subcommand)]
    pub verb: CiVerb,
}

/// The forge whose pipeline runs.
#[derive(Debug, Subcommand)]
pub enum CiVerb {
    /// In a step of a GitHub workflow: the event says which commits are new
    #[command(after_help = EXIT_CODES)]
    Github(CiArgs),
    /// In a job of a GitLab pipeline: its variables say which commits are new
    #[command(after_help = EXIT_CODES)]
    Gitlab(CiArgs),
}

/// What a pipeline's run wants.
#[derive(Debug, Args)]
pub struct CiArgs {
    #[command(flatten)]
    pub guard: GuardArgs,

    #[command(flatten)]
    pub vault: VaultArgs,

    /// Of what counts, fail for this only: policy, never, or a severity, a confidence, active, presumed-active, as in high,0.8
    #[arg(long, value_name = "WHAT", default_value = "policy", help_heading = "What counts")]
    pub fail_on: FailOn,

    /// Show risky practice in pipelines, fail for it too, or hide it [default: show]
    #[arg(long, value_name = "HOW", value_enum, help_heading = "What counts")]
    pub practices: Option<PracticesArg>,

    /// Ask the providers whether what was found is alive
    #[arg(long, help_heading = "Verifying")]
    pub verify: bool,

    #[command(flatten)]
    pub ask: AskArgs,

    /// Count only what is below this folder of the repository (repeatable)
    #[arg(long, value_name = "FOLDER", help_heading = "What to scan")]
    pub path: Vec<String>,

    /// Scan the whole history, whatever started the run
    #[arg(long, help_heading = "What to scan")]
    pub whole_history: bool,

    /// The remote to fetch from what a shallow clone lacks
    #[arg(long, value_name = "NAME", default_value = "origin", help_heading = "What to scan")]
    pub remote: String,

    /// Fetch nothing: a clone that lacks commits is an error
    #[arg(long, help_heading = "What to scan")]
    pub no_fetch: bool,

    /// Write a report to FILE, as in sarif=stopleak.sarif (repeatable); text goes to standard output
    #[arg(short, long, value_name = "FORMAT[=FILE]", help_heading = "Output")]
    pub format: Vec<String>,

    /// Write to FILE: the next --format without a file, else the format its ending names (repeatable)
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Vec<PathBuf>,
}
