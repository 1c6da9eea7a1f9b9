//! The words of `verify`, and those of `scan` and `ci` about asking providers.

use super::Selection;
use clap::Args;
use std::path::PathBuf;
use std::str::FromStr;
use stopleak_core::policy::ValidityWord;

/// How providers are asked.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Verifying")]
pub struct AskArgs {
    /// Where a provider stands at yours, in place of its public address, as in gitlab=https://gitlab.corp (repeatable)
    #[arg(long, value_name = "PROVIDER=URL", hide_short_help = true)]
    pub endpoint: Vec<String>,

    /// Ask this host though only what was scanned names it; it may be a private one, `*.` stands for one label (repeatable)
    #[arg(long, value_name = "HOST", hide_short_help = true)]
    pub verify_host: Vec<String>,

    /// Ask any public host that what was scanned names
    #[arg(long, hide_short_help = true)]
    pub scanned_hosts: bool,

    /// Trust this certificate authority of a provider, too
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub verify_ca: Option<PathBuf>,

    /// Ask anew, whatever was answered before, and keep no answer
    #[arg(long, hide_short_help = true)]
    pub no_verify_cache: bool,
}

/// `verify`.
#[derive(Debug, Args)]
pub struct VerifyArgs {
    /// A report saved with --format json or jsonl; `-` is standard input
    #[arg(value_name = "FINDINGS", required_unless_present = "hosts")]
    pub saved: Option<PathBuf>,

    #[command(flatten)]
    pub selection: Selection,

    /// Print every host that would be asked, and ask none; without FINDINGS, of all rules
    #[arg(long, conflicts_with = "dry_run")]
    pub hosts: bool,

    /// Print the requests that would be sent, without any value, and send none
    #[arg(long)]
    pub dry_run: bool,

    /// Report findings of these kinds only: active, inactive, unknown, unchecked, presumed-active
    #[arg(long, value_name = "WORDS", value_delimiter = ',', value_parser = ValidityWord::from_str)]
    pub only: Vec<ValidityWord>,

    /// Ask about suppressed findings and those below the gate, too
    #[arg(long)]
    pub all: bool,

    /// text, jsonl, json, sarif, gitlab, github, markdown, html, junit or csv, to FILE or standard output (repeatable) [default: text]
    #[arg(short, long, value_name = "FORMAT[=FILE]", help_heading = "Output")]
    pub format: Vec<String>,

    /// Write to FILE: the next --format without a file, else the format its ending names (repeatable)
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Vec<PathBuf>,

    /// Print secrets in clear where they are known, in text, jsonl, json, html and csv
    #[arg(long, help_heading = "Output")]
    pub show_secrets: bool,

    #[command(flatten)]
    pub ask: AskArgs,
}
