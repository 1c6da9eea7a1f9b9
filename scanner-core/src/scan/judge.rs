//! Asks the score how likely a candidate is real, with what its rule knows.

use crate::detect::{Candidate, Judge};
use crate::evidence::Evidence;
use crate::rule::{Form, Rule};
use crate::score::{self, Context, Kind};
use crate::vaulted;
use std::ops::Range;

/// Candidates less likely than one in ninety are not kept; a token with a wrong checksum stays just above.
const FLOOR: f32 = -4.5;

/// Judges by `score::log_odds`.
pub struct Scorer;

impl Judge for Scorer {
    fn judge(&mut self, bytes: &[u8], rule: &Rule, candidate: &Candidate) -> (f32, Range<usize>) {
        score::log_odds(&context(bytes, rule, candidate))
    }

    fn explain(&mut self, bytes: &[u8], rule: &Rule, candidate: &Candidate) -> Vec<Evidence> {
        explain(bytes, rule, candidate)
    }

    fn keeps(&self, log_odds: f32) -> bool {
        log_odds >= FLOOR
    }
}

/// The reasons for a candidate's score.
pub fn explain(bytes: &[u8], rule: &Rule, candidate: &Candidate) -> Vec<Evidence> {
    if let Form::Vaulted = rule.form {
        return vec![in_vault(vaulted::LOG_ODDS)];
    }
    score::explain(&context(bytes, rule, candidate))
}

/// The reason of a value that is the vault's.
pub fn in_vault(weight: f32) -> Evidence {
    Evidence { reason: "stands-in-the-vault", weight }
}

fn context<'a>(bytes: &'a [u8], rule: &Rule, candidate: &Candidate) -> Context<'a> {
    let secret = candidate.secret();
    let checksum = rule.checksum.map(|checksum| score::checksum::check(checksum, &bytes[secret.clone()]));
    let kind = match &rule.form {
        Form::Pattern(pattern) => Kind::Token {
            prior: rule.confidence,
            random_from: pattern.fixed_prefix as usize,
            checksum,
            random: rule.random,
        },
        Form::Keyed { pattern, .. } => Kind::Keyed {
            prior: rule.confidence,
            random_from: pattern.fixed_prefix as usize,
            checksum,
            random: rule.random,
        },
        Form::Assignment => Kind::Generic,
        Form::Search(_) | Form::Practice { .. } | Form::Vaulted => Kind::Own { prior: rule.confidence },
    };
    Context { bytes, secret, key: candidate.key(), syntax: candidate.syntax, kind }
}
