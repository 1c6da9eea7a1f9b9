//! What is to be swept: targets, what of them, and how far servers may be asked.

use super::parse_size;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

/// Targets, and what is left out of them.
#[derive(Debug, Default, Args)]
pub struct TargetArgs {
    /// github://ORG, github://user:NAME, github://enterprise:NAME, gitlab://GROUP, gitea://HOST/ORG,
    /// bitbucket://WORKSPACE, azure://ORG[/PROJECT], docker://REGISTRY/, a folder of repositories, or a file of
    /// addresses and targets
    #[arg(value_name = "TARGET", required_unless_present = "file")]
    pub targets: Vec<String>,

    /// Read addresses and targets from a file, one a line (repeatable)
    #[arg(long, value_name = "FILE", help_heading = "What to sweep")]
    pub file: Vec<PathBuf>,

    /// Add wikis
    #[arg(long, help_heading = "What to sweep")]
    pub wikis: bool,

    /// Add the gists of users and an organisation's members, and the snippets of projects
    #[arg(long, help_heading = "What to sweep")]
    pub gists: bool,

    /// Add issues, requests to merge and their comments
    #[arg(long, help_heading = "What to sweep")]
    pub issues: bool,

    /// Only names that fit, as in api-* or org/api-* (repeatable)
    #[arg(long, value_name = "GLOB", help_heading = "What to sweep")]
    pub include: Vec<String>,

    /// No names that fit (repeatable)
    #[arg(long, value_name = "GLOB", help_heading = "What to sweep")]
    pub exclude: Vec<String>,

    /// Only with this topic (repeatable: one of them)
    #[arg(long, value_name = "TOPIC", help_heading = "What to sweep")]
    pub topic: Vec<String>,

    /// Without archived repositories
    #[arg(long, help_heading = "What to sweep")]
    pub no_archived: bool,

    /// Without forks
    #[arg(long, help_heading = "What to sweep")]
    pub no_forks: bool,

    /// At least this large, as in 10M
    #[arg(long, value_name = "SIZE", value_parser = parse_size, help_heading = "What to sweep")]
    pub min_size: Option<u64>,

    /// At most this large, as in 5G
    #[arg(long, value_name = "SIZE", value_parser = parse_size, help_heading = "What to sweep")]
    pub max_size: Option<u64>,

    /// Pushed to since this day, as in 2026-01-31
    #[arg(long, value_name = "DATE", help_heading = "What to sweep")]
    pub pushed_since: Option<String>,

    #[command(flatten)]
    pub servers: ServerArgs,
}

/// How far servers may be asked.
#[derive(Debug, Default, Args)]
pub struct ServerArgs {
    /// Send at most this many requests to one server [default: no limit but its own]
    #[arg(long, value_name = "N", help_heading = "Servers")]
    pub max_calls: Option<u64>,

    /// Wait at most this many seconds for a server's rate limits [default: 300]
    #[arg(long, value_name = "SECONDS", help_heading = "Servers")]
    pub max_wait: Option<u64>,

    /// Trust this certificate authority of a forge or registry, too
    #[arg(long, value_name = "FILE", help_heading = "Servers")]
    pub registry_ca: Option<PathBuf>,

    /// Never use the network: a remote target is an error
    #[arg(long, help_heading = "Servers")]
    pub offline: bool,
}

/// `sweep plan`.
#[derive(Debug, Args)]
pub struct SweepPlanArgs {
    #[command(flatten)]
    pub what: TargetArgs,

    /// Settings, with the credentials of [sweep.credentials]
    #[arg(long, value_name = "FILE", help_heading = "Servers")]
    pub config: Option<PathBuf>,

    /// text or json
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value = "text", help_heading = "Output")]
    pub format: PlanFormat,

    /// Accept that something could not be listed: it no longer makes the plan fail
    #[arg(long, help_heading = "Output")]
    pub allow_partial: bool,
}

/// A form of the plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlanFormat {
    Text,
    Json,
}
