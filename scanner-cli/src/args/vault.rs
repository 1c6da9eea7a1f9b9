//! The options of `vault`, and of a scan that knows the vault's values.

use super::Selection;
use clap::{Args, Subcommand, ValueEnum};
use std::path::PathBuf;

/// The index that a scan looks for the vault's values with.
#[derive(Clone, Debug, Default, Args)]
pub struct VaultArgs {
    /// Find the vault's values, whatever rule they match, and say where they stand: an index of `stopleak vault index`
    #[arg(long, value_name = "FILE", hide_short_help = true, help_heading = "Vault")]
    pub vault_index: Option<PathBuf>,

    /// The index's key, in base64 [default: fetched from the vault]
    #[arg(long, value_name = "FILE", hide_short_help = true, requires = "vault_index", help_heading = "Vault")]
    pub vault_key: Option<PathBuf>,
}

/// `vault`.
#[derive(Debug, Args)]
pub struct VaultCommand {
    #[command(subcommand)]
    pub verb: VaultVerb,
}

/// What to do with vaults.
#[derive(Debug, Subcommand)]
pub enum VaultVerb {
    /// Write a keyed index of all readable values: no value is in it, and nothing can be tested without its key
    Index {
        #[command(flatten)]
        on: VaultOn,
        /// Write to FILE instead of standard output
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// The key, in base64 [default: the vault's; it is made there once]
        #[arg(long, value_name = "FILE")]
        vault_key: Option<PathBuf>,
    },
    /// Write a field of an entry as its new version; the value is read from standard input
    Put {
        #[command(flatten)]
        on: VaultOn,
        /// The entry's path
        entry: String,
        /// The field; the entry's other fields stay
        field: String,
    },
    /// List who read leaked values, when and from where, by the audit log of HashiCorp Vault or OpenBao: whom to restart
    Readers(Box<ReadersArgs>),
    /// List what has drifted: values that stand twice, leaked or are old, and live secrets that stand in no vault
    Status {
        #[command(flatten)]
        on: VaultOn,
        /// A report saved by `scan --vault-index` with --format json or jsonl
        #[arg(long, value_name = "FILE")]
        findings: Option<PathBuf>,
        /// Days after which a value is to be new [default: the settings']
        #[arg(long, value_name = "DAYS")]
        rotate_days: Option<u32>,
        /// Days that an old version may stay readable [default: the settings']
        #[arg(long, value_name = "DAYS")]
        keep_days: Option<u32>,
        /// How to print the list
        #[arg(short, long, value_name = "FORMAT", value_enum, default_value = "text")]
        format: StatusFormat,
    },
}

/// `vault readers`.
#[derive(Debug, Args)]
pub struct ReadersArgs {
    /// A report saved with --format json or jsonl; `-` is standard input
    #[arg(value_name = "FINDINGS", required_unless_present = "rule", conflicts_with = "rule")]
    pub saved: Option<PathBuf>,

    #[command(flatten)]
    pub selection: Selection,

    /// Ask about one value, read from standard input, of the kind that this rule finds
    #[arg(long, value_name = "ID")]
    pub rule: Option<String>,

    /// Ask about this finding only (repeatable)
    #[arg(long, value_name = "ID")]
    pub fingerprint: Vec<String>,

    /// The audit log, as a device writes it; `-` is standard input (repeatable)
    #[arg(long, value_name = "FILE", required = true)]
    pub audit_log: Vec<PathBuf>,

    /// The audit device that wrote it, as in file/ (repeatable) [default: all that the vault names]
    #[arg(long, value_name = "PATH")]
    pub device: Vec<String>,

    /// The vault of the settings [default: the only one]
    #[arg(long, value_name = "NAME")]
    pub vault: Option<String>,

    /// An entry whose fields hold the value, alone or inside a longer one (repeatable)
    #[arg(long, value_name = "VAULT:PATH#FIELD")]
    pub entry: Vec<String>,

    /// How to print the list
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub format: StatusFormat,
}

/// Which vaults.
#[derive(Debug, Args)]
pub struct VaultOn {
    /// Settings with [[vault]] [default: the vault that VAULT_ADDR names]
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Only this vault of the settings (repeatable)
    #[arg(long, value_name = "NAME")]
    pub vault: Vec<String>,

    /// Accept that something could not be read
    #[arg(long)]
    pub allow_partial: bool,

    /// Print the result and what went wrong, nothing else
    #[arg(short, long)]
    pub quiet: bool,
}

/// How the list of `vault status` is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum StatusFormat {
    Text,
    Json,
}
