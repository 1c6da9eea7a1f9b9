//! Vaults: one conformance suite for every backend, against strict servers on loopback and real ones where they are.

mod aws;
mod conformance;
mod engines;
pub mod faults;
mod file;
pub mod hashicorp;
mod index;
mod others;
mod rvault;

use std::sync::Arc;
use std::time::Duration;
use stopleak_core::Secret;
use stopleak_core::http::{Http, Settings};
use stopleak_core::vault::{Fields, Wire};

/// The network, impatient.
pub fn wire() -> Wire {
    let settings = Settings { read_timeout: Duration::from_millis(1_500), ..Settings::default() };
    Arc::new(Http::new(settings).expect("no certificate is read"))
}

fn fields(pairs: &[(&str, &str)]) -> Fields {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(value.as_bytes()))).collect()
}

/// A value that looks like a secret and is none.
fn made(seed: u64) -> String {
    crate::made::token(seed).replace("hf_", "zq")
}
