//! What is known of one text after it was scanned: every hit of the filter, what its verdict depended on, and the
//! candidates. A text made by copying from this one inherits what lies inside the copies.

use super::assignment::Syntax;
use super::filter::Hit;
use super::hidden::Hidden;
use crate::decode::{Cut, Encoding, Looked};
use std::ops::Range;

/// A match of a rule, judged by its surroundings, not yet a finding.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Candidate {
    /// The rule's index in its set.
    pub rule: u16,
    /// The secret.
    pub start: u32,
    /// End of the secret, exclusive.
    pub end: u32,
    /// Start of the name it hangs on.
    pub key_start: u32,
    /// End of that name; equal to the start when there is none.
    pub key_end: u32,
    /// How the two hang together.
    pub syntax: Option<Syntax>,
    /// How likely it is real.
    pub log_odds: f32,
}

impl Candidate {
    /// The secret's bytes.
    pub fn secret(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// The name's bytes, when it has one.
    pub fn key(&self) -> Option<Range<usize>> {
        (self.key_start < self.key_end).then_some(self.key_start as usize..self.key_end as usize)
    }

    /// The same candidate after the text's first `count` bytes were taken away.
    pub fn shift_back(&mut self, count: u32) {
        *self = self.moved(count, 0);
    }

    pub(super) fn moved(mut self, from: u32, to: u32) -> Candidate {
        let shift = |p: u32| p.wrapping_sub(from).wrapping_add(to);
        self.start = shift(self.start);
        self.end = shift(self.end);
        if self.key_start < self.key_end {
            self.key_start = shift(self.key_start);
            self.key_end = shift(self.key_end);
        }
        self
    }
}

/// One hit and its verdict.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Verdict {
    pub hit: Hit,
    /// The dependency span: the verdict holds wherever these bytes are the same. A span that begins at 0 also
    /// depends on the text beginning there, one that ends past the text on its ending there.
    pub low: u32,
    pub high: u32,
    /// Its candidates' place in `State::candidates`.
    pub first: u32,
    pub count: u32,
}

/// An encoded stretch that held candidates, or of which something was left out; others leave no trace.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Opened {
    pub start: u32,
    pub encoding: Encoding,
    /// Where its first encoded byte is, and its last one ends.
    pub core: (u32, u32),
    /// What it depends on.
    pub looked: Looked,
    /// Its candidates' place in `State::hidden`.
    pub first: u32,
    pub count: u32,
    pub cuts: Vec<Cut>,
}

impl Opened {
    /// What tells it from others of its text.
    pub fn place(&self) -> (u32, Encoding, (u32, u32)) {
        (self.start, self.encoding, self.core)
    }
}

/// Everything known of one text.
#[derive(Debug, Default)]
pub struct State {
    pub(super) verdicts: Vec<Verdict>,
    pub(super) candidates: Vec<Candidate>,
    pub(super) opened: Vec<Opened>,
    pub(super) hidden: Vec<Hidden>,
    /// Whether the text was scanned in another form, so that nothing can be inherited.
    pub(super) is_opaque: bool,
}

impl State {
    /// Matches of rules, in the order they were found, with repeats.
    pub fn candidates(&self) -> &[Candidate] {
        &self.candidates
    }

    /// Matches in decoded text, by the stretch they were decoded from.
    pub fn hidden(&self) -> impl Iterator<Item = &Hidden> {
        let of = |opened: &Opened| opened.first as usize..(opened.first + opened.count) as usize;
        self.opened.iter().flat_map(move |opened| &self.hidden[of(opened)])
    }

    /// Whether there is nothing to report.
    pub fn is_empty(&self) -> bool {
        self.candidates.is_empty() && self.opened.is_empty()
    }

    /// What was left undecoded, each kind once, sorted.
    pub fn cuts(&self) -> Vec<Cut> {
        let mut cuts: Vec<Cut> = self.opened.iter().flat_map(|opened| &opened.cuts).copied().collect();
        cuts.sort_unstable();
        cuts.dedup();
        cuts
    }

    /// Forgets everything; texts made from this one are scanned whole.
    pub fn make_opaque(&mut self) {
        self.clear();
        self.is_opaque = true;
    }

    pub(super) fn clear(&mut self) {
        self.verdicts.clear();
        self.candidates.clear();
        self.opened.clear();
        self.hidden.clear();
        self.is_opaque = false;
    }
}
