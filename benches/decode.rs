//! How fast text of two-byte characters is told from other text, and made plain.
//!
//! `cargo bench -p stopleak-core --bench decode`; `STOPLEAK_BENCH_TEXTS`, `STOPLEAK_BENCH_MB` as for `detect`.

#[path = "support/mod.rs"]
mod support;

use std::hint::black_box;
use stopleak_core::decode::wide;
use support::{measure, rate, texts};

fn main() {
    println!("| text | MB of UTF-16 | MB/s | plain text told from it, ns |");
    println!("|---|---|---|---|");
    for (name, text) in texts() {
        let sample = String::from_utf8_lossy(&text[..text.len().min(20_000_000)]).into_owned();
        let units: Vec<u8> = sample.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let seconds = (0..3).map(|_| measure(|| black_box(wide(&units)).is_some()).2).fold(f64::MAX, f64::min);
        let rounds = 1_000_000;
        let plain = measure(|| (0..rounds).filter(|_| wide(black_box(&text)).is_some()).count());
        let each = plain.2 * 1e9 / rounds as f64;
        println!("| {name} | {:.0} | {:.0} | {each:.1} |", units.len() as f64 / 1e6, rate(units.len(), seconds));
    }
}
