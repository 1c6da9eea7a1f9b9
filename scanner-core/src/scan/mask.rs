//! Replaces secrets in a text that arrives bit by bit: `[stopleak:<rule>]` stands where a secret stood.
//!
//! What is certain goes on at once. When nothing more comes for now, everything goes on except what may be the
//! beginning of a secret; that waits for more text or the end, never for a clock.

use super::Gate;
use super::judge::Scorer;
use crate::detect::{Candidate, Engine, Sliding, Worker};
use crate::rule::Rule;
use crate::score;
use std::sync::Arc;

/// The longest unfinished word that is held back because a secret may begin in it.
const LONGEST_WORD: usize = 64;

/// A filter for one stream.
pub struct Mask<'e> {
    worker: Worker<'e, Scorer>,
    rules: &'e [Arc<Rule>],
    gate: Gate,
    sliding: Sliding,
    /// How far the window went out.
    emitted: usize,
}

impl<'e> Mask<'e> {
    /// A filter that masks what is at or above `gate`.
    pub fn new(engine: &'e Engine, gate: Gate) -> Mask<'e> {
        let worker = Worker::new(engine, Scorer);
        Mask { worker, rules: engine.rules().rules(), gate, sliding: Sliding::default(), emitted: 0 }
    }

    /// Takes in more text and appends to `out` what is certain.
    pub fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.sliding.text.extend_from_slice(bytes);
        self.advance(false, out);
    }

    /// Says that nothing more comes for now: appends all that holds no beginning of a secret.
    pub fn pause(&mut self, out: &mut Vec<u8>) {
        let limit = self.sliding.first_open().min(self.unfinished_word());
        let standing = self.sliding.as_if_ended(self.rules);
        self.emit(&standing, limit, out);
        self.release();
    }

    /// Says that nothing more comes at all: appends the rest.
    pub fn finish(&mut self, out: &mut Vec<u8>) {
        self.advance(true, out);
    }

    fn advance(&mut self, ended: bool, out: &mut Vec<u8>) {
        self.sliding.advance(&mut self.worker, ended);
        let horizon = self.sliding.horizon(&self.worker, ended);
        let standing = self.sliding.settle(self.rules, horizon, ended);
        let limit = self.sliding.first_waiting().unwrap_or(usize::MAX).min(horizon);
        // What stands is certain even where it reaches past what is.
        let limit = standing.last().map_or(limit, |last| limit.max(last.end as usize));
        self.emit(&standing, limit, out);
        self.release();
    }

    /// Appends the text up to `limit`, masked; a secret that `limit` would cut waits whole.
    fn emit(&mut self, standing: &[Candidate], limit: usize, out: &mut Vec<u8>) {
        let text = &self.sliding.text;
        let mut limit = limit.min(text.len());
        for candidate in standing {
            let (start, end) = (candidate.start as usize, candidate.end as usize);
            if end <= self.emitted || !self.is_masked(candidate) {
                continue;
            }
            if end > limit {
                limit = limit.min(start);
                break;
            }
            out.extend_from_slice(text.get(self.emitted..start).unwrap_or_default());
            out.extend_from_slice(format!("[stopleak:{}]", self.rules[candidate.rule as usize].id).as_bytes());
            self.emitted = end;
        }
        if limit > self.emitted {
            out.extend_from_slice(&text[self.emitted..limit]);
            self.emitted = limit;
        }
    }

    fn is_masked(&self, candidate: &Candidate) -> bool {
        let rule = &self.rules[candidate.rule as usize];
        !rule.part_only && self.gate.admits(score::confidence(candidate.log_odds), rule.severity)
    }

    /// Where the word begins that the text ends in.
    fn unfinished_word(&self) -> usize {
        let text = &self.sliding.text;
        let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        let len = text.iter().rev().take(LONGEST_WORD).take_while(is_part).count();
        // A terminal's `ESC[0m` ends in a letter and is whole.
        text.len() - if ends_control(text) { 0 } else { len }
    }

    fn release(&mut self) {
        self.emitted -= self.sliding.release(self.emitted);
    }
}

/// Whether text ends in a terminal's control sequence.
fn ends_control(text: &[u8]) -> bool {
    let parameters = text.iter().rev().skip(1).take(16);
    let len = parameters.take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
    let before = text.len().checked_sub(len + 2);
    text.last().is_some_and(u8::is_ascii_alphabetic) && before.is_some_and(|at| text[at] == b'[')
}
