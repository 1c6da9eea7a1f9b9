//! How far a task has come, as its journal tells.

use super::journal::{Ended, Record, Records};
use super::outcome::Outcome;
use super::responder::Act;
use super::target::Facts;
use std::collections::BTreeMap;

/// How far one task has come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Steps that are done, with what they found.
    pub done: BTreeMap<Act, Facts>,
    /// A change that was about to be made and of which nothing more is known.
    pub open: Option<(Act, Facts)>,
    /// A credential that was made and whose value nobody has.
    pub orphan: Option<String>,
    /// It is being given up, with this outcome.
    pub giving_up: Option<Outcome>,
    /// It has come to an end.
    pub outcome: Option<Outcome>,
}

impl Progress {
    /// How far each task of a journal has come, and how many changes were begun in all.
    pub fn of(records: &Records, tasks: usize) -> (Vec<Progress>, u32) {
        let mut all = vec![Progress::default(); tasks];
        let mut changes = 0;
        for (_, record) in records {
            changes += u32::from(matches!(record, Record::Intent { .. }));
            if let Some(progress) = task_of(record).and_then(|task| all.get_mut(task)) {
                progress.take(record);
            }
        }
        (all, changes)
    }

    /// Takes one record of this task in.
    pub fn take(&mut self, record: &Record) {
        match record {
            Record::Intent { act, before, .. } => self.open = Some((*act, before.clone())),
            Record::Result { act, result, facts, .. } => {
                if self.open.as_ref().is_some_and(|(open, _)| open == act) {
                    self.open = None;
                }
                self.end(*act, result, facts);
            }
            Record::GivingUp { outcome, .. } => self.giving_up = Some(outcome.clone()),
            Record::Outcome { outcome, .. } => self.outcome = Some(outcome.clone()),
            Record::Begun { .. } | Record::Abandoned { .. } => {}
        }
    }

    fn end(&mut self, act: Act, result: &Ended, facts: &Facts) {
        match (act, result) {
            (Act::Discard, Ended::Done) => {
                self.done.remove(&Act::Mint);
                self.orphan = None;
            }
            (Act::Restore, Ended::Done) => _ = self.done.remove(&Act::Store),
            (_, Ended::Done) => _ = self.done.insert(act, facts.clone()),
            (_, Ended::Orphan(id)) => self.orphan = Some(id.clone()),
            (_, Ended::NotDone(_)) => {}
        }
    }

    /// Whether a step is done.
    pub fn is_done(&self, act: Act) -> bool {
        self.done.contains_key(&act)
    }

    /// What a step found; empty when it is not done.
    pub fn facts(&self, act: Act) -> Facts {
        self.done.get(&act).cloned().unwrap_or_default()
    }
}

/// The task a record is about.
pub fn task_of(record: &Record) -> Option<usize> {
    match record {
        Record::Intent { task, .. }
        | Record::Result { task, .. }
        | Record::GivingUp { task, .. }
        | Record::Outcome { task, .. } => Some(*task),
        Record::Begun { .. } | Record::Abandoned { .. } => None,
    }
}

/// Whether a run is to be taken up again: some task has no final outcome, and nobody abandoned it.
pub fn is_unfinished(records: &Records) -> bool {
    let Some((_, Record::Begun { plan })) = records.first() else { return false };
    let is_abandoned = records.iter().any(|(_, record)| matches!(record, Record::Abandoned { .. }));
    let (all, _) = Progress::of(records, plan.tasks.len());
    let is_open = |progress: &Progress| !progress.outcome.as_ref().is_some_and(Outcome::is_final);
    !is_abandoned && all.iter().any(is_open)
}
