//! The words of `baseline`.

use super::Selection;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `baseline`.
#[derive(Debug, Args)]
pub struct BaselineArgs {
    #[command(subcommand)]
    pub verb: BaselineVerb,
}

/// What to do with a baseline.
#[derive(Debug, Subcommand)]
pub enum BaselineVerb {
    /// Scan and accept everything found
    Create {
        #[command(flatten)]
        on: BaselineOn,
        /// Replace a baseline that exists
        #[arg(long)]
        force: bool,
    },
    /// Scan and accept what is not accepted yet
    Add {
        #[command(flatten)]
        on: BaselineOn,
        /// Accept this finding only (repeatable)
        #[arg(long, value_name = "ID")]
        fingerprint: Vec<String>,
    },
    /// Scan and accept what gitleaks was told to ignore: a .gitleaksignore, or a JSON report used as a baseline
    Import {
        /// The .gitleaksignore or report
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        on: BaselineOn,
    },
    /// Scan and drop accepted findings that are gone
    Prune {
        #[command(flatten)]
        on: BaselineOn,
    },
}

/// The baseline file and the scan behind it.
#[derive(Debug, Args)]
pub struct BaselineOn {
    #[command(flatten)]
    pub selection: Selection,

    /// The baseline [default: the one in stopleak.toml, else stopleak-baseline.json]
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
}
