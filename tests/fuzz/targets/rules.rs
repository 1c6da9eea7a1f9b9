//! Any text as a rule file: complaints, never a panic; what passes the linter can scan.
#![no_main]

#[path = "../bodies.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::rules(data));
