//! Checks that need the engine: rules that claim the same text, and rules that are slow on a text made to be.

use super::examples::Failure;
use crate::detect::{Candidate, Engine, Judge, State, Worker};
use crate::rule::check::{Checked, MAX_MATCH};
use crate::rule::example::{Random, expand};
use crate::rule::{Form, Pattern, Rule, pattern, sample};
use crate::score;
use std::ops::Range;
use std::sync::Arc;

/// Texts drawn from each pattern.
const SAMPLES: u64 = 8;
/// Bytes of the shorter text of each pair; the longest match fits more than once.
pub const WORST_BYTES: usize = 2 * MAX_MATCH;
/// Twice the bytes may be this much more work: a text's end is cheaper or dearer than its middle.
const GROWTH: f64 = 2.2;
/// Bytes looked at for each byte of text, at worst.
const MOST_WORK: f64 = 400.0;

/// Rules that match what another rule of the same form matches, when neither says that it goes first.
pub fn overlaps(engine: &Engine, checked: &[Checked]) -> Vec<Failure> {
    let rules = engine.rules().rules();
    let mut worker = Worker::new(engine, KeepAll);
    let mut failures: Vec<Failure> = Vec::new();
    for rule in checked.iter().map(|checked| &checked.rule) {
        for seed in 0..SAMPLES {
            let Some((text, secret)) = drawn(rule, seed) else { continue };
            let mut state = State::default();
            worker.scan(&text, &mut state);
            let others = state.candidates().iter().filter(|found| {
                found.start < secret.end as u32 && found.end > secret.start as u32 && found.end - found.start > 4
            });
            for other in others.map(|found| &rules[found.rule as usize]) {
                let message = format!("`{}` matches the same text: say which goes first with `over`", other.id);
                let is_known = failures.iter().any(|failure| failure.rule == rule.id && failure.message == message);
                if !is_known && is_unsettled(rule, other) {
                    let template = String::from_utf8_lossy(&text).into_owned();
                    failures.push(Failure { rule: rule.id.clone(), template, message });
                }
            }
        }
    }
    failures
}

/// A text that the rule finds, and where in it the match stands.
fn drawn(rule: &Rule, seed: u64) -> Option<(Vec<u8>, Range<usize>)> {
    let pattern = rule.form.pattern()?;
    let hir = pattern::parse(&pattern.source).ok()?;
    let value = sample::sample(&hir, &mut Random::new(seed));
    let (before, after): (Vec<u8>, &[u8]) = match &rule.form {
        Form::Keyed { .. } => ([rule.found_by().as_slice(), b"=\""].concat(), b"\""),
        _ => (b" ".to_vec(), b" "),
    };
    let secret = before.len()..before.len() + value.len();
    Some(([before.as_slice(), &value, after].concat(), secret))
}

/// Whether nothing says which of two rules goes first: neither names the other, their forms are of one kind, and they do
/// not belong together.
fn is_unsettled(rule: &Rule, other: &Arc<Rule>) -> bool {
    let names = |a: &Rule, b: &Rule| a.over.contains(&b.id) || a.parts.iter().any(|part| part.rule == b.id);
    rule.id != other.id && rule.precedence() == other.precedence() && !names(rule, other) && !names(other, rule)
}

struct KeepAll;

impl Judge for KeepAll {
    fn judge(&mut self, _: &[u8], _: &Rule, candidate: &Candidate) -> (f32, Range<usize>) {
        (1.0, candidate.secret())
    }
}

/// Keeps everything and does all the work of judging.
pub struct Costliest;

impl Judge for Costliest {
    fn judge(&mut self, bytes: &[u8], _: &Rule, candidate: &Candidate) -> (f32, Range<usize>) {
        let (secret, key) = (candidate.secret(), candidate.key());
        let kind = score::Kind::Generic;
        score::log_odds(&score::Context { bytes, secret, key, syntax: candidate.syntax, kind })
    }
}

/// What is wrong with the work on a text, counted in bytes looked at, and the work a byte: `text` makes it as long as it
/// is asked to.
pub fn work_on(
    worker: &mut Worker<Costliest>,
    name: &str,
    text: &dyn Fn(usize) -> Vec<u8>,
    len: usize,
) -> (f64, Option<String>) {
    let mut work = |text: &[u8]| {
        let before = worker.filtered + worker.verified;
        worker.scan(text, &mut State::default());
        (worker.filtered + worker.verified - before) as f64
    };
    let (short, long) = (text(len), text(2 * len));
    let (less, more) = (work(&short), work(&long));
    let (growth, each) = (more / less, more / long.len() as f64);
    let is_wrong = growth > GROWTH || each > MOST_WORK;
    (each, is_wrong.then(|| format!("{name}: twice the bytes are {growth:.2} times the work, {each:.0} a byte")))
}

/// `unit` over and over.
pub fn repeated(unit: &[u8], len: usize) -> Vec<u8> {
    unit.iter().copied().cycle().take(len).collect()
}

/// Rules that look at the same bytes too often on a text made to cost them as much as it can.
pub fn slow(engine: &Engine, checked: &[Checked]) -> Vec<Failure> {
    let mut worker = Worker::new(engine, Costliest);
    let mut failures = Vec::new();
    // A search reads whole texts, and says so; it has no literal to repeat.
    for Checked { rule, matching, .. } in checked.iter().filter(|checked| !checked.rule.factors.is_empty()) {
        let example = expand(&matching[0], 1).expect("templates were checked with their rules");
        for (name, unit) in worst(rule, &example) {
            let complaint = work_on(&mut worker, &name, &|len| repeated(&unit, len), WORST_BYTES).1;
            failures.extend(complaint.map(|message| Failure {
                rule: rule.id.clone(),
                template: matching[0].clone(),
                message: format!("slower than linear on {message}"),
            }));
        }
    }
    failures
}

/// Texts made to cost a rule as much as they can: what starts its verification, then what keeps it going.
pub fn worst(rule: &Rule, example: &str) -> Vec<(String, Vec<u8>)> {
    let mut units = Vec::new();
    let literal = rule.found_by();
    units.push((format!("{}, its literal", rule.id), literal.clone()));
    let class = rule.form.pattern().map_or(b'a', last_of);
    let run = |len: usize| [literal.as_slice(), &vec![class; len]].concat();
    units.push((format!("{}, its literal and a short run", rule.id), run(24)));
    units.push((format!("{}, its literal and a long run", rule.id), run(MAX_MATCH)));
    if let Form::Keyed { .. } | Form::Assignment = rule.form {
        units.push((format!("{}, its keyword assigned", rule.id), [literal.as_slice(), b" = \""].concat()));
    }
    units.push((format!("{}, its example in a row", rule.id), example.as_bytes().to_vec()));
    units.push((format!("{}, its example a line", rule.id), format!("{example}\n").into_bytes()));
    let cut = &example.as_bytes()[..example.len() - 1];
    units.push((format!("{}, its example less a byte", rule.id), cut.to_vec()));
    units
}

/// A byte that ends a match: mostly of the class that its variable part is made of.
fn last_of(pattern: &Pattern) -> u8 {
    pattern.right.iter().find(u8::is_ascii_alphanumeric).unwrap_or(b'a')
}
