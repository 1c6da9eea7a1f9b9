//! Any bytes as a part of a container image: a layer, a manifest, a configuration, a name.
#![no_main]

#[path = "../bodies.rs"]
mod bodies;

libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::image(data));
