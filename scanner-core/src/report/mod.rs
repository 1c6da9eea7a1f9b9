//! Findings on their way out: one writer per format, each fed finding by finding and finished once.

use crate::finding::Finding;
use crate::warning::Warning;
use std::io;
use std::time::Duration;

/// What was done, for the end of every report.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// Unique blobs scanned.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// From start to the last blob; left out of reports that must compare equal when zero.
    pub elapsed: Duration,
    /// Findings reported.
    pub findings: u64,
    /// Findings at or above the gate: they decide the exit code.
    pub gated: u64,
    /// Findings left out by a mark, an allowlist or a baseline.
    pub suppressed: u64,
    /// Findings below the gate that the report leaves out.
    pub below_gate: u64,
    /// Everything to know about the scan, sorted.
    pub warnings: Vec<Warning>,
}

/// One output format.
pub trait Report {
    /// Writes one finding; called in sorted order.
    fn finding(&mut self, finding: &Finding) -> io::Result<()>;
    /// Writes what comes last.
    fn finish(&mut self, summary: &Summary) -> io::Result<()>;
}
