//! How likely a candidate is a real secret: a sum of named reasons, calibrated so that 0.9 means nine in ten.

mod base64;
pub mod checksum;
mod facts;
mod features;
mod form;
mod name;
mod path;
mod shape;
mod surroundings;
mod trained;
mod trigram;
mod weights;
mod words;

pub use facts::{Fact, aws_account, facts};
pub use path::path_evidence;

use crate::detect::assignment::Syntax;
use crate::evidence::{Confidence, Evidence};
use features::{COUNT, Features, REASONS};
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
        /// What its checksum says; `None` when it has none.
        checksum: Option<checksum::Verdict>,
        /// Whether the rest is random (the rule's `random`).
        random: bool,
    },
    /// A value of a known form beside its service's name.
    Keyed {
        /// How likely a match is real: the rule's `confidence`.
        prior: f32,
        /// Bytes of fixed prefix before the random part.
        random_from: usize,
        /// What its checksum says; `None` when it has none.
        checksum: Option<checksum::Verdict>,
        /// Whether the value is random (the rule's `random`).
        random: bool,
    },
    /// Any value on a name that sounds like a credential.
    Generic,
    /// A match of a rule of the user's own: only a plain placeholder speaks against it.
    Own {
        /// How likely a match is real: the rule's `confidence`.
        prior: f32,
    },
}

/// Below this the line around a value is not read: nothing it can say would lift the value over any sensible gate.
const HOPELESS: f32 = -4.0;

/// The log-odds of a candidate being real and the byte range they depend on (as `Parsed::looked`). Allocates nothing.
pub fn log_odds(context: &Context) -> (f32, Range<usize>) {
    let judged = judge(context);
    (judged.log_odds, judged.looked)
}

/// The reasons for `log_odds`, strongest first; their weights add up to it.
pub fn explain(context: &Context) -> Vec<Evidence> {
    let judged = judge(context);
    let mut found: Vec<Evidence> = Vec::new();
    let mut add = |reason, weight: f32| {
        if weight != 0.0 {
            found.push(Evidence { reason, weight });
        }
    };
    add(if matches!(context.kind, Kind::Own { .. }) { "own-rule" } else { "rule" }, judged.prior);
    if let Some(verdict) = judged.checksum {
        let (reason, weight) = verdict.weight();
        add(reason, weight);
    }
    for (index, reason) in REASONS.iter().enumerate() {
        add(reason, judged.features.0[index] * judged.weights[index]);
    }
    found.sort_by(|a, b| b.weight.abs().total_cmp(&a.weight.abs()));
    found
}

/// The confidence that log-odds stand for.
pub fn confidence(log_odds: f32) -> Confidence {
    Confidence(1.0 / (1.0 + (-log_odds).exp()))
}

/// Whether a value may be chosen by a person; false only when it plausibly carries 64 random bits or more.
pub fn is_guessable(value: &[u8]) -> bool {
    let features = features::of_value(value, None, None);
    let random = features.get(features::Feature::Random) > 0.0;
    !random || shape::shape(value).bits() < 64.0 || features.get(features::Feature::Placeholder) > 0.0
}

struct Judged {
    log_odds: f32,
    prior: f32,
    checksum: Option<checksum::Verdict>,
    features: Features,
    weights: &'static [f32; COUNT],
    looked: Range<usize>,
}

/// A value of a known form on a name that sounds like a credential is at least as likely as any value on such a name.
fn judge(context: &Context) -> Judged {
    let known = judge_as(context, context.kind);
    if !matches!(context.kind, Kind::Keyed { .. }) || context.key.is_none() {
        return known;
    }
    let generic = judge_as(context, Kind::Generic);
    let looked = known.looked.start.min(generic.looked.start)..known.looked.end.max(generic.looked.end);
    let named = generic.features.get(features::Feature::NameOther) == 0.0;
    let better = if named && generic.log_odds > known.log_odds { generic } else { known };
    Judged { looked, ..better }
}

/// The user wrote the rule: its matches count, unless they show that no value was filled in.
fn judge_own(context: &Context, prior: f32) -> Judged {
    let secret = context.secret.start.min(context.bytes.len())..context.secret.end.min(context.bytes.len());
    let mut features = features::of_value(&context.bytes[secret.clone()], None, None);
    // Words that turn up in a random value are chance, or a prefix such as `test_`.
    if secret.is_empty() || features.get(features::Feature::Random) > 0.0 {
        features = Features([0.0; COUNT]);
    }
    if is_hole(&context.bytes[secret.clone()]) {
        features.0[features::Feature::FormFormat as usize] = 1.0;
    }
    let prior = logit(prior);
    let log_odds = prior + sum(&features, &weights::OWN);
    Judged { log_odds, prior, checksum: None, features, weights: &weights::OWN, looked: secret }
}

/// Whether a value stands for another one that is filled in later: `${NAME}`, `{{ name }}`, `<your key>`.
fn is_hole(value: &[u8]) -> bool {
    const HOLES: [(&[u8], &[u8]); 6] =
        [(b"${", b"}"), (b"{{", b"}}"), (b"$(", b")"), (b"#{", b"}"), (b"%(", b")s"), (b"<", b">")];
    HOLES.iter().any(|(open, close)| value.starts_with(open) && value.ends_with(close))
}

