//! The words of `audit`.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// `audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    #[command(subcommand)]
    pub verb: AuditVerb,

    /// The log [default: the one of this repository, else the user's own]
    #[arg(long, value_name = "FILE", env = "STOPLEAK_AUDIT_LOG", global = true)]
    pub log: Option<PathBuf>,

    /// The log's key [default: beside the log]; to verify, a public key (name+id+base64) or a file that holds one
    #[arg(long, value_name = "KEY", global = true)]
    pub key: Option<String>,
}

/// What to do with an audit log.
#[derive(Debug, Subcommand)]
pub enum AuditVerb {
    /// Check that no entry was changed, moved, taken out or cut off
    Verify {
        /// A signed checkpoint that was kept elsewhere (repeatable): the log must be its continuation
        #[arg(long, value_name = "FILE")]
        checkpoint: Vec<PathBuf>,
        /// Check this proof against the checkpoints instead; the log is not needed
        #[arg(long, value_name = "FILE", requires = "checkpoint")]
        proof: Option<PathBuf>,
    },
    /// Print the entries
    Show {
        #[command(flatten)]
        filter: FilterArgs,
        /// Print the lines as they are
        #[arg(long)]
        json: bool,
    },
    /// Sign the log's length and root, and print that: keep it elsewhere
    Checkpoint,
    /// Print the public key that checks the checkpoints
    Key,
    /// Print the tag that names a secret in the log; the secret is read from standard input
    Tag,
    /// Prove that an entry is in the log, or that the log goes on from an earlier length
    Prove {
        /// The entry's number
        #[arg(required_unless_present = "from")]
        entry: Option<u64>,
        /// Prove that the first N entries are those of then
        #[arg(long, value_name = "N", conflicts_with = "entry")]
        from: Option<u64>,
        /// Prove it of the first N entries [default: all]
        #[arg(long, value_name = "N")]
        size: Option<u64>,
    },
}

/// Which entries to show.
#[derive(Debug, Args)]
pub struct FilterArgs {
    /// What was done: scan, verify, plan, revoke, rotate, bypass, timeout, allow
    #[arg(long, visible_alias = "event", value_name = "WORD")]
    pub action: Option<String>,
    /// Who did it
    #[arg(long, value_name = "NAME")]
    pub actor: Option<String>,
    /// Written on this day or later, as in 2026-11-21 or 2026-11-21T09:30:00Z
    #[arg(long, value_name = "DATE")]
    pub since: Option<String>,
    /// About this secret, by its tag (`stopleak audit tag`), or by its fingerprint where an entry names it
    #[arg(long, value_name = "TAG")]
    pub subject: Option<String>,
    /// Of this run of the program, or of `revoke` and `rotate`
    #[arg(long, value_name = "ID")]
    pub run: Option<String>,
    /// With this outcome
    #[arg(long, value_name = "WORD")]
    pub outcome: Option<String>,
}
