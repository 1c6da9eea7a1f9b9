//! How sure we are and why: every score is a sum of named reasons.

use serde::Serialize;

/// How sure we are that a candidate is a real secret: 0..=1.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd, Serialize)]
#[serde(transparent)]
pub struct Confidence(pub f32);

/// One reason for a score.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Evidence {
    /// A stable name, kebab-case: `checksum-valid`, `random-for-its-alphabet`, `test-path`.
    pub reason: &'static str,
    /// What it adds to the log-odds; negative speaks against the secret.
    pub weight: f32,
}
