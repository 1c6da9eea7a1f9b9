//! Replaces secrets in a text that arrives bit by bit: `[stopleak:<rule>]` stands where a secret stood.
//!
//! What is certain goes on at once. When nothing more comes for now, everything goes on except what may be the
//! beginning of a secret; that waits for more text or the end, never for a clock.

use super::Gate;
use super::judge::Scorer;
use super::own;
use crate::detect::{Candidate, Engine, Settled, Sliding, Worker};
use crate::rule::Rule;
use crate::score;
use crate::search::Searches;
use crate::vaulted;
use std::sync::Arc;

/// The longest unfinished word that is held back because a secret may begin in it.
const LONGEST_WORD: usize = 64;
/// The same of a word in which characters are encoded.
const LONGEST_ENCODED: usize = 6 * LONGEST_WORD;

/// The most of an unfinished line that searches of the user's own rules hold back.
const LONGEST_LINE: usize = 64 << 10;

/// A filter for one stream.
pub struct Mask<'e> {
    engine: &'e Engine,
    worker: Worker<'e, Scorer>,
    rules: &'e [Arc<Rule>],
    gate: Gate,
    sliding: Sliding,
    /// How far the window went out.
    emitted: usize,
    /// What stands and waits for its line to end.
    held: Vec<Span>,
}

impl<'e> Mask<'e> {
    /// A filter that masks what is at or above `gate`.
    pub fn new(engine: &'e Engine, gate: Gate) -> Mask<'e> {
        let worker = Worker::new(engine, Scorer);
        let (rules, sliding) = (engine.rules().rules(), Sliding::default());
        Mask { engine, worker, rules, gate, sliding, emitted: 0, held: Vec::new() }
    }

    /// Takes in more text and appends to `out` what is certain.
    pub fn write(&mut self, bytes: &[u8], out: &mut Vec<u8>) {
        self.sliding.text.extend_from_slice(bytes);
        self.advance(false, out);
    }

    /// Says that nothing more comes for now: appends all that holds no beginning of a secret.
    pub fn pause(&mut self, out: &mut Vec<u8>) {
        let limit = self.sliding.first_open().min(self.unfinished_word()).min(self.unsearched(false));
        let limit = limit.min(self.unfinished_vaulted());
        let mut standing = self.held.clone();
        standing.extend(spans(&self.sliding.as_if_ended(&mut self.worker, self.rules)));
        self.emit(standing, limit, out);
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
        self.held.extend(spans);
        self.emit(self.held.clone(), limit.min(self.unsearched(ended)), out);
        self.held.retain(|span| span.end > self.emitted);
        self.release();
    }

    /// Appends the text up to `limit`, masked; a secret that `limit` would cut waits whole.
    fn emit(&mut self, mut standing: Vec<Span>, limit: usize, out: &mut Vec<u8>) {
        let mut limit = limit.min(self.sliding.text.len());
        if limit > self.emitted {
            self.search(&mut standing);
        }
        let text = &self.sliding.text;
        for span in &standing {
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

    /// Where the line begins that searches of the user's own rules wait for; they see whole lines.
    fn unsearched(&self, ended: bool) -> usize {
        let has_searches = self.searches().is_some_and(|searches| !searches.is_empty());
        if !has_searches || ended {
            return usize::MAX;
        }
        let text = &self.sliding.text;
        let line = memchr::memrchr(b'\n', text).map_or(0, |newline| newline + 1);
        line.max(text.len().saturating_sub(LONGEST_LINE))
    }

    fn searches(&self) -> Option<&'e Searches> {
        self.engine.rules().searches().map(|searches| &**searches)
    }

    /// Adds what searches find in the window.
    fn search(&self, standing: &mut Vec<Span>) {
        let Some(searches) = self.searches() else { return };
        for found in searches.run_on_stream(&self.sliding.text).found {
            let rule = &self.rules[found.rule as usize];
            standing.push(Span::of(&own::judge(rule, &self.sliding.text, &found)));
        }
        sort(standing);
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

    /// Where the run of signs begins that the text ends in, when a value of the vault may begin there: it may hold any
    /// sign, and is known once its window is whole.
    fn unfinished_vaulted(&self) -> usize {
        if !self.engine.has_vaulted() {
            return usize::MAX;
        }
        let text = &self.sliding.text;
        let is_part = |byte: &&u8| !byte.is_ascii_whitespace();
        text.len() - text.iter().rev().take(vaulted::MAX_OFFSET + vaulted::WINDOW).take_while(is_part).count()
    }

    fn release(&mut self) {
        let moved = self.sliding.release(self.emitted);
        self.emitted -= moved;
        for span in &mut self.held {
            (span.start, span.end) = (span.start.saturating_sub(moved), span.end.saturating_sub(moved));
        }
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
#[derive(Clone, Copy)]
struct Span {
    start: usize,
    end: usize,
    rule: u16,
    log_odds: f32,
}

/// What stands, by place: the whole encoded stretch of what was decoded, likelier ones first.
fn spans(standing: &Settled) -> Vec<Span> {
    let plain = standing.candidates.iter().map(Span::of);
    let hidden = standing.hidden.iter().map(|h| Span {
        start: h.start as usize,
        end: h.end as usize,
        rule: h.decoded.rule,
        log_odds: h.decoded.log_odds,
    });
    let mut spans: Vec<Span> = plain.chain(hidden).collect();
    sort(&mut spans);
    spans
}

fn sort(spans: &mut [Span]) {
    spans.sort_by(|a, b| a.start.cmp(&b.start).then(b.log_odds.total_cmp(&a.log_odds)));
}

impl Span {
    fn of(candidate: &Candidate) -> Span {
        let (start, end) = (candidate.start as usize, candidate.end as usize);
        Span { start, end, rule: candidate.rule, log_odds: candidate.log_odds }
    }
}

/// Whether text ends in a terminal's control sequence.
fn ends_control(text: &[u8]) -> bool {
    let parameters = text.iter().rev().skip(1).take(16);
    let len = parameters.take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
    let before = text.len().checked_sub(len + 2);
    text.last().is_some_and(u8::is_ascii_alphabetic) && before.is_some_and(|at| text[at] == b'[')
}
