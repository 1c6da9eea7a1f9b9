//! The command line as it is written; what it means is worked out in `commands`.

// Comments of options are their help texts: no links.
#![allow(rustdoc::broken_intra_doc_links, rustdoc::bare_urls)]

mod audit;
mod baseline;
mod ci;
mod hook;
mod outward;
mod respond;
mod rules;
mod sweep;
mod sweep_targets;
mod vault;
mod verify;

pub use audit::*;
pub use baseline::*;
pub use ci::*;
pub use hook::*;
pub use outward::*;
pub use respond::*;
pub use rules::*;
pub use sweep::*;
pub use sweep_targets::*;
pub use vault::*;
pub use verify::*;

use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;
use stopleak_core::Severity;
use stopleak_core::archive::Limits;
use stopleak_core::image::Platform;
use stopleak_core::policy::ValidityWord;
use stopleak_core::scan::Gate;

const EXIT_CODES: &str = "Exit codes: 0 clean, 1 findings at or above the gate, 2 not done as asked \
     (anything asked for and not scanned counts, unless --allow-partial)";

const RESPOND_CODES: &str = "Without --execute the plan is shown and nothing is done. Exit codes: 0 all is dead, or planned; \
     1 something still works; 2 not done as asked, or not known";

const IMPORT: &str = "Rules become rules with a `search`, run as gitleaks runs them; allowlists become [[allow]] entries. \
     What is not carried over is listed on standard error and on top of the file. Use the file with --rules, or name \
     it under [rules] paths in stopleak.toml. `scan --config .gitleaks.toml` does the same without a file.";

/// Find leaked secrets in files, git history, container images, pipelines, buckets and standard input
#[derive(Debug, Parser)]
#[command(name = "stopleak", version, after_help = EXIT_CODES, max_term_width = 100)]
pub struct Cli {
    #[command(subcommand)]
    pub verb: Verb,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Scan repositories, folders, files, container images, logs of pipelines, buckets or standard input
    #[command(after_help = EXIT_CODES)]
    Scan(Box<ScanArgs>),
    /// Stop secrets before they are committed or pushed
    Hook(Box<HookArgs>),
    /// Scan what a run of a pipeline brought, and report to the forge
    #[command(after_help = EXIT_CODES)]
    Ci(Box<CiCommand>),
    /// Ask providers whether saved findings are alive
    #[command(after_help = EXIT_CODES)]
    Verify(Box<VerifyArgs>),
    /// End leaked secrets at their providers, and prove that they are dead
    #[command(after_help = RESPOND_CODES)]
    Revoke(Box<RespondArgs>),
    /// Replace leaked secrets: the new value goes to the vault and is proved before the old one ends
    #[command(after_help = RESPOND_CODES)]
    Rotate(Box<RotateArgs>),
    /// Sweep many repositories, on a schedule, on one machine or many
    Sweep(Box<SweepCommand>),
    /// Accept today's findings, so that only new ones count
    Baseline(Box<BaselineArgs>),
    /// Try the policy of stopleak.toml: what would block, and why
    Policy(Box<PolicyArgs>),
    /// Check, show, sign and prove the record of what was done
    Audit(AuditArgs),
    /// Try who is told of leaks
    Notify(NotifyArgs),
    /// Answer forges that report leaks, and show the findings of sweeps as a live page
    Serve(ServeArgs),
    /// Start a project: settings with every choice explained, and a baseline on request
    Init(InitArgs),
    /// Write a saved report in another format
    Report(ReportArgs),
    /// Know what the vault holds: a keyed index of its values, and what has drifted
    Vault(Box<VaultCommand>),
    /// Mask secrets in a stream, or in what a command prints
    Mask(MaskArgs),
    /// Look at the rules
    Rules(RulesArgs),
    /// Print completions for a shell
    Completions(CompletionsArgs),
    /// Write man pages, one a command
    Man(ManArgs),
}

/// What to scan and how; shared by every command that scans.
#[derive(Debug, Default, Args)]
pub struct Selection {
    /// A work tree, bare repository, folder or file, `-` for standard input, an image: docker://,
    /// docker-archive:, oci:, oci-archive:, a bucket: s3://bucket/prefix, or logs and artifacts of
    /// pipelines: github://, gitlab:// [default: .]
    #[arg(value_name = "TARGET")]
    pub targets: Vec<PathBuf>,

