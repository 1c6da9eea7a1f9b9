//! Verifies the filter's hits: runs each rule's pattern where its literal stands and remembers what it looked at.

use super::assignment::{self, Parsed};
use super::automaton::{Automaton, Scratch};
use super::boundary;
use super::filter::{Filter, Hit};
use super::state::{Candidate, State, Verdict};
use crate::decode::Stretch;
use crate::evidence::Evidence;
use crate::rule::factor::Reach;
use crate::rule::{Connect, Edge, Form, Pattern, Rule};
use crate::rule_set::RuleSet;
use crate::vaulted::{self, Vaulted};
use std::ops::Range;
use std::sync::Arc;

/// Lines that a value may stand below its keyword.
const NEAR_LINES: usize = 3;
/// Values taken beside one keyword.
const NEAR_VALUES: usize = 2;
/// Bytes of an assigned value in which a pattern may begin.
const VALUE_WINDOW: usize = 160;

/// Says how likely a candidate is real.
pub trait Judge {
    /// Log-odds and the bytes they depend on (as a verdict's span).
    fn judge(&mut self, bytes: &[u8], rule: &Rule, candidate: &Candidate) -> (f32, Range<usize>);

    /// The reasons for it, asked once for a candidate in decoded text.
    fn explain(&mut self, bytes: &[u8], rule: &Rule, candidate: &Candidate) -> Vec<Evidence> {
        let _ = (bytes, rule, candidate);
        Vec::new()
    }

    /// Whether a candidate so likely is kept.
    fn keeps(&self, log_odds: f32) -> bool {
        let _ = log_odds;
        true
    }
}

/// Rules made ready to run; shared by all threads.
pub struct Engine {
    rules: Arc<RuleSet>,
    filter: Filter,
    automata: Vec<Option<Automaton>>,
    longest_reach: usize,
    /// Values that stand in a vault, and their rule.
    vaulted: Option<(Arc<Vaulted>, u16)>,
}

/// Stands in a hit for the window of a vaulted value: no plan has so many literals.
const VAULTED: u16 = u16::MAX;

impl Engine {
    /// Builds the filter's tables; patterns compile when they are first needed.
    pub fn new(rules: Arc<RuleSet>) -> Engine {
        let filter = Filter::new(rules.plan());
        let automata = rules.rules().iter().map(|rule| rule.form.pattern().map(Automaton::new)).collect();
        let reaches = rules.plan().literals.iter().flat_map(|literal| &literal.targets).map(|(_, reach)| match reach {
            Reach::At(back) | Reach::Within(back) => *back as usize,
            Reach::Keyword | Reach::Word(_) => 0,
        });
        let vaulted = rules.vaulted().map(|(values, rule)| (values.clone(), rule));
        let of_vaulted = if vaulted.is_some() { vaulted::MAX_OFFSET } else { 0 };
        let longest_reach = reaches.max().unwrap_or(0).max(of_vaulted);
        Engine { rules, filter, automata, longest_reach, vaulted }
    }

    /// The rules it runs.
    pub fn rules(&self) -> &Arc<RuleSet> {
        &self.rules
    }

    /// Whether values that stand in a vault are looked for.
    pub fn has_vaulted(&self) -> bool {
        self.vaulted.is_some()
    }

    /// Appends every place that lies wholly in `range` and is to be looked at closer, not sorted.
    pub(super) fn filter(&self, bytes: &[u8], range: Range<usize>, hits: &mut Vec<Hit>) {
        self.filter.scan(bytes, range.clone(), hits);
        if let Some((values, _)) = &self.vaulted {
            values.scan(bytes, range, &mut |at| hits.push(Hit { at: at as u32, literal: VAULTED }));
        }
    }

    /// The length of what a hit found.
    pub(super) fn len_of(&self, hit: Hit) -> usize {
        if hit.literal == VAULTED { vaulted::WINDOW } else { self.filter.literal(hit).bytes.len() }
    }

    /// The most bytes that a hit is long.
    pub(super) fn longest_hit(&self) -> usize {
        self.filter.longest().max(if self.vaulted.is_some() { vaulted::WINDOW } else { 0 })
    }

    /// The most bytes by which a match begins before its literal.
    pub(super) fn longest_reach(&self) -> usize {
        self.longest_reach
    }
}

