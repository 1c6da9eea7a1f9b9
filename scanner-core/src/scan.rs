//! One scan: what was asked for, how far it is, and what came out.

use crate::finding::Finding;
use crate::rule::{Rule, Severity};
use crate::summary::Summary;
use crate::suppress::Suppressions;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

/// What is scanned.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Target {
    /// A work tree, a bare repository, a folder or a file.
    Path(PathBuf),
    /// Standard input.
    Stdin,
}

/// How much of a repository's history is scanned.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum History {
    /// Every reachable object.
    #[default]
    Everything,
    /// The files on disk only.
    None,
    /// What commits of `range` since `since` introduced; one of them is set.
    Part {
        /// As git reads it: `A..B`.
        range: Option<String>,
        /// A date as git reads it.
        since: Option<String>,
    },
}

/// The least a finding must be to count.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// The least confidence.
    pub confidence: f32,
    /// The least severity; `None` lets every severity pass.
    pub severity: Option<Severity>,
}

impl Default for Gate {
    fn default() -> Gate {
        Gate {
            confidence: 0.5,
            severity: None,
        }
    }
}

impl Gate {
    /// Whether a finding is at or above the gate.
    pub fn passes(&self, finding: &Finding) -> bool {
        finding.confidence.0 >= self.confidence
            && self
                .severity
                .is_none_or(|least| finding.rule.severity >= least)
    }
}

/// How far a scan is; read from another thread.
#[derive(Debug, Default)]
pub struct Progress {
    /// Blobs scanned so far.
    pub blobs: AtomicU64,
    /// Their bytes.
    pub bytes: AtomicU64,
    /// All bytes to scan; zero while unknown.
    pub total_bytes: AtomicU64,
    /// What is being done, in a word or two.
    pub stage: Mutex<&'static str>,
}

/// Bounds on what one blob may cost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {}

/// What was asked for.
pub struct Request {
    pub targets: Vec<Target>,
    pub history: History,
    pub staged: bool,
    pub no_ignore: bool,
    pub threads: usize,
    pub rules: Arc<RuleSet>,
    pub suppressions: Suppressions,
    pub gate: Gate,
    pub limits: Limits,
    pub progress: Arc<Progress>,
}

/// What came out: findings sorted, suppressed and below-gate ones included.
pub struct Outcome {
    pub findings: Vec<Finding>,
    pub summary: Summary,
}

/// Why a scan could not be done at all.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    #[error("the engine is not part of this build")]
    NoEngine,
}

/// Scans what `request` asks for.
pub fn scan(_request: &Request) -> Result<Outcome, ScanError> {
    Err(ScanError::NoEngine)
}

/// Checked rules.
#[derive(Default)]
pub struct RuleSet(Vec<Arc<Rule>>);

/// Why rules could not be loaded.
#[derive(Debug, thiserror::Error)]
pub enum RuleError {
    #[error("no rule loading in this build")]
    NoLoading,
}

impl RuleSet {
    /// The rules that ship with the library.
    pub fn embedded() -> Arc<RuleSet> {
        Arc::default()
    }

    /// The embedded rules and those of `extra`, less the ones named in `disabled`.
    pub fn load(extra: &[PathBuf], _disabled: &[String]) -> Result<RuleSet, RuleError> {
        if extra.is_empty() {
            Ok(RuleSet::default())
        } else {
            Err(RuleError::NoLoading)
        }
    }

    /// Every rule, sorted by id.
    pub fn rules(&self) -> &[Arc<Rule>] {
        &self.0
    }
}
