//! Any bytes as a pipeline: what is found lies inside it.
#![no_main]

#[path = "../bodies.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::pipeline(data));
