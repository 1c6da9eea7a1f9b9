//! What decoding costs: telling UTF-16 from other text, searching text for encoded stretches, scanning text that is all
//! encoded.
//!
//! `cargo bench -p stopleak-core --bench decode`; `STOPLEAK_BENCH_TEXTS`, `STOPLEAK_BENCH_MB` as for `detect`.

#[path = "support/mod.rs"]
mod support;

use base64::Engine as _;
use std::hint::black_box;
use stopleak_core::decode::{self, wide};
use stopleak_core::detect::{Engine, Filter};
use stopleak_core::scan::scan_bytes;
use stopleak_core::{Origin, RuleSet};
use support::{measure, rate, texts};

/// The least of three rounds, in seconds.
fn fastest(act: &mut dyn FnMut()) -> f64 {
    (0..3).map(|_| measure(&mut *act).2).fold(f64::MAX, f64::min)
}

fn main() {
    let set = RuleSet::embedded();
    let (filter, engine) = (Filter::new(set.plan()), Engine::new(set));
    println!("MB/s on one thread");
    println!(
        "| text | filter | search for stretches | stretches a MB | as base64: whole scan | as UTF-16 | told from it, ns |"
    );
    println!("|---|---|---|---|---|---|---|");
    for (name, text) in texts() {
        let (mut hits, mut stretches) = (Vec::new(), Vec::new());
        let filtered = fastest(&mut || {
            hits.clear();
            filter.scan(&text, 0..text.len(), &mut hits);
        });
        let searched = fastest(&mut || {
            stretches.clear();
            decode::find(&text, 0..text.len(), &mut stretches);
        });
        let sample = String::from_utf8_lossy(&text[..text.len().min(20_000_000)]).into_owned();
        // A stretch is no longer than four million characters: many of them, as a file of settings holds them.
        let lines = |block: &[u8]| format!("value: {}\n", base64::engine::general_purpose::STANDARD.encode(block));
        let encoded: String = sample.as_bytes().chunks(20_000).map(lines).collect();
        let opened = fastest(&mut || _ = black_box(scan_bytes(&engine, encoded.as_bytes(), Origin::Stdin)));
        let units: Vec<u8> = sample.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let seconds = fastest(&mut || _ = black_box(wide(&units)));
        let rounds = 1_000_000;
        let plain = measure(|| (0..rounds).filter(|_| wide(black_box(&text)).is_some()).count());
        println!(
            "| {name} | {:.0} | {:.0} | {:.0} | {:.0} | {:.0} | {:.1} |",
            rate(text.len(), filtered),
            rate(text.len(), searched),
            stretches.len() as f64 * 1e6 / text.len() as f64,
            rate(encoded.len(), opened),
            rate(units.len(), seconds),
            plain.2 * 1e9 / rounds as f64,
        );
    }
}
