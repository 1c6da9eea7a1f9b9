//! Any copies and insertions: a derived scan finds what a full scan finds.
#![no_main]

#[path = "../bodies.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::delta(data));
