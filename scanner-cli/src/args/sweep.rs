//! The words of `sweep`.

use super::sweep_targets::{ServerArgs, SweepPlanArgs, TargetArgs};
use super::{ArchiveArgs, AskArgs, parse_gate, parse_size};
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;
use stopleak_core::scan::Gate;

const EXIT_CODES: &str = "Exit codes: 0 no open finding and everything scanned, 1 open findings, 2 not done as asked \
     (a repository that is not scanned counts, unless --allow-partial)";

/// `sweep`.
#[derive(Debug, Args)]
pub struct SweepCommand {
    #[command(subcommand)]
    pub verb: SweepVerb,
}

/// What to do with many repositories.
#[derive(Debug, Subcommand)]
pub enum SweepVerb {
    /// List what would be swept: how many repositories, how large, and what of the limits the list took
    Plan(Box<SweepPlanArgs>),
    /// Sweep targets, and go on where an interrupted sweep stopped
    #[command(after_help = EXIT_CODES)]
    Run(Box<SweepRunArgs>),
    /// Do jobs of sweeps that others planned, until stopped
    Work(Box<SweepWorkArgs>),
    /// Show what is scanned, what is not and why, and the findings
    #[command(after_help = EXIT_CODES)]
    Status(SweepStatusArgs),
    /// Say something of a finding: it is known for now, no secret, revoked or rotated
    Ack(SweepAckArgs),
    /// Take back what was said of a finding
    Reopen(SweepReopenArgs),
}

/// Where a sweep keeps what it knows.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Where it is kept")]
pub struct StoreArgs {
    /// A file, or postgres://user@host/database [default: sweep.db in the state folder]
    #[arg(long, value_name = "STORE", env = "STOPLEAK_STORE", hide_env_values = true)]
    pub store: Option<String>,

    /// The folder for state, copies of repositories and the store's key [default: sweep in $STOPLEAK_STATE, else in ~/.local/state/stopleak]
    #[arg(long, value_name = "FOLDER")]
    pub state: Option<PathBuf>,

    /// The file of the store's key; STOPLEAK_STORE_KEY holds the key itself [default: store.key in the state folder]
    #[arg(long, value_name = "FILE")]
    pub store_key: Option<PathBuf>,
}

/// How jobs are done.
#[derive(Debug, Default, Args)]
pub struct CrewArgs {
    #[command(flatten)]
    pub at: StoreArgs,

    /// nats://host:port hands jobs to workers on many machines [default: the store]
    #[arg(
        long,
        value_name = "QUEUE",
        env = "STOPLEAK_QUEUE",
        hide_env_values = true,
        help_heading = "Where it is kept"
    )]
    pub queue: Option<String>,

    /// Repositories at the same time [default: one a core]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..), help_heading = "How much at once")]
    pub workers: Option<u16>,

    /// Memory for all repositories at the same time, as in 4G [default: half of the machine's]
    #[arg(long, value_name = "SIZE", value_parser = parse_size, help_heading = "How much at once")]
    pub memory: Option<u64>,

    /// Disk for copies of repositories [default: 20G]
    #[arg(long, value_name = "SIZE", value_parser = parse_size, help_heading = "How much at once")]
    pub cache: Option<u64>,

    /// Serve figures for Prometheus at this address, as in 127.0.0.1:9187
    #[arg(long, value_name = "ADDRESS", help_heading = "Output")]
    pub metrics: Option<String>,

    /// Seconds until the job of a silent worker is given to another [default: 60]
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..), hide_short_help = true, help_heading = "How much at once")]
    pub lease: Option<u64>,

    /// Seconds until a failed repository is tried again [default: 5]
    #[arg(long, value_name = "SECONDS", hide_short_help = true, help_heading = "How much at once")]
    pub retry_after: Option<u64>,

    /// Objects that are scanned between two entries in the store [default: 200000]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..), hide_short_help = true, help_heading = "How much at once")]
    pub part: Option<u64>,

    /// Seconds one fetch may take [default: 21600]
    #[arg(long, value_name = "SECONDS", hide_short_help = true, help_heading = "How much at once")]
    pub fetch_limit: Option<u64>,

    /// Add rules from a file or folder (repeatable)
    #[arg(long, value_name = "PATH", help_heading = "What counts")]
    pub rules: Vec<PathBuf>,

    /// Settings for all repositories, and [sweep.credentials]; those of repositories are not read
    #[arg(long, value_name = "FILE", help_heading = "What counts")]
    pub config: Option<PathBuf>,

    /// The least that counts: a severity, a confidence from 0 to 1, or both, as in high,0.8 [default: 0.5]
    #[arg(long, value_name = "GATE", value_parser = parse_gate, help_heading = "What counts")]
    pub gate: Option<Gate>,

    #[command(flatten)]
    pub archives: ArchiveArgs,

    /// Ask providers whether what is found works, once a run about each secret
    #[arg(long, help_heading = "Verifying")]
    pub verify: bool,

    /// Keep values sealed under this key, so that every run asks about them again: env:NAME, file:PATH or
    /// vault:VAULT:PATH#FIELD
    #[arg(long, value_name = "KEY", requires = "verify", help_heading = "Verifying")]
    pub keep_values: Option<String>,

    #[command(flatten)]
    pub ask: AskArgs,

    /// Show no progress
    #[arg(long, help_heading = "Output")]
    pub no_progress: bool,
}

