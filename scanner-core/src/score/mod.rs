//! How likely a candidate is a real secret: a sum of named reasons, calibrated so that 0.9 means nine in ten.

pub mod checksum;

use crate::detect::assignment::Syntax;
use crate::evidence::{Confidence, Evidence};
use std::ops::Range;

/// A candidate in its surroundings.
#[derive(Clone, Debug)]
pub struct Context<'a> {
    /// The whole text.
    pub bytes: &'a [u8],
    /// The value in it.
    pub secret: Range<usize>,
    /// The name it hangs on, where it has one.
    pub key: Option<Range<usize>>,
    /// How the two hang together.
    pub syntax: Option<Syntax>,
    /// What the rule knows.
    pub kind: Kind,
}

/// What a rule knows about its values before anything else is seen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// A token known by its form.
    Token {
        /// How likely a match is real: the rule's `confidence`.
        prior: f32,
        /// Bytes of fixed prefix before the random part (`ghp_` is 4).
        random_from: usize,
        /// Whether its checksum holds; `None` when it has none.
        checksum: Option<bool>,
        /// Whether the rest is random (the rule's `random`).
        random: bool,
    },
    /// A value of a known form beside its service's name.
    Keyed {
        /// How likely a match is real: the rule's `confidence`.
        prior: f32,
        /// Whether its checksum holds; `None` when it has none.
        checksum: Option<bool>,
        /// Whether the value is random (the rule's `random`).
        random: bool,
    },
    /// Any value on a name that sounds like a credential.
    Generic,
}

/// The log-odds of a candidate being real and the byte range they depend on (as `Parsed::looked`).
pub fn log_odds(context: &Context) -> (f32, Range<usize>) {
    (0.0, context.secret.clone())
}

/// The reasons for `log_odds`, strongest first; their weights add up to it.
pub fn explain(context: &Context) -> Vec<Evidence> {
    let _ = context;
    Vec::new()
}

/// What a path says: tests, examples, lock files, vendored or minified code lower; `.env`, `prod`, credential files raise.
pub fn path_evidence(path: &str) -> Vec<Evidence> {
    let _ = path;
    Vec::new()
}

/// The confidence that log-odds stand for.
pub fn confidence(log_odds: f32) -> Confidence {
    Confidence(1.0 / (1.0 + (-log_odds).exp()))
}

/// Whether a value may be chosen by a person; false only when it plausibly carries 64 random bits or more.
pub fn is_guessable(value: &[u8]) -> bool {
    let _ = value;
    true
}