fn judge_as(context: &Context, kind: Kind) -> Judged {
    let (prior, checksum, random_from, weights): (_, _, _, &'static [f32; COUNT]) = match kind {
        Kind::Token { prior, random_from, checksum, random } => (logit(prior), checksum, random_from, known(random)),
        Kind::Keyed { prior, random_from, checksum, random } => {
            (logit(prior), checksum, random_from, if random { &weights::KEYED } else { &weights::CHOSEN })
        }
        Kind::Generic => (0.0, None, 0, &trained::GENERIC),
        Kind::Own { prior } => return judge_own(context, prior),
    };
    let secret = context.secret.start.min(context.bytes.len())..context.secret.end.min(context.bytes.len());
    let random = (secret.start + random_from).min(secret.end)..secret.end;
    let key = context.key.clone().filter(|key| key.end <= context.bytes.len());
    let name = key.clone().map(|key| &context.bytes[key]);
    let mut features = match kind {
        Kind::Generic => features::of_value(&context.bytes[random], name, context.syntax),
        Kind::Token { .. } | Kind::Keyed { .. } | Kind::Own { .. } => {
            let mut features = features_of_known(&context.bytes[random], name, context.syntax);
            features.soften();
            features
        }
    };
    if std::ptr::eq(weights, &weights::CHOSEN) {
        features::add_reference(&mut features, &context.bytes[secret.clone()]);
    }
    let start = prior + checksum.map_or(0.0, |verdict| verdict.weight().1);
    let mut looked = key.clone().map_or(secret.clone(), |key| key.start.min(secret.start)..key.end.max(secret.end));
    let mut log_odds = start + sum(&features, weights);
    if log_odds > HOPELESS {
        let (line, range) = surroundings::surroundings(context.bytes, &secret, key.as_ref());
        features::add_surroundings(&mut features, &line);
        log_odds = start + sum(&features, weights);
        looked = range;
    }
    Judged { log_odds, prior, checksum, features, weights, looked }
}

/// Features of a value whose form a rule knows: dashes, dots and line breaks belong to the form (a UUID is hex, not five
/// words), and parts may be of different alphabets, so that the longest part alone is measured, or, when all are short,
/// all letters and digits together.
fn features_of_known(value: &[u8], name: Option<&[u8]>, syntax: Option<Syntax>) -> Features {
    const LONG: usize = 16;
    let longest = longest_part(value);
    if longest.len() >= LONG {
        return features::of_value(longest, name, syntax);
    }
    let mut plain = [0u8; 256];
    let mut len = 0;
    for &byte in value.iter().filter(|byte| byte.is_ascii_alphanumeric()).take(plain.len()) {
        plain[len] = byte;
        len += 1;
    }
    // Mostly symbols: there is nothing else to go by.
    let measured = if len * 2 < value.len().min(plain.len()) { value } else { &plain[..len] };
    features::of_value(measured, name, syntax)
}

/// The longest stretch of letters and digits; six `A` in a row are zero bytes in base64 and end it too.
fn longest_part(value: &[u8]) -> &[u8] {
    let (mut longest, mut start, mut zeros) = (0..0, 0, 0);
    for (at, byte) in value.iter().enumerate() {
        zeros = if *byte == b'A' { zeros + 1 } else { 0 };
        if !byte.is_ascii_alphanumeric() || zeros >= 6 {
            start = at + 1;
        } else if at + 1 - start > longest.len() {
            longest = start..at + 1;
        }
    }
    &value[longest]
}

fn known(random: bool) -> &'static [f32; COUNT] {
    if random { &weights::KNOWN } else { &weights::CHOSEN }
}

fn sum(features: &Features, weights: &[f32; COUNT]) -> f32 {
    // Eight sums side by side: one chain of additions would take half of the whole score's time.
    let mut sums = [0.0; 8];
    for (values, weights) in features.0.chunks_exact(8).zip(weights.chunks_exact(8)) {
        for lane in 0..8 {
            sums[lane] += values[lane] * weights[lane];
        }
    }
    sums.iter().sum()
}

fn logit(probability: f32) -> f32 {
    let p = probability.clamp(0.001, 0.999);
    (p / (1.0 - p)).ln()
}

/// What `benches/score.rs` trains and measures with; no part of the engine.
#[doc(hidden)]
pub mod training {
    pub use super::features::{COUNT, NAMES, REASONS};
    pub use super::weights::START;
    use super::{Context, features, surroundings};

    /// Every feature of a candidate, its line included.
    pub fn vector(context: &Context) -> [f32; COUNT] {
        let key = context.key.clone();
        let value = &context.bytes[context.secret.clone()];
        let mut found = features::of_value(value, key.clone().map(|key| &context.bytes[key]), context.syntax);
        let line = surroundings::surroundings(context.bytes, &context.secret, key.as_ref()).0;
        features::add_surroundings(&mut found, &line);
        found.0
    }
}