    /// How many threads to scan with [default: one a core]
    #[arg(short = 'j', long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..))]
    pub threads: Option<u16>,

    /// Show no progress bar
    #[arg(long)]
    pub no_progress: bool,

    /// Print findings and what was not scanned, nothing else
    #[arg(short, long)]
    pub quiet: bool,

    /// Scan every reachable object of a repository, or the files on disk only [default: all]
    #[arg(long, value_name = "HOW", value_enum, conflicts_with = "staged", help_heading = "What to scan")]
    pub history: Option<HistoryArg>,

    /// Scan what the commits of A..B introduced, as git reads the range
    #[arg(long, value_name = "A..B", conflicts_with_all = ["staged", "history"], help_heading = "What to scan")]
    pub range: Option<String>,

    /// Scan what commits since this date introduced, objects changed since then, or a forge's runs since then
    #[arg(long, value_name = "DATE", conflicts_with_all = ["staged", "history"], help_heading = "What to scan")]
    pub since: Option<String>,

    /// Scan what is staged for the next commit, not the work tree
    #[arg(long, help_heading = "What to scan")]
    pub staged: bool,

    /// Scan files that ignore files leave out, too
    #[arg(long, help_heading = "What to scan")]
    pub no_ignore: bool,

    #[command(flatten)]
    pub archives: ArchiveArgs,

    #[command(flatten)]
    pub images: ImageArgs,

    #[command(flatten)]
    pub forges: ForgeArgs,

    #[command(flatten)]
    pub vault: VaultArgs,

    /// Add rules from a file or folder (repeatable)
    #[arg(long, value_name = "PATH", help_heading = "What counts")]
    pub rules: Vec<PathBuf>,

    /// Read this instead of stopleak.toml: settings, or a gitleaks configuration
    #[arg(long, value_name = "FILE", help_heading = "What counts")]
    pub config: Option<PathBuf>,

    /// The least that counts: a severity, a confidence from 0 to 1, or both, as in high,0.8 [default: 0.5]
    #[arg(long, value_name = "GATE", value_parser = parse_gate, help_heading = "What counts")]
    pub gate: Option<Gate>,

    /// Show risky practice in pipelines, fail for it too, or hide it [default: show]
    #[arg(long, value_name = "HOW", value_enum, help_heading = "What counts")]
    pub practices: Option<PracticesArg>,

    /// Accept that something was not scanned: it no longer makes a clean result fail
    #[arg(long, help_heading = "What counts")]
    pub allow_partial: bool,
}

/// How images and buckets are found and got.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Images and buckets")]
pub struct ImageArgs {
    /// Of an image for several platforms, scan this one, as in linux/amd64 [default: all]
    #[arg(long, value_name = "OS/ARCH", value_parser = Platform::from_str)]
    pub platform: Option<Platform>,

    /// Scan versions of objects that were overwritten or deleted, too
    #[arg(long)]
    pub object_versions: bool,

    /// Trust this certificate authority of a registry, store or forge, too
    #[arg(long, value_name = "FILE")]
    pub registry_ca: Option<PathBuf>,

    /// Never use the network: a remote target is an error
    #[arg(long)]
    pub offline: bool,
}

/// How forges are asked for the logs and artifacts of pipelines.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Pipelines")]
pub struct ForgeArgs {
    /// With --since, scan the runs that failed, or all [default: failed]
    #[arg(long, value_name = "WHICH", value_enum)]
    pub runs: Option<RunsArg>,

    /// Wait at most this many seconds for a forge's rate limits [default: 300]
    #[arg(long, value_name = "SECONDS")]
    pub max_wait: Option<u64>,
}

/// Which runs of pipelines to scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RunsArg {
    Failed,
    All,
}

/// How far archives are unpacked.
#[derive(Debug, Default, Args)]
pub struct ArchiveArgs {
    /// Scan the bytes of archives as they are
    #[arg(long, help_heading = "Archives")]
    pub no_archives: bool,

    /// Open archives inside archives down to this depth; --help lists more limits [default: 10]
    #[arg(long, help_heading = "Archives", value_name = "N")]
    pub max_archive_depth: Option<u32>,

    /// Unpack at most this much of an archive, as in 500M or 20G [default: 1T]
    #[arg(long, help_heading = "Archives", value_name = "SIZE", value_parser = parse_size, hide_short_help = true)]
    pub max_archive_size: Option<u64>,

