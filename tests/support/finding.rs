//! Findings made by hand; values are generated, so that no secret-shaped text stands in the repository.
#![allow(dead_code)]

use std::sync::Arc;
use stopleak_core::rule::Form;
use stopleak_core::{
    Confidence, Evidence, Finding, Fingerprint, Guessable, Introduction, ObjectId, Occurrence, Origin, Position,
    Provider, Rule, Secret, Severity, Validity,
};

/// `count` characters that look random and are the same in every run.
pub fn random(count: usize, seed: u64) -> String {
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        char::from(alphabet[(state % 62) as usize])
    };
    (0..count).map(|_| next()).collect()
}

/// A rule of a provider that does not exist.
pub fn rule(id: &str, severity: Severity) -> Rule {
    let provider = Arc::new(Provider { id: id.split('.').next().unwrap().into(), name: "Acme Cloud".into() });
    Rule {
        id: id.into(),
        name: "Acme Cloud API key".into(),
        provider,
        severity,
        help: "Revoke it under Settings › API keys.".into(),
        references: vec!["https://docs.acme.example/keys".into()],
        confidence: 0.95,
        random: true,
        guessable: false,
        checksum: None,
        parts: vec![],
        over: Vec::new(),
        part_only: false,
        at_least: [0; 3],
        form: Form::Assignment,
        factors: vec![],
        keywords: vec![],
    }
}

/// A critical finding of `acme.api-key`, its value made from `seed`, at `places`.
pub fn finding(seed: u64, places: Vec<Occurrence>) -> Finding {
    let value = format!("acme_{}", random(32, seed));
    Finding {
        fingerprint: Fingerprint::new("acme.api-key", b"", value.as_bytes(), Guessable::No),
        rule: Arc::new(rule("acme.api-key", Severity::Critical)),
        secret: Secret::new(value.as_bytes()),
        key: "ACME_KEY".into(),
        confidence: Confidence(0.987_65),
        evidence: vec![
            Evidence { reason: "random-for-its-alphabet", weight: 2.5 },
            Evidence { reason: "test-path", weight: -0.7 },
        ],
        facts: vec![],
        validity: Validity::Unchecked,
        part_sets: Default::default(),
        occurrences: places,
        suppression: None,
        decision: Default::default(),
        more_occurrences: 0,
        vaulted: vec![],
    }
}

/// A place of 37 characters at this line and column.
pub fn place(origin: Origin, line: u32, column: u32) -> Occurrence {
    let position = Position { line, column, end_line: line, end_column: column + 37 };
    Occurrence { origin, position, trail: vec![], parts: vec![], mark: None, allowed: None, log: None, in_head: None }
}

/// A place on disk.
pub fn on_disk(path: &str, line: u32) -> Occurrence {
    place(Origin::File { path: path.into() }, line, 10)
}

/// A place in history, introduced by commit `commit` at `time`.
pub fn in_history(path: &str, line: u32, commit: u8, time: i64) -> Occurrence {
    let introduced =
        Introduction { commit: ObjectId([commit; 20]), author: "Ann Example <ann@example.com>".into(), time };
    let id = ObjectId([commit + 100; 20]);
    place(Origin::GitBlob { id, path: Some(path.into()), introduced: Some(introduced) }, line, 10)
}

/// The same place with a mark on its line.
pub fn marked(place: Occurrence, reason: &str) -> Occurrence {
    Occurrence { mark: Some(reason.into()), ..place }
}

/// A token that an embedded rule finds, `hf_` and letters; the same for the same seed.
pub fn token(seed: u64) -> String {
    let letters: String = random(200, seed).chars().filter(char::is_ascii_alphabetic).take(34).collect();
    ["hf", &letters].join("_")
}
