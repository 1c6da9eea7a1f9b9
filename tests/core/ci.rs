//! Pipelines, infrastructure and logs: literal secrets are found under their key, references are none, risky practice is
//! told apart, and a log is seen through.

mod files;
mod logs;
mod practices;
mod references;

use stopleak_core::detect::Engine;
use stopleak_core::rule::example::expand;
use stopleak_core::scan::scan_bytes;
use stopleak_core::{Finding, Origin, RuleSet};

/// Below this nothing counts by default.
const GATE: f32 = 0.5;

/// A password and a token that no rule knows by their form, and the password in base64.
struct Values {
    password: String,
    token: String,
    encoded: String,
}

impl Values {
    fn new(seed: u64) -> Values {
        use base64::Engine as _;
        let password = expand("<base62:9>!<base62:6>4", seed).expect("a right template");
        let token = expand("<base62:40>", seed + 1_000).expect("a right template");
        let encoded = base64::engine::general_purpose::STANDARD.encode(&password);
        Values { password, token, encoded }
    }

    /// Puts the values where `@P`, `@T` and `@B` stand.
    fn fill(&self, text: &str) -> String {
        text.replace("@P", &self.password).replace("@T", &self.token).replace("@B", &self.encoded)
    }
}

/// What is at or above the default gate.
fn found(engine: &Engine, text: &str) -> Vec<Finding> {
    let (findings, _) = scan_bytes(engine, text.as_bytes(), Origin::File { path: "file".into() });
    findings.into_iter().filter(|finding| finding.confidence.0 >= GATE).collect()
}

fn engine() -> Engine {
    Engine::new(RuleSet::embedded())
}
