//! Asks about the findings of a scan: one provider after the other in each thread, several at once.

use super::Verifier;
use crate::finding::{Doubt, Finding, Validity};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What came of it, in numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Findings that work.
    pub active: u64,
    /// Findings that their providers refuse.
    pub inactive: u64,
    /// Findings that nobody can tell about, by the reason.
    pub unknown: BTreeMap<Doubt, u64>,
}

impl Counts {
    fn add(&mut self, validity: &Validity) {
        match validity {
            Validity::Active { .. } => self.active += 1,
            Validity::Inactive => self.inactive += 1,
            Validity::Unknown { doubt, .. } => *self.unknown.entry(*doubt).or_default() += 1,
            Validity::Unchecked => {}
        }
    }

    /// Findings that were to be asked about and got no answer: the network's, the provider's or the budget's doing.
    pub fn unanswered(&self) -> u64 {
        self.unknown.iter().filter(|(doubt, _)| doubt.is_trouble()).map(|(_, count)| count).sum()
    }
}

/// Asks about those of `findings` that are `wanted`, and keeps what is said with them. `tell` is called after each one.
pub fn check_findings(
    verifier: &Verifier,
    findings: &mut [Finding],
    wanted: &dyn Fn(&Finding) -> bool,
    again: bool,
    tell: &(dyn Fn() + Sync),
) -> Counts {
    let mut queues: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, finding) in findings.iter().enumerate().filter(|(_, finding)| wanted(finding)) {
        // What is of no provider stands on as many hosts as it likes.
        let name = match finding.rule.provider.id.as_str() {
            "generic" | "database" => format!("{index:08}"),
            provider => provider.to_owned(),
        };
        queues.entry(name).or_default().push(index);
    }
    // Popped from the end: the longest begin first.
    let mut queues: Vec<Vec<usize>> = queues.into_values().collect();
    queues.sort_by_key(Vec::len);
    let threads = verifier.gate().settings().threads.clamp(1, 64).min(queues.len());
    let (queues, answers) = (Mutex::new(queues), Mutex::new(Vec::new()));
    let shared: &[Finding] = findings;
    let next = || queues.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let work = || {
        while let Some(queue) = next() {
            for index in queue {
                let validity = verifier.check_finding(&shared[index], again);
                answers.lock().unwrap_or_else(PoisonError::into_inner).push((index, validity));
                tell();
            }
        }
    };
    std::thread::scope(|scope| (0..threads).for_each(|_| _ = scope.spawn(work)));
    let mut counts = Counts::default();
    for (index, validity) in answers.into_inner().unwrap_or_else(PoisonError::into_inner) {
        counts.add(&validity);
        findings[index].validity = validity;
    }
    counts
}