/// One thread's scanner.
pub struct Worker<'e, J> {
    pub(super) engine: &'e Engine,
    pub(super) judge: J,
    scratch: Vec<Scratch>,
    pub(super) hits: Vec<Hit>,
    pub(super) stretches: Vec<Stretch>,
    pub(super) ranges: Vec<Range<usize>>,
    /// Bytes the filter read, for reports on what delta awareness saves.
    pub filtered: u64,
    /// Bytes that verification looked at, each as often as it was: work that can be counted where seconds drift.
    pub verified: u64,
    /// Bytes of decoded text.
    pub decoded: u64,
}

impl<'e, J: Judge> Worker<'e, J> {
    /// A worker for one thread.
    pub fn new(engine: &'e Engine, judge: J) -> Worker<'e, J> {
        let scratch = engine.automata.iter().map(|_| Scratch::default()).collect();
        let (hits, stretches, ranges) = (Vec::new(), Vec::new(), Vec::new());
        Worker { engine, judge, scratch, hits, stretches, ranges, filtered: 0, verified: 0, decoded: 0 }
    }

    /// Scans a whole text of less than 4 GiB; `state` is overwritten.
    pub fn scan(&mut self, bytes: &[u8], state: &mut State) {
        self.scan_range(bytes, 0..bytes.len(), state);
    }

    /// Scans for literals and encoded stretches inside `range`, with the whole text as context; `state` is overwritten.
    pub fn scan_range(&mut self, bytes: &[u8], range: Range<usize>, state: &mut State) {
        self.scan_plain(bytes, range.clone(), state);
        self.open_ranges(bytes, &[range], |_| false, state);
    }

    /// As `scan_range`, without looking into what is encoded.
    pub(super) fn scan_plain(&mut self, bytes: &[u8], range: Range<usize>, state: &mut State) {
        state.clear();
        let mut hits = std::mem::take(&mut self.hits);
        hits.clear();
        self.filtered += range.len() as u64;
        self.engine.filter(bytes, range, &mut hits);
        hits.sort_unstable();
        hits.dedup();
        for &hit in &hits {
            self.verify(bytes, hit, state);
        }
        self.hits = hits;
    }

    /// Appends the verdict on one hit; returns where a secret may begin that more text could complete
    /// (`usize::MAX` when none).
    pub(super) fn verify(&mut self, bytes: &[u8], hit: Hit, state: &mut State) -> usize {
        let engine = self.engine;
        if hit.literal == VAULTED {
            return self.verify_vaulted(bytes, hit, state);
        }
        let literal = engine.filter.literal(hit);
        let at = hit.at as usize;
        let keyword = at..at + literal.bytes.len();
        let first = state.candidates.len();
        let mut look = Look { bytes, span: keyword.clone(), open: usize::MAX, out: &mut state.candidates };
        let mut parsed: Option<(Range<usize>, Parsed)> = None;
        for &(index, reach) in &literal.targets {
            let rule = &engine.rules.rules()[index as usize];
            match (reach, &rule.form) {
                (Reach::At(back), Form::Pattern(pattern)) => {
                    if let Some(start) = at.checked_sub(back as usize) {
                        self.try_at(&mut look, index, pattern, start, None);
                    }
                }
                (Reach::Within(back), Form::Pattern(pattern)) => {
                    self.try_before(&mut look, index, pattern, back as usize, keyword.clone());
                }
                (Reach::Keyword, _) => self.try_keyword(&mut look, index, keyword.clone(), &mut parsed),
                (Reach::Word(word), _) => {
                    let (whole, looked) = rule.keywords[usize::from(word)].around(bytes, at);
                    look.extend(looked);
                    if let Some(whole) = whole {
                        self.try_keyword(&mut look, index, whole, &mut parsed);
                    }
                }
                _ => {}
            }
        }
        let Look { span, open, .. } = look;
        let count = (state.candidates.len() - first) as u32;
        state.verdicts.push(Verdict { hit, low: span.start as u32, high: span.end as u32, first: first as u32, count });
        open
    }

    /// The same of a place where a vaulted value may stand: it does or does not, and nothing around it matters.
    fn verify_vaulted(&mut self, bytes: &[u8], hit: Hit, state: &mut State) -> usize {
        let Some((values, rule)) = &self.engine.vaulted else { return usize::MAX };
        let at = hit.at as usize;
        let mut looked = at..at + vaulted::WINDOW;
        let first = state.candidates.len();
        let open = values.find(bytes, at, &mut looked, &mut |span| {
            let (start, end) = (span.start as u32, span.end as u32);
            let log_odds = vaulted::LOG_ODDS;
            let candidate = Candidate { rule: *rule, start, end, key_start: 0, key_end: 0, syntax: None, log_odds };
            state.candidates.push(candidate);
        });
        self.verified += looked.len() as u64;
        let count = (state.candidates.len() - first) as u32;
        let (low, high) = (looked.start as u32, looked.end as u32);
        state.verdicts.push(Verdict { hit, low, high, first: first as u32, count });
        open
    }

    /// Takes the values that hang on a keyword; `parsed` is what was read at the last one.
    fn try_keyword(
        &mut self,
        look: &mut Look,
        index: u16,
        keyword: Range<usize>,
        parsed: &mut Option<(Range<usize>, Parsed)>,
    ) {
        let rule = &self.engine.rules.rules()[index as usize];
        if matches!(rule.form, Form::Keyed { .. }) && !look.begins_word(keyword.start) {
            return;
        }
        if let Form::Keyed { connect: Connect::Near, within, pattern } = &rule.form {
            return self.try_near(look, index, pattern, keyword.end, *within as usize);
        }
        if parsed.as_ref().is_none_or(|(last, _)| *last != keyword) {
            *parsed = Some((keyword.clone(), look.parse(&keyword, &mut self.verified)));
        }
        let Some((_, parsed)) = parsed else { return };
        for assigned in parsed.assignments.iter() {
            let key = Some((assigned.key.clone(), Some(assigned.syntax)));
            match &rule.form {
                Form::Keyed { pattern, .. } => {
                    self.try_inside(look, index, pattern, assigned.value.clone(), key);
                }
                _ => self.push(look, index, assigned.value.clone(), key),
            }
        }
    }

    /// Looks for a match that holds the literal at `literal` and begins at most `back` bytes before it.
    fn try_before(&mut self, look: &mut Look, rule: u16, pattern: &Pattern, back: usize, literal: Range<usize>) {
        let low = literal.start.saturating_sub(back);
        look.extend(low.saturating_sub(boundary::LOOK_BACK)..low);
        self.verified += (literal.start - low) as u64;
        let mut start = low;
        while start <= literal.start {
            let found =
                if pattern.first.contains(look.bytes[start]) { self.find_at(look, rule, pattern, start) } else { None };
            match found {
                Some(end) if end >= literal.end => return self.take(look, rule, pattern, start..end, None),
                // A match that ends before belongs to a literal of its own; the next may begin where it ends.
                Some(end) => start = end.max(start + 1),
                None => start += 1,
            }
        }
    }

    /// Runs `pattern` at exactly `start`; true when it gave a candidate's span, judged or dropped.
    fn try_at(&mut self, look: &mut Look, rule: u16, pattern: &Pattern, start: usize, key: Key) -> bool {
        let Some(end) = self.find_at(look, rule, pattern, start) else { return false };
        self.take(look, rule, pattern, start..end, key);
        true
    }

    /// The end of the match at exactly `start`, when it stands alone.
    fn find_at(&mut self, look: &mut Look, rule: u16, pattern: &Pattern, start: usize) -> Option<usize> {
        let bytes = look.bytes;
        if pattern.left == Edge::Boundary && start > 0 {
            let back = if bytes[start - 1].is_ascii_alphanumeric() { boundary::LOOK_BACK } else { 1 };
            look.extend(start.saturating_sub(back)..start);
            if !boundary::begins(bytes, start) {
                return None;
            }
        } else if start == 0 {
            look.extend(0..1);
        }
        let automaton = self.engine.automata[rule as usize].as_ref().expect("a rule with a pattern has an automaton");
        let ran = automaton.run(bytes, start, &mut self.scratch[rule as usize]);
        look.extend(start..ran.looked);
        if ran.looked > bytes.len() {
            look.open = look.open.min(start);
        }
        self.verified += (ran.looked - start) as u64;
        let end = ran.end?;
        look.extend(start..end + 1);
        (!bytes.get(end).is_some_and(|&next| pattern.right.contains(next))).then_some(end)
    }

    /// Hands on the secret of a match.
    fn take(&mut self, look: &mut Look, rule: u16, pattern: &Pattern, found: Range<usize>, key: Key) {
        let automaton = self.engine.automata[rule as usize].as_ref().expect("a rule with a pattern has an automaton");
        let secret = if pattern.has_group { automaton.secret(look.bytes, found) } else { found };
        self.push(look, rule, secret, key);
    }

    fn try_near(&mut self, look: &mut Look, rule: u16, pattern: &Pattern, from: usize, within: usize) {
        let bytes = look.bytes;
        let window = bytes.len().min(from + within);
        look.extend(from.saturating_sub(boundary::LOOK_BACK)..window + 1);
        self.verified += (window - from) as u64;
        let (mut lines, mut values) = (0, 0);
        let mut at = from;
        while at < window && lines <= NEAR_LINES && values < NEAR_VALUES {
            let byte = bytes[at];
            lines += usize::from(byte == b'\n');
            let before = look.out.len();
            if pattern.first.contains(byte) && self.try_at(look, rule, pattern, at, None) {
                values += 1;
                at = look.out.get(before).map_or(at, |candidate| candidate.end as usize - 1);
            }
            at += 1;
        }
    }

    fn try_inside(&mut self, look: &mut Look, rule: u16, pattern: &Pattern, value: Range<usize>, key: Key) {
        let bytes = look.bytes;
        let window = value.end.min(value.start + VALUE_WINDOW);
        self.verified += window.saturating_sub(value.start) as u64;
        for at in value.start..window {
            let can_begin = at == value.start || !bytes[at - 1].is_ascii_alphanumeric();
            if can_begin && pattern.first.contains(bytes[at]) && self.try_at(look, rule, pattern, at, key.clone()) {
                return;
            }
        }
    }

    fn push(&mut self, look: &mut Look, index: u16, secret: Range<usize>, key: Key) {
        let rule = &self.engine.rules.rules()[index as usize];
        self.verified += secret.len() as u64;
        if !has_enough(&look.bytes[secret.clone()], rule.at_least) {
            return;
        }
        let (key, syntax) = key.unwrap_or((0..0, None));
        let mut candidate = Candidate {
            rule: index,
            start: secret.start as u32,
            end: secret.end as u32,
            key_start: key.start as u32,
            key_end: key.end as u32,
            syntax,
            log_odds: 0.0,
        };
        let (log_odds, looked) = self.judge.judge(look.bytes, rule, &candidate);
        self.verified += looked.len() as u64;
        // A dropped candidate depends on its surroundings as much as a kept one.
        look.extend(looked);
        if self.judge.keeps(log_odds) {
            candidate.log_odds = log_odds;
            look.out.push(candidate);
        }
    }
}

type Key = Option<(Range<usize>, Option<assignment::Syntax>)>;

/// One hit being verified: the text, what was looked at, where candidates go.
struct Look<'a> {
    bytes: &'a [u8],
    span: Range<usize>,
    /// The earliest start of a secret that more text could complete.
    open: usize,
    out: &'a mut Vec<Candidate>,
}

