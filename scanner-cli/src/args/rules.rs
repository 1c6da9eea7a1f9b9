//! The words of `rules`.

use super::IMPORT;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `rules`.
#[derive(Debug, Args)]
pub struct RulesArgs {
    #[command(subcommand)]
    pub verb: RulesVerb,
}

/// What to do with rules.
#[derive(Debug, Subcommand)]
pub enum RulesVerb {
    /// List every rule
    List {
        /// Add rules from a file or folder (repeatable)
        #[arg(long, value_name = "PATH")]
        rules: Vec<PathBuf>,
    },
    /// Show all about one rule
    Show {
        /// A rule's id
        id: String,
        /// Add rules from a file or folder (repeatable)
        #[arg(long, value_name = "PATH")]
        rules: Vec<PathBuf>,
    },
    /// Check rule files: every complaint with its file and line
    Check {
        /// A rule file, or a folder of them
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
    /// Make a rule file of a configuration of gitleaks or betterleaks
    #[command(after_help = IMPORT)]
    Import {
        /// A configuration, such as .gitleaks.toml
        file: PathBuf,
        /// Write to FILE instead of standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
    },
    /// Run the examples of rule files against all rules
    Test {
        /// A rule file, or a folder of them
        #[arg(value_name = "FILE", required = true)]
        files: Vec<PathBuf>,
    },
}
