//! Looks into what is encoded: a secret found there is a candidate at the place of the encoded bytes.
//!
//! Every decoded text is scanned and judged as a text of its own, and searched for stretches in turn. What a stretch
//! gave is kept with the bytes it depended on, as verdicts are.

use super::connection;
use super::engine::{Judge, Worker};
use super::inside::contents;
use super::merge::is_weak;
use super::resolve;
use super::state::{Candidate, Opened, State};
use crate::decode::{self, Budget, Cut, Encoding, MAX_DEPTH, Stretch, Text};
use crate::evidence::Evidence;
use crate::secret::Secret;
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// A candidate seen through encodings.
#[derive(Clone, Debug, PartialEq)]
pub struct Hidden {
    /// The encoded bytes it was decoded from, in the text that was scanned.
    pub start: u32,
    /// Their end, exclusive.
    pub end: u32,
    /// What was seen; shared by all versions of a text.
    pub decoded: Arc<Decoded>,
}

/// A decoded candidate, wherever it stands.
#[derive(Debug, PartialEq)]
pub struct Decoded {
    /// The rule's index in its set.
    pub rule: u16,
    /// How likely it is real, judged by what stands around it in the decoded text.
    pub log_odds: f32,
    /// The value.
    pub secret: Secret,
    /// The name it hangs on, empty when there is none.
    pub key: Box<[u8]>,
    /// Encodings peeled, outermost first.
    pub trail: Box<[Cow<'static, str>]>,
    /// The reasons for the score.
    pub evidence: Box<[Evidence]>,
    /// Other values it belongs with: rule, place relative to `Hidden::start`, and length.
    pub parts: Box<[(u16, i32, u32)]>,
    /// Those values, in the same order.
    pub values: Box<[Secret]>,
    /// The text around the value, where that says where it belongs.
    pub connection: Option<Secret>,
}

impl Hidden {
    /// The encoded bytes.
    pub fn span(&self) -> Range<usize> {
        self.start as usize..self.end as usize
    }

    /// Whether only some of its characters are encoded, so that it stands where they do.
    pub(super) fn is_sparse(&self) -> bool {
        self.decoded.trail.first().is_some_and(|name| Encoding::SPARSE.iter().any(|encoding| encoding.name() == *name))
    }

    /// Other values it belongs with, by rule.
    pub fn parts(&self) -> impl Iterator<Item = (u16, Range<usize>)> {
        self.decoded.parts.iter().map(|&(rule, at, len)| {
            let start = self.start.saturating_add_signed(at) as usize;
            (rule, start..start + len as usize)
        })
    }

    /// The values it belongs with, by rule.
    pub fn part_values(&self) -> impl Iterator<Item = (u16, &[u8])> {
        self.decoded.parts.iter().zip(&self.decoded.values).map(|(&(rule, ..), value)| (rule, value.expose()))
    }

    /// The same candidate after the text's first `count` bytes were taken away.
    pub fn shift_back(&mut self, count: u32) {
        *self = self.moved(count, 0);
    }

    pub(super) fn moved(&self, from: u32, to: u32) -> Hidden {
        let shift = |at: u32| at.wrapping_sub(from).wrapping_add(to);
        Hidden { start: shift(self.start), end: shift(self.end), decoded: self.decoded.clone() }
    }
}

/// A decoded text, and the texts around it.
struct Level<'a> {
    text: &'a Text,
    stretch: &'a Stretch,
    outer: Option<&'a Level<'a>>,
}

impl Level<'_> {
    /// Where `range` of the decoded text comes from in the outermost text; `None` when some text around shows it as it is.
    fn outermost(&self, range: Range<usize>, with_name: Range<usize>) -> Option<Range<usize>> {
        if !self.text.is_changed(with_name.clone()) {
            return None;
        }
        let outer = self.text.outer(range);
        match self.outer {
            None => Some(outer),
            Some(level) => level.outermost(outer, self.text.outer(with_name)),
        }
    }

    /// The place of another value, encoded or not.
    fn place(&self, range: Range<usize>) -> Range<usize> {
        let outer = self.text.outer(range);
        self.outer.map_or(outer.clone(), |level| level.place(outer))
    }

    fn trail(&self) -> Vec<Cow<'static, str>> {
        let mut trail = self.outer.map(Level::trail).unwrap_or_default();
        trail.extend(self.text.trail.iter().cloned());
        trail
    }

    /// Whether a stretch of the decoded text is none of the outer text's: it holds something that was encoded there.
    /// Of two kinds of marks that stand in one word the first in order is peeled first, so that both are.
    fn holds(&self, child: &Stretch) -> bool {
        let (own, next) = (self.stretch.encoding, child.encoding);
        self.text.touches_change(child.core.clone()) || (own.is_sparse() && next.is_sparse() && next > own)
    }
}

