//! Proofs to hand out: that an entry is in the log, that a log is the continuation of an earlier one. Checked without the log.

use super::error::AuditError;
use super::log::Log;
use super::note::Checkpoint;
use super::tree::{self, Hash};
use super::walk::walk;
use crate::secret::{from_hex, hex};
use serde::{Deserialize, Serialize};

/// A proof; hashes as 64 digits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "proof", rename_all = "lowercase", deny_unknown_fields)]
pub enum Proof {
    /// Entry `number` (from 1), whose line is `entry`, is among the first `size` entries.
    Inclusion {
        /// Of the entry.
        number: u64,
        /// Of the tree.
        size: u64,
        /// The line.
        entry: String,
        /// From the leaf up.
        hashes: Vec<String>,
    },
    /// The first `old` of `size` entries are those of an earlier checkpoint.
    Consistency {
        /// Of the earlier tree.
        old: u64,
        /// Of the tree.
        size: u64,
        /// As in RFC 6962.
        hashes: Vec<String>,
    },
}

impl Log {
    /// Proves that an entry is among the first `size` (all, for `None`).
    pub fn prove_inclusion(&self, number: u64, size: Option<u64>) -> Result<Proof, AuditError> {
        let (leaves, entry) = self.leaves(size, number)?;
        let none = || AuditError::Proof(format!("there is no entry {number} among the first {}", leaves.len()));
        let index = number.checked_sub(1).and_then(|index| usize::try_from(index).ok()).ok_or_else(none)?;
        let hashes = tree::inclusion(&leaves, index).ok_or_else(none)?;
        Ok(Proof::Inclusion { number, size: leaves.len() as u64, entry, hashes: texts(&hashes) })
    }

    /// Proves that the first `old` entries are the beginning of the first `size` (all, for `None`).
    pub fn prove_consistency(&self, old: u64, size: Option<u64>) -> Result<Proof, AuditError> {
        let (leaves, _) = self.leaves(size, 0)?;
        let none = || AuditError::Proof(format!("there are {} entries, not {old}", leaves.len()));
        let count = usize::try_from(old).map_err(|_| none())?;
        let hashes = tree::consistency(&leaves, count).ok_or_else(none)?;
        Ok(Proof::Consistency { old, size: leaves.len() as u64, hashes: texts(&hashes) })
    }

    /// The leaves, and the line of one entry.
    fn leaves(&self, size: Option<u64>, number: u64) -> Result<(Vec<Hash>, String), AuditError> {
        let (mut leaves, mut line) = (Vec::new(), String::new());
        walk(&self.files, &mut |entry, state| {
            if size.is_none_or(|size| entry.number <= size) {
                leaves.push(state.previous);
            }
            if entry.number == number {
                line = entry.line().map(|line| String::from_utf8_lossy(&line).into_owned()).unwrap_or_default();
            }
        })?;
        match size {
            Some(size) if size > leaves.len() as u64 => {
                Err(AuditError::Proof(format!("the log has {} entries, not {size}", leaves.len())))
            }
            _ => Ok((leaves, line)),
        }
    }
}

impl Proof {
    /// Whether it holds against checkpoints: an entry's against the one of its size, a log's against the old and the new one.
    pub fn check(&self, checkpoints: &[Checkpoint]) -> Result<(), AuditError> {
        let of = |wanted: u64| {
            let found = checkpoints.iter().find(|checkpoint| checkpoint.size == wanted);
            found.ok_or_else(|| AuditError::Proof(format!("the proof needs the checkpoint of {wanted} entries")))
        };
        let (holds, what) = match self {
            Proof::Inclusion { number, size, entry, hashes } => {
                let (root, leaf) = (of(*size)?.root, tree::leaf_hash(entry.as_bytes()));
                let index = number.checked_sub(1);
                let holds = |index| Some(tree::is_included(&leaf, index, *size, &parse(hashes)?, &root));
                (index.and_then(holds), "the entry is not in the log that was signed")
            }
            Proof::Consistency { old, size, hashes } => {
                let (from, to) = (of(*old)?.root, of(*size)?.root);
                let holds = parse(hashes).map(|hashes| tree::is_consistent((*old, &from), (*size, &to), &hashes));
                (holds, "the log is no continuation of the earlier one")
            }
        };
        match holds {
            Some(true) => Ok(()),
            _ => Err(AuditError::Proof(format!("the proof does not hold: {what}"))),
        }
    }
}

fn texts(hashes: &[Hash]) -> Vec<String> {
    hashes.iter().map(|hash| hex(hash)).collect()
}

fn parse(hashes: &[String]) -> Option<Vec<Hash>> {
    hashes.iter().map(|hash| from_hex(hash)).collect()
}
