//! Scans a text that arrives in blocks and is never held whole, with the candidates of a full scan: a verdict that
//! looked at the end of what is known waits for more text.

use super::engine::{Judge, Worker};
use super::filter::Hit;
use super::resolve;
use super::state::{Candidate, State};
use crate::rule::Rule;
use crate::rule::check::MAX_MATCH;
use std::sync::Arc;

/// Bytes kept before anything undecided: more than a rule looks back from its literal, its name and its score's
/// surroundings together, and than the two lines that may hold a mark.
pub const LOOK_BEHIND: usize = 32 * 1024;

/// A chain of overlapping candidates is settled at this length even though it goes on, so that no text makes the window
/// grow without end; only then may another of two overlapping candidates win than in a full scan.
const MAX_CHAIN: usize = 16 << 20;

/// The part of a text that still matters. Offsets of candidates count from the window's start.
#[derive(Default)]
pub struct Sliding {
    /// The window's bytes; the caller appends to it.
    pub text: Vec<u8>,
    filtered: usize,
    deferred: Vec<Hit>,
    waiting: Vec<Waiting>,
    /// What the deferred hits give if the text ends here.
    tentative: Vec<Waiting>,
    open: usize,
    settled: usize,
    state: State,
}

/// A candidate whose overlaps are not yet settled, with its place in a full scan.
#[derive(Clone, Copy)]
struct Waiting {
    hit: Hit,
    turn: u32,
    candidate: Candidate,
}

impl Sliding {
    /// Scans what was appended to `text`; `ended` says that nothing more comes.
    pub fn advance<J: Judge>(&mut self, worker: &mut Worker<J>, ended: bool) {
        let filter = worker.engine.filter();
        let mut hits = std::mem::take(&mut self.deferred);
        let known = hits.len();
        let from = self.filtered.saturating_sub(filter.longest().saturating_sub(1));
        worker.filtered += (self.text.len() - from) as u64;
        filter.scan(&self.text, from..self.text.len(), &mut hits);
        let mut index = 0;
        hits.retain(|hit| {
            index += 1;
            index <= known || hit.at as usize + filter.literal(*hit).bytes.len() > self.filtered
        });
        hits.sort_unstable();
        hits.dedup();
        self.filtered = self.text.len();
        self.tentative.clear();
        self.open = usize::MAX;
        for &hit in &hits {
            self.verify(worker, hit, ended);
        }
    }

    fn verify<J: Judge>(&mut self, worker: &mut Worker<J>, hit: Hit, ended: bool) {
        self.state.clear();
        let open = worker.verify(&self.text, hit, &mut self.state);
        let is_final = ended || self.state.verdicts.iter().all(|verdict| (verdict.high as usize) < self.text.len());
        let candidates = self.state.candidates.iter().enumerate();
        let found = candidates.map(|(turn, &candidate)| Waiting { hit, turn: turn as u32, candidate });
        if is_final {
            self.waiting.extend(found);
        } else {
            self.tentative.extend(found);
            self.open = self.open.min(open);
            self.deferred.push(hit);
        }
    }

    /// No candidate that is still to come begins before this.
    pub fn horizon<J: Judge>(&self, worker: &Worker<J>, ended: bool) -> usize {
        if ended {
            return self.text.len();
        }
        let unseen = self.filtered.saturating_sub(worker.engine.filter().longest().saturating_sub(1));
        let first = self.deferred.iter().map(|hit| hit.at as usize).min().unwrap_or(unseen).min(unseen);
        first.saturating_sub(worker.engine.longest_reach())
    }

    /// Takes the candidates that stand and that nothing to come can overlap, by place.
    pub fn settle(&mut self, rules: &[Arc<Rule>], horizon: usize, ended: bool) -> Vec<Candidate> {
        if self.waiting.is_empty() {
            return Vec::new();
        }
        self.waiting.sort_by_key(|waiting| (waiting.candidate.start, waiting.hit, waiting.turn));
        let mut closed = 0;
        let (mut start, mut end) = (0, 0);
        for (index, Waiting { candidate, .. }) in self.waiting.iter().enumerate() {
            if candidate.start as usize >= end {
                closed = index;
                start = candidate.start as usize;
            }
            end = end.max(candidate.end as usize);
            if end > horizon && end - start <= MAX_CHAIN && !ended {
                return self.take(closed, rules);
            }
        }
        self.take(self.waiting.len(), rules)
    }

    fn take(&mut self, count: usize, rules: &[Arc<Rule>]) -> Vec<Candidate> {
        let mut taken: Vec<Waiting> = self.waiting.drain(..count).collect();
        // Only a chain that was cut leaves something that begins in what is settled.
        taken.retain(|waiting| waiting.candidate.start as usize >= self.settled);
        let standing = stand(taken, rules);
        self.settled = standing.last().map_or(self.settled, |last| last.end as usize);
        standing
    }

    /// Where the first candidate begins whose overlaps are not settled.
    pub fn first_waiting(&self) -> Option<usize> {
        self.waiting.iter().map(|waiting| waiting.candidate.start as usize).min()
    }

    /// What stands if the text ends here, beside what was settled.
    pub fn as_if_ended(&self, rules: &[Arc<Rule>]) -> Vec<Candidate> {
        stand(self.waiting.iter().chain(&self.tentative).copied().collect(), rules)
    }

    /// Where a secret may begin that more text could complete or could judge otherwise; as far as known now.
    pub fn first_open(&self) -> usize {
        // How likely a value is may depend on the rest of its line.
        let line = memchr::memrchr(b'\n', &self.text).map_or(0, |newline| newline + 1);
        let starts = self.tentative.iter().map(|waiting| waiting.candidate.start as usize);
        let on_last_line = starts.filter(|start| *start >= line).min().unwrap_or(usize::MAX);
        self.open.min(on_last_line)
    }

    /// Forgets what lies well before `needed` and before everything undecided; returns how many bytes the window moved.
    pub fn release(&mut self, needed: usize) -> usize {
        let undecided = self.deferred.iter().map(|hit| hit.at as usize).chain(self.first_waiting()).min();
        let keep = needed.min(undecided.unwrap_or(usize::MAX)).min(self.filtered);
        let count = keep.saturating_sub(LOOK_BEHIND + MAX_MATCH);
        // Moving the rest must not cost more than reading it did.
        if count < self.text.len() / 2 {
            return 0;
        }
        self.text.drain(..count);
        self.filtered -= count;
        self.settled = self.settled.saturating_sub(count);
        self.open = self.open.saturating_sub(count);
        let moved = count as u32;
        self.deferred.iter_mut().for_each(|hit| hit.at -= moved);
        for waiting in self.waiting.iter_mut().chain(&mut self.tentative) {
            waiting.hit.at = waiting.hit.at.saturating_sub(moved);
            waiting.candidate = waiting.candidate.moved(moved, 0);
        }
        count
    }
}

fn stand(mut waiting: Vec<Waiting>, rules: &[Arc<Rule>]) -> Vec<Candidate> {
    // The order of a full scan: it decides between candidates that are alike.
    waiting.sort_by_key(|waiting| (waiting.hit, waiting.turn));
    let candidates: Vec<Candidate> = waiting.iter().map(|waiting| waiting.candidate).collect();
    resolve::standing(&candidates, rules)
}
