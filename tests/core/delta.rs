//! Delta-aware scanning gives exactly what a full scan gives, whatever was copied from where.

use super::encode::ENCODERS;
use std::ops::Range;
use std::path::Path;
use stopleak_core::detect::{Candidate, Engine, Judge, State, Worker};
use stopleak_core::rule::Rule;
use stopleak_core::rule::example::{Random, expand};
use stopleak_core::source::git::objects::{Kinds, Limits, Objects, Operation, Visit, Visitor};
use stopleak_core::{RuleSet, score};

/// Depends on a few bytes either side, as the real score does, so that a span that is too narrow shows.
struct Sum;

impl Judge for Sum {
    fn judge(&mut self, bytes: &[u8], _: &Rule, candidate: &Candidate) -> (f32, Range<usize>) {
        let secret = candidate.secret();
        let window = secret.start.saturating_sub(20)..bytes.len().min(secret.end + 20);
        let sum = bytes[window.clone()].iter().map(|&byte| u32::from(byte)).sum::<u32>();
        let ends = if window.end == bytes.len() { window.end + 1 } else { window.end };
        (sum as f32, window.start..ends)
    }

    /// Drops half of them: what was dropped may stand in other surroundings, so that its span counts, too.
    fn keeps(&self, log_odds: f32) -> bool {
        log_odds as u32 & 1 == 0
    }
}

const LINES: &[&str] = &[
    "ghp_<base62:36>\n",
    "const token = \"<github:ghp_>\";\n",
    "password = \"<base62:14>\"\n",
    "export API_KEY=<hex:32>\n",
    "hf_<alpha:34> hf_<alpha:35>",
    "aws_secret_access_key = <base64:40>\n",
    "AKIA<base32:16>\n",
    "fn main() { println!(\"hello\"); }\n",
    "db: postgres://app:<base62:12>@db.internal:5432/app\n",
    "-----BEGIN RSA PRIVATE KEY-----\n<base64:64>\n<base64:64>\n-----END RSA PRIVATE KEY-----\n",
    "datadog_api_key: <hex:32>\n",
    "<jwt>",
    "token",
    "key",
    " = ",
    "\"",
    "\n",
];

fn text(random: &mut Random, lines: usize) -> Vec<u8> {
    let mut out = String::new();
    for _ in 0..lines {
        let line = LINES[random.below(LINES.len())];
        let line = expand(line, random.draw()).expect("the templates are right");
        match random.below(4) {
            0 => out.push_str(&ENCODERS[random.below(ENCODERS.len())].1(&line)),
            _ => out.push_str(&line),
        }
    }
    out.into_bytes()
}

/// A random delta on `base`: copies from anywhere and inserts of anything.
fn edit(random: &mut Random, base: &[u8]) -> (Vec<u8>, Vec<Operation>) {
    let (mut bytes, mut operations) = (Vec::new(), Vec::new());
    let mut from = 0;
    for _ in 0..1 + random.below(8) {
        let to = bytes.len() as u32;
        if random.below(3) == 0 || base.is_empty() {
            let insert = text(random, 1);
            let cut = random.below(insert.len() + 1).max(1).min(insert.len());
            bytes.extend_from_slice(&insert[..cut]);
            operations.push(Operation::Insert { to, len: cut as u32 });
        } else {
            // Mostly in order, as real deltas are, sometimes from anywhere.
            if random.below(4) == 0 {
                from = random.below(base.len());
            }
            let start = from.min(base.len() - 1);
            let len = 1 + random.below(base.len() - start);
            bytes.extend_from_slice(&base[start..start + len]);
            operations.push(Operation::Copy { from: start as u32, to, len: len as u32 });
            from = start + len;
        }
    }
    (bytes, operations)
}

fn sorted(state: &State) -> (Vec<Candidate>, Vec<String>) {
    let mut all = state.candidates().to_vec();
    all.sort_by_key(|c| (c.start, c.end, c.rule, c.key_start));
    let mut hidden: Vec<String> = state.hidden().map(|hidden| format!("{hidden:?}")).collect();
    hidden.sort();
    hidden.extend(state.cuts().iter().map(|cut| format!("{cut:?}")));
    (all, hidden)
}