    /// Unpack at most N times an archive's size [default: 2500]
    #[arg(long, help_heading = "Archives", value_name = "N", hide_short_help = true)]
    pub max_archive_ratio: Option<u64>,

    /// Open at most N members of an archive [default: 10000000]
    #[arg(long, help_heading = "Archives", value_name = "N", hide_short_help = true)]
    pub max_archive_entries: Option<u64>,

    /// Hold at most this much of an archive in memory [default: 224M]
    #[arg(long, help_heading = "Archives", value_name = "SIZE", value_parser = parse_size, hide_short_help = true)]
    pub max_archive_memory: Option<u64>,

    /// Spend at most this many seconds on an archive [default: 3600]
    #[arg(long, help_heading = "Archives", value_name = "SECONDS", hide_short_help = true)]
    pub max_archive_time: Option<u64>,
}

impl ArchiveArgs {
    /// The limits asked for; none when archives are not opened.
    pub fn limits(&self) -> Option<Limits> {
        let default = Limits::default();
        (!self.no_archives).then(|| Limits {
            max_depth: self.max_archive_depth.unwrap_or(default.max_depth),
            max_ratio: self.max_archive_ratio.unwrap_or(default.max_ratio),
            max_bytes: self.max_archive_size.unwrap_or(default.max_bytes),
            max_entries: self.max_archive_entries.unwrap_or(default.max_entries),
            max_memory: self.max_archive_memory.unwrap_or(default.max_memory),
            max_time: self.max_archive_time.map_or(default.max_time, Duration::from_secs),
        })
    }
}

/// `scan`.
#[derive(Debug, Args)]
pub struct ScanArgs {
    #[command(flatten)]
    pub selection: Selection,

    /// Leave out findings accepted in this file
    #[arg(long, value_name = "FILE", help_heading = "What counts")]
    pub baseline: Option<PathBuf>,

    /// text, jsonl, json, sarif, gitlab, github, markdown, html, junit or csv, to FILE or standard output (repeatable) [default: text]
    #[arg(short, long, value_name = "FORMAT[=FILE]", help_heading = "Output")]
    pub format: Vec<String>,

    /// Write to FILE: the next --format without a file, else the format its ending names (repeatable)
    #[arg(short, long, value_name = "FILE", help_heading = "Output")]
    pub output: Vec<PathBuf>,

    /// Report suppressed findings and those below the gate, too; they never count
    #[arg(long, help_heading = "Output")]
    pub all: bool,

    /// Print secrets in clear, in text, jsonl, json, html and csv
    #[arg(long, help_heading = "Output")]
    pub show_secrets: bool,

    /// Ask the providers whether what was found is alive
    #[arg(long, help_heading = "Verifying")]
    pub verify: bool,

    /// Report what is active, inactive, unknown, unchecked or presumed-active only, as in active,unknown
    #[arg(
        long,
        value_name = "WORDS",
        requires = "verify",
        value_delimiter = ',',
        value_parser = ValidityWord::from_str,
        help_heading = "Verifying"
    )]
    pub only: Vec<ValidityWord>,

    #[command(flatten)]
    pub ask: AskArgs,
    /// Tell those whom [[notify]] names of new findings; the settings must be named with --config
    #[arg(long, requires = "config", conflicts_with = "offline", help_heading = "Output", hide_short_help = true)]
    pub notify: bool,

    /// Write the scan into the audit log, before it begins and after it ends
    #[arg(long, help_heading = "Output", hide_short_help = true)]
    pub audit: bool,

    #[command(flatten)]
    pub remedy: RemedyArgs,
}

/// What is written for putting things right; off unless asked for.
#[derive(Debug, Args)]
#[command(next_help_heading = "Putting it right")]
pub struct RemedyArgs {
    /// Write what to replace in the history, in clear, as `git filter-repo` and BFG read it; the steps to take are
    /// printed
    #[arg(long, value_name = "FILE", hide_short_help = true)]
    pub write_replacements: Option<PathBuf>,

    /// Write a template without secret values beside each .env file that holds a finding
    #[arg(long, hide_short_help = true)]
    pub write_env_templates: bool,
}

