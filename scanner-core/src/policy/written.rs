//! A policy as people write it in `stopleak.toml`, checked while it is read.

use super::words::{Age, IdGlob, Least, PathGlob, Validities, ValidityWord, Word, Words};
use super::{Bypass, Environment, Gate, Policy, PolicyRule};
use crate::finding::Verdict;
use serde::Deserialize;
use toml::Spanned;

/// `[policy]`.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PolicyWritten {
    /// `[[policy.rules]]`, in order.
    #[serde(default)]
    pub rules: Vec<Spanned<RuleWritten>>,
    /// `[policy.bypass]`.
    #[serde(default)]
    pub bypass: Bypass,
}

/// One `[[policy.rules]]` that makes sense.
#[derive(Deserialize)]
#[serde(try_from = "Raw")]
pub struct RuleWritten(Raw);

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Raw {
    verdict: Word<Verdict>,
    #[serde(default)]
    reason: String,
    severity: Option<Word<Least>>,
    confidence: Option<Share>,
    #[serde(default)]
    validity: Words<ValidityWord>,
    #[serde(default)]
    provider: Words<IdGlob>,
    #[serde(default)]
    rule: Words<IdGlob>,
    #[serde(default)]
    path: Words<PathGlob>,
    #[serde(default)]
    environment: Words<Environment>,
    #[serde(default)]
    path_environment: Words<Environment>,
    older_than: Option<Word<Age>>,
    newer_than: Option<Word<Age>>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(try_from = "f32")]
struct Share(f32);

impl TryFrom<f32> for Share {
    type Error = String;

    fn try_from(share: f32) -> Result<Share, String> {
        let problem = || format!("confidence {share} is not between 0 and 1");
        (0.0..=1.0).contains(&share).then_some(Share(share)).ok_or_else(problem)
    }
}

impl TryFrom<Raw> for RuleWritten {
    type Error = String;

    fn try_from(raw: Raw) -> Result<RuleWritten, String> {
        let is_allow = raw.verdict.0 == Verdict::Allow;
        if is_allow && raw.reason.trim().is_empty() {
            return Err("a rule that allows needs a `reason`".to_owned());
        }
        if is_allow && raw.has_no_condition() {
            return Err("a rule that allows needs a condition: without one it would allow everything".to_owned());
        }
        let seconds = |age: &Option<Word<Age>>| age.as_ref().map(|Word(age)| age.seconds);
        if seconds(&raw.older_than).zip(seconds(&raw.newer_than)).is_some_and(|(older, newer)| older >= newer) {
            return Err("nothing is older than `older-than` and newer than `newer-than`".to_owned());
        }
        Ok(RuleWritten(raw))
    }
}

impl Raw {
    fn has_no_condition(&self) -> bool {
        self.severity.is_none()
            && self.confidence.is_none()
            && self.validity.0.is_empty()
            && self.provider.0.is_empty()
            && self.rule.0.is_empty()
            && self.path.0.is_empty()
            && self.environment.0.is_empty()
            && self.path_environment.0.is_empty()
            && self.older_than.is_none()
            && self.newer_than.is_none()
    }
}

impl RuleWritten {
    fn checked(self, place: String) -> PolicyRule {
        let raw = self.0;
        PolicyRule {
            verdict: raw.verdict.0,
            reason: raw.reason,
            severity: raw.severity.map(|Word(least)| least.0),
            confidence: raw.confidence.map(|share| share.0),
            validity: (!raw.validity.0.is_empty()).then_some(Validities(raw.validity.0)),
            providers: raw.provider.0.into_iter().map(|glob| glob.0).collect(),
            rules: raw.rule.0.into_iter().map(|glob| glob.0).collect(),
            paths: raw.path.0.into_iter().map(|glob| glob.0).collect(),
            environment: raw.environment.0.into_iter().collect(),
            path_environment: raw.path_environment.0.into_iter().collect(),
            older_than: raw.older_than.map(|Word(age)| age.seconds),
            newer_than: raw.newer_than.map(|Word(age)| age.seconds),
            place,
        }
    }
}

impl PolicyWritten {
    /// The policy; `place` names what stands at a byte of the file, as in `stopleak.toml:12`.
    pub fn checked(self, gate: Gate, now: i64, place: impl Fn(usize) -> String) -> Policy {
        let rules = self.rules.into_iter().map(|rule| {
            let place = place(rule.span().start);
            rule.into_inner().checked(place)
        });
        Policy::new(gate, rules.collect(), self.bypass, now)
    }
}
