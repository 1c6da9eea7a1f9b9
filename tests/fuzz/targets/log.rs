//! Any bytes as a log: cleaned in blocks as the whole is.
#![no_main]

#[path = "../bodies.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::log(data));