/// `report`.
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// A report saved with --format json or jsonl; `-` is standard input
    #[arg(value_name = "FILE", required_unless_present = "from")]
    pub saved: Option<PathBuf>,

    /// Report what sweeps found instead: the store's file, or postgres://user@host/database
    #[arg(long, value_name = "STORE", conflicts_with_all = ["saved", "show_secrets"])]
    pub from: Option<String>,

    /// The file of the store's key [default: store.key beside the store]
    #[arg(long, value_name = "FILE", requires = "from")]
    pub store_key: Option<PathBuf>,

    /// With --from, report what was acknowledged, revoked or no secret, too
    #[arg(long, requires = "from")]
    pub all: bool,

    /// text, jsonl, json, sarif, gitlab, github, markdown, html, junit or csv, to FILE or standard output (repeatable) [default: text]
    #[arg(short, long, value_name = "FORMAT[=FILE]")]
    pub format: Vec<String>,

    /// Write to FILE: the next --format without a file, else the format its ending names (repeatable)
    #[arg(short, long, value_name = "FILE")]
    pub output: Vec<PathBuf>,

    /// Print secrets in clear where the saved report holds them, in text, jsonl, json, html and csv
    #[arg(long)]
    pub show_secrets: bool,

    /// Write the report and nothing else
    #[arg(short, long)]
    pub quiet: bool,
}

/// How much of a repository's history to scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum HistoryArg {
    // Without doc comments the help stays one line an option.
    All,
    None,
}

/// What becomes of risky practice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum PracticesArg {
    #[default]
    Show,
    Fail,
    Hide,
}

/// `init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// The project's root [default: .]
    pub folder: Option<PathBuf>,

    /// Accept what is found today, so that only new findings count
    #[arg(long)]
    pub baseline: bool,
}

/// `mask`.
#[derive(Debug, Args)]
pub struct MaskArgs {
    /// Add rules from a file or folder (repeatable)
    #[arg(long, value_name = "PATH")]
    pub rules: Vec<PathBuf>,

    /// Read this instead of stopleak.toml: settings, or a gitleaks configuration
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// The least that is masked: a severity, a confidence from 0 to 1, or both, as in high,0.8 [default: 0.5]
    #[arg(long, value_name = "GATE", value_parser = parse_gate)]
    pub gate: Option<Gate>,

    #[command(flatten)]
    pub vault: VaultArgs,

    /// Run this command, mask what it prints and end as it ends; without one, standard input is masked
    #[arg(last = true, value_name = "COMMAND")]
    pub command: Vec<OsString>,
}

/// `completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell
    pub shell: Shell,
}

/// `man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write them here; the folder is made
    pub folder: PathBuf,
}

/// Reads a gate: `high`, `0.8` or `high,0.8`.
pub fn parse_gate(text: &str) -> Result<Gate, String> {
    text.split(',').map(str::trim).try_fold(Gate::default(), |gate, part| match part.parse::<f32>() {
        Ok(confidence) if (0.0..=1.0).contains(&confidence) => Ok(Gate { confidence, ..gate }),
        Ok(_) => Err(format!("confidence {part} is not between 0 and 1")),
        Err(_) => Ok(Gate { severity: Some(severity(part)?), ..gate }),
    })
}

/// Bytes, or thousands, millions, and so on of 1024.
fn parse_size(text: &str) -> Result<u64, String> {
    let (digits, unit) = match text.trim_end_matches(['B', 'b']).trim_end_matches('i') {
        text if text.ends_with(|c: char| c.is_ascii_alphabetic()) => text.split_at(text.len() - 1),
        text => (text, ""),
    };
    let shift = match unit.to_ascii_uppercase().as_str() {
        "" => Some(0),
        "K" => Some(10),
        "M" => Some(20),
        "G" => Some(30),
        "T" => Some(40),
        _ => None,
    };
    let bytes = digits.parse::<u64>().ok().zip(shift).and_then(|(number, shift)| number.checked_mul(1 << shift));
    bytes.ok_or_else(|| format!("`{text}` is no size: write 500M, 20G or a number of bytes"))
}

fn severity(word: &str) -> Result<Severity, String> {
    let all = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];
    all.into_iter().find(|severity| severity.as_str() == word).ok_or_else(|| {
        format!("`{word}` is neither a severity (low, medium, high, critical) nor a confidence from 0 to 1")
    })
}
