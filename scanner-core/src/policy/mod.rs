//! What becomes of a finding: it blocks, it warns, or it is allowed. The first rule of a policy that matches decides, and
//! the gate where none does.
//!
//! A place is judged by itself, and the strictest verdict over a secret's places is the secret's: a rule that allows a
//! folder allows nothing beyond it.

pub mod bypass;
pub mod environment;
mod words;
mod written;

pub use bypass::{Bypass, BypassError, Granted};
pub use environment::Environment;
pub use written::{PolicyWritten, RuleWritten};

use crate::evidence::Confidence;
use crate::finding::{Decision, Finding, Suppression, Verdict};
use crate::rule::Severity;
use crate::suppress::allowlist;
use std::collections::BTreeSet;
pub use words::{Age, Validities, ValidityWord};

/// The least a finding must be to count where no rule of the policy decides.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Gate {
    /// The least confidence.
    pub confidence: f32,
    /// The least severity; `None` lets every severity pass.
    pub severity: Option<Severity>,
    /// Whether risky practice counts, too: it is no leak yet.
    pub practices: bool,
}

impl Default for Gate {
    fn default() -> Gate {
        Gate { confidence: 0.5, severity: None, practices: false }
    }
}

impl Gate {
    /// Whether a finding is at or above the gate.
    pub fn passes(&self, finding: &Finding) -> bool {
        (self.practices || !finding.is_practice()) && self.admits(finding.confidence, finding.rule.severity)
    }

    /// Whether a confidence and a severity are at or above the gate.
    pub fn admits(&self, confidence: Confidence, severity: Severity) -> bool {
        confidence.0 >= self.confidence && self.severity.is_none_or(|least| severity >= least)
    }
}

/// Rules in order, and the gate behind them.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Decides where no rule does.
    pub gate: Gate,
    /// How the block may be passed in an emergency.
    pub bypass: Bypass,
    rules: Vec<PolicyRule>,
    /// Seconds since 1970-01-01 UTC.
    now: i64,
}

/// One rule: every condition must hold.
#[derive(Clone, Debug)]
pub struct PolicyRule {
    verdict: Verdict,
    reason: String,
    severity: Option<Severity>,
    confidence: Option<f32>,
    validity: Option<Validities>,
    providers: Vec<globset::GlobMatcher>,
    rules: Vec<globset::GlobMatcher>,
    paths: Vec<globset::GlobSet>,
    environment: BTreeSet<Environment>,
    path_environment: BTreeSet<Environment>,
    older_than: Option<i64>,
    newer_than: Option<i64>,
    /// Where it is written: `stopleak.toml:12`.
    place: String,
}

/// What a policy looks at of a finding, wherever that comes from.
#[derive(Clone, Debug)]
pub struct Subject<'a> {
    /// The rule's id.
    pub rule: &'a str,
    /// The provider's id.
    pub provider: &'a str,
    /// How bad it would be.
    pub severity: Severity,
    /// How sure we are.
    pub confidence: Confidence,
    /// The word of a report: `active`, `inactive`, `unknown`, `unchecked`.
    pub validity: &'a str,
    /// The name the value was assigned to.
    pub key: &'a str,
    /// Whether it is risky practice and no secret.
    pub is_practice: bool,
    /// The first time any place had it, in seconds since 1970; `None` when no commit tells.
    pub since: Option<i64>,
}

impl<'a> Subject<'a> {
    /// What a policy looks at of a finding.
    pub fn of(finding: &'a Finding) -> Subject<'a> {
        let times = finding.occurrences.iter().filter_map(|place| Some(place.origin.introduction()?.time));
        Subject {
            rule: &finding.rule.id,
            provider: &finding.rule.provider.id,
            severity: finding.rule.severity,
            confidence: finding.confidence,
            validity: finding.validity.as_str(),
            key: &finding.key,
            is_practice: finding.is_practice(),
            since: times.min(),
        }
    }
}

impl From<Gate> for Policy {
    fn from(gate: Gate) -> Policy {
        Policy { gate, ..Policy::default() }
    }
}

impl Policy {
    /// A checked policy; `now` in seconds since 1970-01-01 UTC decides what is old.
    pub fn new(gate: Gate, rules: Vec<PolicyRule>, bypass: Bypass, now: i64) -> Policy {
        Policy { gate, bypass, rules, now }
    }

    /// The same rules before another gate.
    pub fn with_gate(self, gate: Gate) -> Policy {
        Policy { gate, ..self }
    }