impl Look<'_> {
    fn extend(&mut self, looked: Range<usize>) {
        self.span.start = self.span.start.min(looked.start);
        self.span.end = self.span.end.max(looked.end);
    }

    fn begins_word(&mut self, at: usize) -> bool {
        let back = if at > 0 && self.bytes[at - 1].is_ascii_alphanumeric() { boundary::LOOK_BACK } else { 1 };
        self.extend(at.saturating_sub(back)..at);
        boundary::begins_word(self.bytes, at)
    }

    fn parse(&mut self, keyword: &Range<usize>, work: &mut u64) -> Parsed {
        let parsed = assignment::parse(self.bytes, keyword.clone());
        *work += parsed.looked.len() as u64;
        self.extend(parsed.looked.clone());
        if parsed.looked.end > self.bytes.len() {
            self.open = self.open.min(open_value(self.bytes, keyword.end, &parsed));
        }
        parsed
    }
}

/// Where a value begins that hangs on the keyword ending at `from` and that more text could complete: values stand on
/// one line, after the signs that join them to their name.
fn open_value(bytes: &[u8], from: usize, parsed: &Parsed) -> usize {
    let known = parsed.assignments.iter().map(|assigned| assigned.value.start).min();
    known.unwrap_or_else(|| {
        let rest = &bytes[from..];
        let rest = &rest[memchr::memrchr(b'\n', rest).map_or(0, |newline| newline + 1)..];
        let joins = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b':' | b'=' | b'>' | b'(' | b'"' | b'\'' | b'`');
        bytes.len() - rest.len() + rest.iter().take_while(|byte| joins(byte)).count()
    })
}

fn has_enough(secret: &[u8], [digits, upper, lower]: [u16; 3]) -> bool {
    let count = |is: fn(&u8) -> bool| secret.iter().filter(|byte| is(byte)).count();
    (digits == 0 || count(u8::is_ascii_digit) >= digits as usize)
        && (upper == 0 || count(u8::is_ascii_uppercase) >= upper as usize)
        && (lower == 0 || count(u8::is_ascii_lowercase) >= lower as usize)
}
