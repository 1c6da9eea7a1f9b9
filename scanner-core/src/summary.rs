//! What a scan did, for the end of every report: counts, and everything the user should know about what was left out.

use crate::warning::Warning;
use std::time::Duration;

/// What was done, for the end of every report.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Unique blobs scanned.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// From start to the last blob.
    pub elapsed: Duration,
    /// Findings reported.
    pub findings: u64,
    /// Findings at or above the gate: they decide the exit code.
    pub gated: u64,
    /// Findings left out by a mark, an allowlist or a baseline.
    pub suppressed: u64,
    /// Findings below the gate that the report leaves out.
    pub below_gate: u64,
    /// Findings reported that are risky practice, not secrets.
    pub practices: u64,
    /// Everything to know about the scan, sorted.
    pub warnings: Vec<Warning>,
    /// The repositories that were scanned, as far as they are known.
    pub repositories: Vec<Repository>,
}

/// A repository and the state it was scanned in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repository {
    /// Where it can be cloned from; reports strip user names and passwords.
    pub url: String,
    /// The commit that HEAD named.
    pub revision: Option<String>,
    /// The branch that HEAD named.
    pub branch: Option<String>,
}

impl Summary {
    /// Whether something that was asked for was not scanned.
    pub fn is_partial(&self) -> bool {
        self.warnings.iter().any(|warning| warning.unscanned)
    }
}