    /// How many rules it has.
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether the gate decides alone.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// What becomes of a subject at one place (`None` for a place without a path, and for one that is not listed).
    pub fn judge(&self, subject: &Subject, path: Option<&str>) -> Decision {
        match self.rules.iter().find(|rule| rule.covers(subject, path, self)) {
            Some(rule) => Decision { verdict: rule.verdict, by: Some(rule.place.clone()), reason: rule.reason.clone() },
            None => self.by_gate(subject),
        }
    }

    /// The strictest decision over all places; `has_more` when some are not listed.
    pub fn judge_all<'p>(
        &self,
        subject: &Subject,
        paths: impl Iterator<Item = Option<&'p str>>,
        has_more: bool,
    ) -> Decision {
        let unlisted = has_more.then_some(None);
        let decisions = paths.chain(unlisted).map(|path| self.judge(subject, path));
        // Of equal ones the first place's.
        let strictest = decisions.reduce(|a, b| if b.verdict > a.verdict { b } else { a });
        strictest.unwrap_or_else(|| self.judge(subject, None))
    }

    /// Judges the findings that nothing suppresses; places that are allowed leave a finding that counts elsewhere.
    pub fn apply(&self, findings: &mut [Finding]) {
        for finding in findings {
            let subject = Subject::of(finding);
            let judge = |place: &crate::finding::Occurrence| self.judge(&subject, place.origin.path());
            let decisions: Vec<Decision> = finding.occurrences.iter().map(judge).collect();
            let paths = finding.occurrences.iter().map(|place| place.origin.path());
            let decision = self.judge_all(&subject, paths, finding.more_occurrences > 0);
            if decision.verdict > Verdict::Allow {
                let mut decisions = decisions.iter();
                finding.occurrences.retain(|_| decisions.next().is_none_or(|d| d.verdict > Verdict::Allow));
            } else if decision.by.is_some() && finding.suppression.is_none() {
                finding.suppression = Some(Suppression::Policy { reason: decision.reason.clone() });
            }
            finding.decision = decision;
        }
    }

    /// Whether a finding may count or be shown, whatever its provider says of it.
    pub fn may_count(&self, finding: &Finding) -> bool {
        let judge = |validity: &str| {
            let subject = Subject { validity, ..Subject::of(finding) };
            let paths = finding.occurrences.iter().map(|place| place.origin.path());
            self.judge_all(&subject, paths, finding.more_occurrences > 0).verdict
        };
        ["unchecked", "active", "inactive", "unknown"].into_iter().any(|word| judge(word) > Verdict::Allow)
    }

    fn by_gate(&self, subject: &Subject) -> Decision {
        let verdict = match self.gate.admits(subject.confidence, subject.severity) {
            false => Verdict::Allow,
            true if subject.is_practice && !self.gate.practices => Verdict::Warn,
            true => Verdict::Block,
        };
        Decision { verdict, by: None, reason: String::new() }
    }
}

impl PolicyRule {
    fn covers(&self, subject: &Subject, path: Option<&str>, policy: &Policy) -> bool {
        let is_any = |globs: &[globset::GlobMatcher], text: &str| {
            globs.is_empty() || globs.iter().any(|glob| glob.is_match(text))
        };
        // Without a word on confidence a rule is about what the gate believes.
        subject.confidence.0 >= self.confidence.unwrap_or(policy.gate.confidence)
            && self.severity.is_none_or(|least| subject.severity >= least)
            && self.validity.as_ref().is_none_or(|validity| validity.holds(subject))
            && is_any(&self.providers, subject.provider)
            && is_any(&self.rules, subject.rule)
            && (self.paths.is_empty()
                || path.is_some_and(|path| self.paths.iter().any(|glob| allowlist::is_path_at(glob, path))))
            && (self.environment.is_empty() || self.environment.contains(&environment::of_secret(subject, path)))
            && (self.path_environment.is_empty() || self.path_environment.contains(&environment::of_path(path)))
            && self.is_of_age(subject, policy.now)
    }

    /// What no commit dates counts as new: a change is checked before there is one.
    fn is_of_age(&self, subject: &Subject, now: i64) -> bool {
        let age = subject.since.map_or(0, |since| now.saturating_sub(since).max(0));
        self.older_than.is_none_or(|least| age > least) && self.newer_than.is_none_or(|most| age <= most)
    }
}
