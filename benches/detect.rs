//! How fast text is scanned on one thread: the filter alone, with verification, with the score, with findings.
//!
//! `cargo bench -p stopleak-core --bench detect`; `STOPLEAK_BENCH_TEXTS=a.log:b.js` reads files, `STOPLEAK_BENCH_MB=200`
//! sets the length of generated texts, `STOPLEAK_BENCH_ROUNDS=5` the rounds, of which the fastest counts.

#[path = "support/mod.rs"]
mod support;

use std::ops::Range;
use stopleak_core::detect::{Candidate, Engine, Filter, Judge, State, Worker};
use stopleak_core::rule::Rule;
use stopleak_core::scan::scan_bytes;
use stopleak_core::{Origin, RuleSet};
use support::{measure, number, rate, texts};

/// Keeps everything: verification without the score.
struct Everything;

impl Judge for Everything {
    fn judge(&mut self, _: &[u8], _: &Rule, candidate: &Candidate) -> (f32, Range<usize>) {
        (0.0, candidate.secret())
    }
}

/// The least of a few rounds, in wall seconds: one thread that waits for nothing.
fn fastest(act: &mut dyn FnMut()) -> f64 {
    (0..number("STOPLEAK_BENCH_ROUNDS", 3)).map(|_| measure(&mut *act).2).fold(f64::MAX, f64::min)
}

fn main() {
    let set = RuleSet::embedded();
    let (filter, engine) = (Filter::new(set.plan()), Engine::new(set.clone()));
    println!("{} rules, {} literals; MB/s on one thread", set.rules().len(), set.plan().literals.len());
    println!("| text | MB | hits, bytes a hit | filter | + verification | whole scan | candidates | findings |");
    println!("|---|---|---|---|---|---|---|---|");
    for (name, text) in texts() {
        let mut hits = Vec::new();
        let filtered = fastest(&mut || {
            hits.clear();
            filter.scan(&text, 0..text.len(), &mut hits);
        });
        let (mut worker, mut state) = (Worker::new(&engine, Everything), State::default());
        let verified = fastest(&mut || worker.scan(&text, &mut state));
        let mut findings = 0;
        let whole = fastest(&mut || findings = scan_bytes(&engine, &text, Origin::Stdin).0.len());
        println!(
            "| {name} | {:.0} | {} | {:.0} | {:.0} | {:.0} | {} | {findings} |",
            text.len() as f64 / 1e6,
            text.len() / hits.len().max(1),
            rate(text.len(), filtered),
            rate(text.len(), verified),
            rate(text.len(), whole),
            state.candidates().len(),
        );
    }
}
