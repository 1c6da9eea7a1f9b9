//! Any bytes as a pack and its index: what cannot be read is announced.
#![no_main]

#[path = "../bodies.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::pack(data));
