//! The words of `revoke` and `rotate`.

use super::{AskArgs, Selection};
use clap::{Args, ValueEnum};
use std::path::PathBuf;
use stopleak_core::respond::Mode;

/// `rotate`.
#[derive(Debug, Args)]
pub struct RotateArgs {
    #[command(flatten)]
    pub respond: RespondArgs,

    /// The vault's entry and field that gets the new value: for findings that the index does not place, or places more than
    /// once. VAULT: may be left out where there is one vault, #FIELD where one field holds the value (repeatable)
    #[arg(long, value_name = "VAULT:PATH#FIELD")]
    pub entry: Vec<String>,

    /// What comes first [default: rotate-first; atomic where the provider has no other way]
    #[arg(long, value_name = "MODE", value_enum)]
    pub mode: Option<ModeArg>,
}

/// `revoke` and `rotate`.
#[derive(Debug, Default, Args)]
pub struct RespondArgs {
    /// A report saved with --format json or jsonl; `-` is standard input
    #[arg(value_name = "FINDINGS", required_unless_present_any = ["rule", "abandon"], conflicts_with = "rule")]
    pub saved: Option<PathBuf>,

    #[command(flatten)]
    pub selection: Selection,

    /// Respond to one value, read from standard input, of the kind that this rule finds
    #[arg(long, value_name = "ID")]
    pub rule: Option<String>,

    /// With --rule, a value that belongs with it and is no secret, as in aws.access-key-id=AKIA… (repeatable)
    #[arg(long, value_name = "RULE=VALUE", requires = "rule")]
    pub part: Vec<String>,

    /// The lease that the leaked credential is of, at a vault of HashiCorp's kind [default: found by the login's name]
    #[arg(long, value_name = "ID", hide_short_help = true)]
    pub lease: Option<String>,

    /// Respond to this finding only (repeatable)
    #[arg(long, value_name = "ID")]
    pub fingerprint: Vec<String>,

    /// Show what would be done, step by step, and do nothing; this is what happens without --execute
    #[arg(long, conflicts_with_all = ["execute", "resume"])]
    pub plan: bool,

    /// Carry the plan out
    #[arg(long)]
    pub execute: bool,

    /// Do not ask before it begins
    #[arg(short, long, requires = "execute")]
    pub yes: bool,

    /// Make at most N changes in the whole run [default: 50]
    #[arg(long, value_name = "N")]
    pub max_mutations: Option<u32>,

    /// Touch credentials of this account only (repeatable)
    #[arg(long, value_name = "ACCOUNT")]
    pub account: Vec<String>,

    /// Go on with a run that did not come to its end
    #[arg(long, value_name = "RUN", requires = "execute")]
    pub resume: Option<String>,

    /// Never go on with this run: what it left is put in order by hand
    #[arg(long, value_name = "RUN", conflicts_with_all = ["execute", "resume", "rule"])]
    pub abandon: Option<String>,

    /// Ask for so long whether it is dead, as in 90s, 10m or 1h [default: 3m]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    pub wait: Option<std::time::Duration>,

    /// Delete what was disabled, too
    #[arg(long)]
    pub delete: bool,

    /// Send requests that were not checked against the provider's documentation
    #[arg(long)]
    pub allow_unproven: bool,

    /// How to print the plan and what came of it
    #[arg(short, long, value_name = "FORMAT", value_enum, default_value = "text")]
    pub format: RespondFormat,

    #[command(flatten)]
    pub ask: AskArgs,
}

/// What comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ModeArg {
    /// The new value is in the vault and proved before the old one ends
    RotateFirst,
    /// The old value ends first: it is being abused
    ContainFirst,
    /// One request does both
    Atomic,
}

impl From<ModeArg> for Mode {
    fn from(mode: ModeArg) -> Mode {
        match mode {
            ModeArg::RotateFirst => Mode::RotateFirst,
            ModeArg::ContainFirst => Mode::ContainFirst,
            ModeArg::Atomic => Mode::Atomic,
        }
    }
}

/// How plans are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum RespondFormat {
    #[default]
    Text,
    Json,
}

fn parse_time(text: &str) -> Result<std::time::Duration, String> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()));
    let seconds = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3_600,
        _ => return Err("write a number and s, m or h, as in 10m".into()),
    };
    let number: u64 = number.parse().map_err(|_| "write a number and s, m or h, as in 10m".to_owned())?;
    Ok(std::time::Duration::from_secs(number.saturating_mul(seconds)))
}