/// `sweep run`.
#[derive(Debug, Args)]
pub struct SweepRunArgs {
    #[command(flatten)]
    pub what: TargetArgs,

    /// Stay, and sweep when this is due: cron's five fields, and a time zone if it is not UTC
    #[arg(long, value_name = "CRON")]
    pub schedule: Option<String>,

    /// Plan and watch, and leave the work to `sweep work`
    #[arg(long)]
    pub no_work: bool,

    #[command(flatten)]
    pub crew: CrewArgs,

    /// Accept that something was not scanned: it no longer makes a clean result fail
    #[arg(long, help_heading = "What counts")]
    pub allow_partial: bool,
}

/// `sweep work`.
#[derive(Debug, Args)]
pub struct SweepWorkArgs {
    #[command(flatten)]
    pub crew: CrewArgs,

    #[command(flatten)]
    pub servers: ServerArgs,

    /// End when no job is left
    #[arg(long)]
    pub until_empty: bool,
}

/// `sweep status`.
#[derive(Debug, Args)]
pub struct SweepStatusArgs {
    #[command(flatten)]
    pub at: StoreArgs,

    /// text or json
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub format: super::StatusFormat,

    /// List every finding
    #[arg(long)]
    pub findings: bool,

    /// List every repository
    #[arg(long)]
    pub repositories: bool,

    /// Accept that something was not scanned: it no longer makes a clean result fail
    #[arg(long)]
    pub allow_partial: bool,
}

/// `sweep ack`.
#[derive(Debug, Args)]
pub struct SweepAckArgs {
    /// The finding's id or fingerprint
    pub finding: String,

    /// What it is
    #[arg(long = "as", value_name = "STATE", value_enum, default_value = "acknowledged")]
    pub what: StateArg,

    /// Why
    #[arg(long, value_name = "TEXT")]
    pub reason: String,

    /// The day after which it is open again, as in 2027-01-31
    #[arg(long, value_name = "DATE")]
    pub until: Option<String>,

    /// Settings whose [audit] says where it is written down
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    #[command(flatten)]
    pub at: StoreArgs,
}

/// `sweep reopen`.
#[derive(Debug, Args)]
pub struct SweepReopenArgs {
    /// The finding's id or fingerprint
    pub finding: String,

    /// Why
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,

    /// Settings whose [audit] says where it is written down
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    #[command(flatten)]
    pub at: StoreArgs,
}

/// What can be said of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StateArg {
    Acknowledged,
    FalsePositive,
    Revoked,
    Rotated,
}