fn assert_same(derived: &(Vec<Candidate>, Vec<String>), full: &(Vec<Candidate>, Vec<String>), what: &str) {
    assert_eq!(derived.0, full.0, "{what}");
    let only = |a: &[String], b: &[String]| a.iter().filter(|one| !b.contains(one)).cloned().collect::<Vec<_>>();
    let (more, fewer) = (only(&derived.1, &full.1), only(&full.1, &derived.1));
    assert!(derived.1 == full.1, "{what}\nonly derived: {more:#?}\nonly full: {fewer:#?}");
}

fn check<J: Judge>(make: impl Fn() -> J, rounds: u64) {
    let engine = Engine::new(RuleSet::embedded());
    let mut worker = Worker::new(&engine, make());
    let (mut found, mut hidden) = (0, 0);
    for seed in 0..rounds {
        let mut random = Random::new(seed);
        let mut base = text(&mut random, 12);
        let (mut base_state, mut state, mut full) = (State::default(), State::default(), State::default());
        worker.scan(&base, &mut base_state);
        for generation in 0..4 {
            let (bytes, operations) = edit(&mut random, &base);
            worker.scan_derived(&bytes, &operations, &base_state, base.len(), &mut state);
            worker.scan(&bytes, &mut full);
            assert_same(
                &sorted(&state),
                &sorted(&full),
                &format!("seed {seed}, generation {generation}, {operations:?}"),
            );
            found += full.candidates().len();
            hidden += full.hidden().count();
            base = bytes;
            std::mem::swap(&mut base_state, &mut state);
        }
    }
    assert!(found > 100 && hidden > 100, "the texts hold secrets: {found}, {hidden}");
}

#[test]
fn a_derived_text_has_the_candidates_of_a_full_scan() {
    check(|| Sum, 400);
}

struct Real;

impl Judge for Real {
    fn judge(&mut self, bytes: &[u8], _: &Rule, candidate: &Candidate) -> (f32, Range<usize>) {
        let context = score::Context {
            bytes,
            secret: candidate.secret(),
            key: candidate.key(),
            syntax: candidate.syntax,
            kind: score::Kind::Generic,
        };
        score::log_odds(&context)
    }
}

#[test]
fn scores_are_inherited_exactly() {
    check(|| Real, 400);
}

/// Scans each blob both ways and compares.
struct Both<'e> {
    derived: Worker<'e, Real>,
    whole: Worker<'e, Real>,
    candidates: usize,
    differing: Vec<u32>,
}

impl Visitor for Both<'_> {
    type State = State;

    fn visit(&mut self, object: &Visit<'_, State>, state: &mut State) {
        match &object.base {
            Some(base) => self.derived.scan_derived(object.bytes, base.operations, base.state, base.bytes.len(), state),
            None => self.derived.scan(object.bytes, state),
        }
        let mut full = State::default();
        self.whole.scan(object.bytes, &mut full);
        self.candidates += full.candidates().len();
        if sorted(state) != sorted(&full) {
            self.differing.push(object.object);
        }
    }
}

#[test]
#[ignore = "needs a repository in STOPLEAK_BENCH_REPO and the release profile"]
fn a_whole_history_has_the_candidates_of_full_scans() {
    let folder = std::env::var_os("STOPLEAK_BENCH_REPO").expect("STOPLEAK_BENCH_REPO names a bare repository");
    let objects = Objects::open(&Path::new(&folder).join("objects"), &[], Limits::default()).expect("it can be opened");
    let engine = Engine::new(RuleSet::embedded());
    let walked = objects.walk(Kinds::BLOBS, &|_| true, 2, &|| Both {
        derived: Worker::new(&engine, Real),
        whole: Worker::new(&engine, Real),
        candidates: 0,
        differing: Vec::new(),
    });
    let sum = |of: &dyn Fn(&Both) -> u64| walked.visitors.iter().map(of).sum::<u64>();
    let (part, all) = (sum(&|both| both.derived.filtered), sum(&|both| both.whole.filtered));
    println!(
        "{} blobs, {} candidates, {:.1} % of {all} bytes filtered again",
        walked.objects,
        sum(&|b| b.candidates as u64),
        part as f64 * 100.0 / all as f64
    );
    let differing: Vec<_> = walked.visitors.iter().flat_map(|both| &both.differing).map(|&o| objects.id(o)).collect();
    assert!(differing.is_empty(), "{} blobs differ: {:?}", differing.len(), &differing[..differing.len().min(5)]);
}