impl<J: Judge> Worker<'_, J> {
    /// Finds and opens the stretches of `ranges` except those that `is_known`.
    pub(super) fn open_ranges(
        &mut self,
        bytes: &[u8],
        ranges: &[Range<usize>],
        is_known: impl Fn(&Stretch) -> bool,
        state: &mut State,
    ) {
        let mut found = std::mem::take(&mut self.stretches);
        found.clear();
        ranges.iter().for_each(|range| decode::find(bytes, range.clone(), &mut found));
        found.retain(|stretch| !is_known(stretch));
        if ranges.len() > 1 {
            found.sort_unstable_by_key(|stretch| {
                (stretch.span.start, stretch.encoding, stretch.core.start, stretch.core.end)
            });
            found.dedup();
        }
        found.iter().for_each(|stretch| self.open(bytes, stretch, state));
        if state.opened.len() > 1 {
            state.opened.sort_by_key(Opened::place);
        }
        self.stretches = found;
    }

    /// Appends what one stretch gives.
    pub(super) fn open(&mut self, bytes: &[u8], stretch: &Stretch, state: &mut State) {
        let mut budget = Budget::new(stretch.span.len());
        let first = state.hidden.len();
        self.look_into(bytes, stretch, None, 1, &mut budget, &mut state.hidden);
        let count = (state.hidden.len() - first) as u32;
        if count == 0 && budget.cuts.is_empty() {
            return;
        }
        state.opened.push(Opened {
            start: stretch.span.start as u32,
            encoding: stretch.encoding,
            core: (stretch.core.start as u32, stretch.core.end as u32),
            looked: stretch.looked,
            first: first as u32,
            count,
            cuts: budget.cuts,
        });
    }

    fn look_into(
        &mut self,
        bytes: &[u8],
        stretch: &Stretch,
        outer: Option<&Level>,
        depth: usize,
        budget: &mut Budget,
        out: &mut Vec<Hidden>,
    ) {
        if stretch.is_cut {
            budget.cut(Cut::Long);
        }
        for text in contents(bytes, stretch, budget) {
            let level = Level { text: &text, stretch, outer };
            self.look_through(&level, depth, budget, out);
        }
    }

    fn look_through(&mut self, level: &Level, depth: usize, budget: &mut Budget, out: &mut Vec<Hidden>) {
        let bytes = &level.text.bytes;
        self.decoded += bytes.len() as u64;
        let mut inner = State::default();
        self.scan_plain(bytes, 0..bytes.len(), &mut inner);
        if !inner.candidates.is_empty() {
            self.keep_decoded(level, &inner.candidates, out);
        }
        let mut children = Vec::new();
        decode::find(bytes, 0..bytes.len(), &mut children);
        for child in children.iter().filter(|child| level.holds(child)) {
            if depth == MAX_DEPTH {
                budget.cut(Cut::Depth);
                return;
            }
            self.look_into(bytes, child, Some(level), depth + 1, budget, out);
        }
    }

    /// Adds the candidates of a decoded text that stand and that the texts around do not show as they are.
    fn keep_decoded(&mut self, level: &Level, candidates: &[Candidate], out: &mut Vec<Hidden>) {
        let rules = self.engine.rules().rules();
        let standing = resolve::standing(candidates, rules);
        for (at, candidate) in standing.iter().enumerate() {
            let rule = &rules[candidate.rule as usize];
            let secret = candidate.secret();
            let from = candidate.key().map_or(secret.start, |key| key.start.min(secret.start));
            let span = level.outermost(secret.clone(), from..secret.end);
            // What a program writes in escapes is bytes more often than a password.
            let is_bytes =
                is_weak(rule) && level.text.bytes[secret.clone()].iter().any(|byte| !byte.is_ascii_graphic());
            let Some(span) = span.filter(|_| !rule.part_only && !is_bytes) else { continue };
            let part = |part: Candidate| {
                let place = level.place(part.secret());
                (part.rule, place.start as i32 - span.start as i32, place.len() as u32)
            };
            let bytes = &level.text.bytes;
            let parts = resolve::find_parts(at, &standing, rules);
            let decoded = Decoded {
                rule: candidate.rule,
                log_odds: candidate.log_odds,
                connection: connection::around(rule, bytes, secret.clone()),
                secret: Secret::new(&bytes[secret]),
                key: candidate.key().map_or(&[][..], |key| &bytes[key]).into(),
                trail: level.trail().into(),
                evidence: self.judge.explain(bytes, rule, candidate).into(),
                values: parts.iter().map(|part| Secret::new(&bytes[part.secret()])).collect(),
                parts: parts.into_iter().map(part).collect(),
            };
            out.push(Hidden { start: span.start as u32, end: span.end as u32, decoded: Arc::new(decoded) });
        }
    }
}
