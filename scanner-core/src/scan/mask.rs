//! Replaces secrets in a text that arrives bit by bit: `[stopleak:<rule>]` stands where a secret stood.
//!
//! What is certain goes on at once. When nothing more comes for now, everything goes on except what may be the
//! beginning of a secret; that waits for more text or the end, never for a clock.

use super::Gate;
use super::judge::Scorer;
use crate::detect::{Engine, Settled, Sliding, Worker};
use crate::rule::Rule;
use crate::score;
use std::sync::Arc;

/// The longest unfinished word that is held back because a secret may begin in it.
const LONGEST_WORD: usize = 64;
/// The same of a word in which characters are encoded.
const LONGEST_ENCODED: usize = 6 * LONGEST_WORD;

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
        let standing = self.sliding.as_if_ended(&mut self.worker, self.rules);
        self.emit(&spans(&standing), limit, out);
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
        let spans = spans(&standing);
        let limit = spans.iter().map(|span| span.end).fold(limit, usize::max);
        self.emit(&spans, limit, out);
        self.release();
    }

    /// Appends the text up to `limit`, masked; a secret that `limit` would cut waits whole.
    fn emit(&mut self, spans: &[Span], limit: usize, out: &mut Vec<u8>) {
        let text = &self.sliding.text;
        let mut limit = limit.min(text.len());
        for span in spans {
            if span.end <= self.emitted || !self.is_masked(span) {
                continue;
            }
            if span.end > limit {
                limit = limit.min(span.start);
                break;
            }
            // Where two overlap the second has nothing left to show.
            out.extend_from_slice(text.get(self.emitted..span.start).unwrap_or_default());
            out.extend_from_slice(format!("[stopleak:{}]", self.rules[span.rule as usize].id).as_bytes());
            self.emitted = span.end;
        }
        if limit > self.emitted {
            out.extend_from_slice(&text[self.emitted..limit]);
            self.emitted = limit;
        }
    }

    fn is_masked(&self, span: &Span) -> bool {
        let rule = &self.rules[span.rule as usize];
        !rule.part_only && self.gate.admits(score::confidence(span.log_odds), rule.severity)
    }

    /// Where the word begins that the text ends in.
    fn unfinished_word(&self) -> usize {
        let text = &self.sliding.text;
        let is_part = |byte: &&u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'+' | b'/');
        let len = text.iter().rev().take(LONGEST_WORD).take_while(is_part).count();
        // A terminal's `ESC[0m` ends in a letter and is whole.
        let len = if ends_control(text) { 0 } else { len };
        let is_sign = |byte: &u8| matches!(byte, b'%' | b'\\' | b'&' | b'#' | b';');
        let encoded = text.iter().rev().take(LONGEST_ENCODED).take_while(|byte| is_part(byte) || is_sign(byte)).count();
        let word = &text[text.len() - encoded..];
        text.len() - if holds_escape(word) { len.max(encoded) } else { len }
    }

    fn release(&mut self) {
        self.emitted -= self.sliding.release(self.emitted);
    }
}

/// Whether an unfinished word holds encoded characters, or a letter and the first sign of one.
fn holds_escape(word: &[u8]) -> bool {
    let begins = |pair: &[u8]| match pair[0] {
        b'%' => pair[1].is_ascii_hexdigit(),
        b'\\' => matches!(pair[1], b'x' | b'u' | b'U' | b'0' | b'1'),
        b'&' => pair[1] == b'#',
        _ => false,
    };
    word.windows(2).any(begins) || matches!(word, [.., letter, b'%' | b'\\' | b'&'] if letter.is_ascii_alphabetic())
}

/// What may be masked.
struct Span {
    start: usize,
    end: usize,
    rule: u16,
    log_odds: f32,
}

/// What stands, by place: the whole encoded stretch of what was decoded, likelier ones first.
fn spans(standing: &Settled) -> Vec<Span> {
    let plain = standing.candidates.iter().map(|c| Span {
        start: c.start as usize,
        end: c.end as usize,
        rule: c.rule,
        log_odds: c.log_odds,
    });
    let hidden = standing.hidden.iter().map(|h| Span {
        start: h.start as usize,
        end: h.end as usize,
        rule: h.decoded.rule,
        log_odds: h.decoded.log_odds,
    });
    let mut spans: Vec<Span> = plain.chain(hidden).collect();
    spans.sort_by(|a, b| a.start.cmp(&b.start).then(b.log_odds.total_cmp(&a.log_odds)));
    spans
}

/// Whether text ends in a terminal's control sequence.
fn ends_control(text: &[u8]) -> bool {
    let parameters = text.iter().rev().skip(1).take(16);
    let len = parameters.take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
    let before = text.len().checked_sub(len + 2);
    text.last().is_some_and(u8::is_ascii_alphabetic) && before.is_some_and(|at| text[at] == b'[')
}
