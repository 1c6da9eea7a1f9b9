//! Scans a text that arrives in blocks and is never held whole, with the candidates of a full scan: a verdict that
//! looked at the end of what is known waits for more text.

use super::engine::{Judge, Worker};
use super::filter::Hit;
use super::hidden::Hidden;
use super::merge::merge;
use super::resolve;
use super::state::{Candidate, State};
use crate::decode::{self, Cut, MAX_LOOK, Stretch, UNSEEN};
use crate::rule::Rule;
use crate::rule::check::MAX_MATCH;
use std::sync::Arc;

/// Bytes kept before anything undecided: more than a rule looks back from its literal, its name and its score's
/// surroundings together, and than the two lines that may hold a mark.
pub const LOOK_BEHIND: usize = 32 * 1024;

/// The longest part of a word before its first encoded character that is held back with it.
const LONGEST_WORD: usize = 4096;

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
    hidden: Vec<Hidden>,
    /// Encoded stretches that more text may complete.
    unfinished: Vec<Stretch>,
    cuts: Vec<Cut>,
}

/// Candidates that stand and that nothing to come can overlap, each kind by place.
#[derive(Debug, Default)]
pub struct Settled {
    /// Those that stand in the text itself.
    pub candidates: Vec<Candidate>,
    /// Those that were decoded.
    pub hidden: Vec<Hidden>,
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
        let engine = worker.engine;
        let mut hits = std::mem::take(&mut self.deferred);
        let known = hits.len();
        let from = self.filtered.saturating_sub(engine.longest_hit().saturating_sub(1));
        worker.filtered += (self.text.len() - from) as u64;
        engine.filter(&self.text, from..self.text.len(), &mut hits);
        let mut index = 0;
        hits.retain(|hit| {
            index += 1;
            index <= known || hit.at as usize + engine.len_of(*hit) > self.filtered
        });
        hits.sort_unstable();
        hits.dedup();
        let before = std::mem::replace(&mut self.filtered, self.text.len());
        self.tentative.clear();
        self.open = usize::MAX;
        for &hit in &hits {
            self.verify(worker, hit, ended);
        }
        self.open_stretches(worker, before, ended);
    }

    /// Opens the encoded stretches that are complete now and were not when the text ended at `before`.
    fn open_stretches<J: Judge>(&mut self, worker: &mut Worker<J>, before: usize, ended: bool) {
        let mut found = Vec::new();
        decode::find(&self.text, before.saturating_sub(1)..self.text.len(), &mut found);
        self.unfinished.clear();
        self.state.clear();
        for stretch in found.into_iter().filter(|stretch| stretch.looked.end > before) {
            if ended || stretch.looked.end <= self.text.len() {
                worker.open(&self.text, &stretch, &mut self.state);
            } else {
                self.unfinished.push(stretch);
            }
        }
        self.cuts.extend(self.state.cuts());
        self.cuts.sort_unstable();
        self.cuts.dedup();
        self.hidden.append(&mut self.state.hidden);
    }

    /// What was left undecoded so far.
    pub fn cuts(&self) -> &[Cut] {
        &self.cuts
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
        let unseen = self.filtered.saturating_sub(worker.engine.longest_hit().saturating_sub(1));
        let first = self.deferred.iter().map(|hit| hit.at as usize).min().unwrap_or(unseen).min(unseen);
        let unfinished = self.unfinished.iter().map(|stretch| stretch.span.start).min().unwrap_or(usize::MAX);
        let unseen = self.text.len().saturating_sub(UNSEEN);
        first.saturating_sub(worker.engine.longest_reach()).min(unfinished).min(unseen)
    }

    /// Takes the candidates that stand and that nothing to come can overlap, by place.
    pub fn settle(&mut self, rules: &[Arc<Rule>], horizon: usize, ended: bool) -> Settled {
        if self.waiting.is_empty() && self.hidden.is_empty() {
            return Settled::default();
        }
        let plain = self.waiting.iter().map(|waiting| (waiting.candidate.start, waiting.candidate.end));
        let mut spans: Vec<(u32, u32)> = plain.chain(self.hidden.iter().map(|h| (h.start, h.end))).collect();
        spans.sort_unstable();
        let (mut start, mut end) = (0, 0);
        for (low, high) in spans {
            if low as usize >= end {
                start = low as usize;
            }
            end = end.max(high as usize);
            if end > horizon && end - start <= MAX_CHAIN && !ended {
                return self.take(start, rules);
            }
        }
        self.take(usize::MAX, rules)
    }

    /// Takes what begins before `bound`.
    fn take(&mut self, bound: usize, rules: &[Arc<Rule>]) -> Settled {
        let settled = self.settled;
        let mut taken: Vec<Waiting> =
            self.waiting.extract_if(.., |waiting| (waiting.candidate.start as usize) < bound).collect();
        // Only a chain that was cut leaves something that begins in what is settled.
        taken.retain(|waiting| waiting.candidate.start as usize >= settled);
        let hidden = self.hidden.extract_if(.., |hidden| (hidden.start as usize) < bound);
        let hidden: Vec<Hidden> = hidden.filter(|hidden| hidden.start as usize >= settled).collect();
        let standing = stand(taken, hidden, &self.text, rules);
        let ends = standing.candidates.last().map(|last| last.end).into_iter();
        let ends = ends.chain(standing.hidden.iter().map(|hidden| hidden.end));
        self.settled = ends.max().map_or(self.settled, |end| end as usize);
        standing
    }

    /// Where the first candidate begins whose overlaps are not settled.
    pub fn first_waiting(&self) -> Option<usize> {
        let plain = self.waiting.iter().map(|waiting| waiting.candidate.start as usize);
        plain.chain(self.hidden.iter().map(|hidden| hidden.start as usize)).min()
    }

    /// What stands if the text ends here, beside what was settled.
    pub fn as_if_ended<J: Judge>(&mut self, worker: &mut Worker<J>, rules: &[Arc<Rule>]) -> Settled {
        self.state.clear();
        self.unfinished.iter().for_each(|stretch| worker.open(&self.text, stretch, &mut self.state));
        let hidden = self.hidden.iter().chain(&self.state.hidden).cloned().collect();
        stand(self.waiting.iter().chain(&self.tentative).copied().collect(), hidden, &self.text, rules)
    }

    /// Where a secret may begin that more text could complete or could judge otherwise; as far as known now.
    pub fn first_open(&self) -> usize {
        // How likely a value is may depend on the rest of its line.
        let line = memchr::memrchr(b'\n', &self.text).map_or(0, |newline| newline + 1);
        let starts = self.tentative.iter().map(|waiting| waiting.candidate.start as usize);
        let on_last_line = starts.filter(|start| *start >= line).min().unwrap_or(usize::MAX);
        self.open.min(on_last_line).min(self.first_unfinished())
    }

    /// Where an encoded word begins that more text could complete.
    fn first_unfinished(&self) -> usize {
        let ends_word = |byte: &u8| byte.is_ascii_whitespace();
        let reaches_end = |stretch: &&Stretch| {
            let rest = &self.text[stretch.core.end.min(self.text.len())..];
            // A line's end may be followed by another line of base64, or of a literal.
            !rest.iter().any(ends_word) || (rest.len() <= 2 && !stretch.encoding.is_sparse())
        };
        let start = |stretch: &Stretch| {
            let before = &self.text[stretch.core.start.saturating_sub(LONGEST_WORD)..stretch.core.start];
            let word = before.iter().rev().take_while(|byte| !ends_word(byte)).count();
            if stretch.encoding.is_sparse() { stretch.core.start - word } else { stretch.core.start }
        };
        self.unfinished.iter().filter(reaches_end).map(start).min().unwrap_or(usize::MAX)
    }

    /// Forgets what lies well before `needed` and before everything undecided; returns how many bytes the window moved.
    pub fn release(&mut self, needed: usize) -> usize {
        let undecided = self.deferred.iter().map(|hit| hit.at as usize).chain(self.first_waiting()).min();
        let keep = needed.min(undecided.unwrap_or(usize::MAX)).min(self.filtered);
        // An encoded stretch is told from where it begins.
        let count = keep.saturating_sub(LOOK_BEHIND + MAX_MATCH).min(self.filtered.saturating_sub(MAX_LOOK));
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
        self.hidden.iter_mut().for_each(|hidden| *hidden = hidden.moved(moved, 0));
        self.unfinished.iter_mut().for_each(|stretch| stretch.shift_back(count));
        count
    }
}

fn stand(mut waiting: Vec<Waiting>, mut hidden: Vec<Hidden>, bytes: &[u8], rules: &[Arc<Rule>]) -> Settled {
    // The order of a full scan: it decides between candidates that are alike.
    waiting.sort_by_key(|waiting| (waiting.hit, waiting.turn));
    let candidates: Vec<Candidate> = waiting.iter().map(|waiting| waiting.candidate).collect();
    let mut candidates = resolve::standing(&candidates, rules);
    merge(&mut candidates, &mut hidden, bytes, rules);
    Settled { candidates, hidden }
}
