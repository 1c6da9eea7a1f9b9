//! One finding as every report tells it: made from a finding, or read back from a saved report; the value stays apart.

use super::{Introduced, Place, Source, Tracked, places};
use crate::evidence::Confidence;
use crate::finding::{Decision, Evidence, Finding, Occurrence, PartSets, Suppression, Validity, Verdict};
use crate::policy::{Policy, Subject};
use crate::rule::{Rule, Severity};
use crate::secret::Secret;
use crate::vaulted::Place as VaultPlace;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Whether a report may hold the value itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Secrets {
    /// Only its redaction.
    #[default]
    Redacted,
    /// The value in clear, because the user said `--show-secrets`.
    Shown,
}

/// One finding, ready to be written.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    /// The rule that found it.
    pub rule: Arc<About>,
    /// Names the secret without its place.
    pub fingerprint: String,
    /// The value; of risky practice the name at risk.
    pub value: Value,
    /// The name the value was assigned to, empty when it had none.
    pub key: String,
    /// 0..=1, three decimals.
    pub confidence: f64,
    /// Why.
    pub evidence: Vec<Reason>,
    /// What the value says about itself, sorted by label.
    pub facts: Vec<(String, String)>,
    /// Where the value stands in a vault; empty without an index.
    pub vault: Vec<VaultPlace>,
    /// What the provider says, in a word.
    pub validity: String,
    /// What else it said, or why nobody can tell.
    pub verification: Verification,
    /// The values it was seen with; a report holds them only where it holds the value itself.
    pub part_sets: PartSets,
    /// Where it was seen, the place to look at first in front.
    pub places: Vec<Place>,
    /// Places beyond those listed.
    pub more_places: u64,
    /// Why it is not held against the target; `None` for a finding that counts.
    pub suppression: Option<Excuse>,
    /// What a rule of the policy makes of it; `None` where the gate decided.
    pub decision: Option<Ruling>,
    /// What a store of sweeps knows of it.
    pub tracked: Option<Tracked>,
}

/// What a report says about a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct About {
    /// Its id.
    pub id: String,
    /// What it finds, in words.
    pub name: String,
    /// The provider's id.
    pub provider: String,
    /// The provider's name.
    pub provider_name: String,
    /// How bad a leak is.
    pub severity: Severity,
    /// What to do about a leak; empty when the rule has no advice of its own.
    pub help: String,
    /// The provider's pages about it.
    pub references: Vec<String>,
    /// Whether it finds risky practice, not a secret.
    pub is_practice: bool,
}

/// A value as a report may show it.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    redacted: String,
    clear: Option<Secret>,
    secrets: Secrets,
}

/// One reason for a score.
#[derive(Clone, Debug, PartialEq)]
pub struct Reason {
    /// A stable name, kebab-case.
    pub reason: Cow<'static, str>,
    /// What it adds to the log-odds, three decimals.
    pub weight: f64,
}

/// What came of asking the provider, beside the word.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// Who and what a live secret opens, by label.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub identity: BTreeMap<String, String>,
    /// What it may do, as the provider lists it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<String>,
    /// Why nobody can tell, in a word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<Cow<'static, str>>,
    /// The same in a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl Verification {
    /// What a report tells of a validity.
    pub fn new(validity: &Validity) -> Verification {
        match validity {
            Validity::Active { identity, scopes } => Verification {
                identity: identity.iter().cloned().collect(),
                scopes: scopes.clone(),
                ..Verification::default()
            },
            Validity::Unknown { doubt, reason } => Verification {
                doubt: Some(Cow::Borrowed(doubt.as_str())),
                reason: Some(reason.clone()),
                ..Verification::default()
            },
            Validity::Inactive | Validity::Unchecked => Verification::default(),
        }
    }

    /// Whether there is nothing beside the word.
    pub fn is_empty(&self) -> bool {
        *self == Verification::default()
    }

    /// In words, empty when there are none: `account octocat; scopes repo`.
    pub fn words(&self) -> String {
        let mut words: Vec<String> = self.identity.iter().map(|(label, value)| format!("{label} {value}")).collect();
        words.extend(self.scopes.iter().filter(|scopes| !scopes.is_empty()).map(|scopes| format!("scopes {scopes}")));
        words.extend(self.reason.iter().cloned());
        words.join("; ")
    }
}

/// Why something is not held against the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excuse {
    /// `mark`, `allowlist`, `known`, `baseline` or `policy`.
    pub kind: Cow<'static, str>,
    /// The reason given, may be empty.
    pub reason: String,
}

/// What a rule of the policy decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// `block`, `warn` or `allow`.
    pub verdict: Cow<'static, str>,
    /// The rule: `stopleak.toml:12`.
    pub by: String,
    /// Its reason; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
}

impl Ruling {
    fn new(decision: &Decision) -> Option<Ruling> {
        let by = decision.by.clone()?;
        Some(Ruling { verdict: decision.verdict.as_str().into(), by, reason: decision.reason.clone() })
    }

    /// In words: `the policy warns of it; it does not count: being cleaned up (stopleak.toml:12)`.
    pub fn words(&self) -> String {
        let act = match self.verdict.as_ref() {
            "block" => "the policy blocks it",
            "warn" => "the policy warns of it; it does not count",
            _ => "the policy allows it",
        };
        let reason = if self.reason.is_empty() { String::new() } else { format!(": {}", self.reason) };
        format!("{act}{reason} ({})", self.by)
    }
}

impl Record {
    /// What a report tells of a finding.
    pub fn new(finding: &Finding, secrets: Secrets) -> Record {
        let mut facts: Vec<(String, String)> =
            finding.facts.iter().map(|(label, value)| ((*label).to_owned(), value.clone())).collect();
        facts.sort();
        Record {
            rule: Arc::new(About::new(&finding.rule)),
            fingerprint: finding.fingerprint.as_str().to_owned(),
            value: Value::of(finding, secrets),
            key: finding.key.clone(),
            confidence: rounded(finding.confidence.0),
            evidence: finding.evidence.iter().map(Reason::new).collect(),
            facts,
            vault: finding.vaulted.clone(),
            validity: finding.validity.as_str().to_owned(),
            verification: Verification::new(&finding.validity),
            part_sets: finding.part_sets.clone(),
            places: places(finding).into_iter().map(|occurrence| Place::new(finding, occurrence)).collect(),
            more_places: finding.more_occurrences,
            suppression: finding.suppression.as_ref().map(Excuse::new),
            decision: Ruling::new(&finding.decision),
            tracked: None,
        }
    }

    /// Takes in what the provider says by now.
    pub fn set_validity(&mut self, validity: &Validity) {
        self.validity = validity.as_str().to_owned();
        self.verification = Verification::new(validity);
    }

    /// Takes in what a policy makes of it by now, in place of what one made of it before.
    pub fn rejudge(&mut self, policy: &Policy) {
        if self.suppression.as_ref().is_some_and(|excuse| excuse.kind == "policy") {
            self.suppression = None;
        }
        let decision = self.judge(policy);
        self.decision = Ruling::new(&decision);
        if decision.verdict == Verdict::Allow && decision.by.is_some() && self.suppression.is_none() {
            self.suppression = Some(Excuse::new(&Suppression::Policy { reason: decision.reason }));
        }
    }

    /// What the provider says, in words: `active: account octocat; scopes repo`.
    pub fn validity_words(&self) -> String {
        match self.verification.words() {
            words if words.is_empty() => self.validity.clone(),
            words => format!("{}: {words}", self.validity),
        }
    }

    /// Where the value stands in a vault, in words: `prod: app/db, field password, version 3 (old)`.
    pub fn vault_words(&self) -> Option<String> {
        /// Of a value that stands in very many places the first ones tell enough.
        const MOST: usize = 5;
        let shown: Vec<String> = self.vault.iter().take(MOST).map(VaultPlace::words).collect();
        let more = self.vault.len().saturating_sub(MOST);
        let more = if more == 0 { String::new() } else { format!("; and {more} more") };
        (!shown.is_empty()).then(|| format!("{}{more}", shown.join("; ")))
    }

    /// Whether a rule of the policy says to tell it without counting it.
    pub fn is_warning(&self) -> bool {
        let is_warned = |ruling: &Ruling| ruling.verdict == Verdict::Warn.as_str();
        self.suppression.is_none() && self.decision.as_ref().is_some_and(is_warned)
    }

    /// What a policy looks at.
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            rule: &self.rule.id,
            provider: &self.rule.provider,
            severity: self.rule.severity,
            confidence: Confidence(self.confidence as f32),
            validity: &self.validity,
            key: &self.key,
            is_practice: self.rule.is_practice,
            since: self.first_introduced().map(|introduced| introduced.time),
        }
    }

    /// What a policy makes of it, whatever one made of it before.
    pub fn judge(&self, policy: &Policy) -> Decision {
        let subject = self.subject();
        policy.judge_all(&subject, self.places.iter().map(|place| place.path.as_deref()), self.more_places > 0)
    }

    /// All places, listed or not.
    pub fn count(&self) -> u64 {
        self.places.len() as u64 + self.more_places
    }

    /// The commit that brought it first, as far as places are listed.
    pub fn first_introduced(&self) -> Option<&Introduced> {
        self.places.iter().filter_map(|place| place.introduced.as_ref()).min_by_key(|introduced| introduced.time)
    }

    /// Where it stands, in a few words: `on disk, in HEAD`, `in history only`.
    pub fn standing(&self) -> String {
        let has = |source| self.places.iter().any(|place| place.source == source);
        let in_head = self.places.iter().any(|place| place.in_head == Some(true));
        let gone = self.places.iter().any(|place| place.in_head == Some(false));
        let words = [
            (has(Source::Disk), "on disk"),
            (has(Source::Index), "staged"),
            (in_head, "in HEAD"),
            (has(Source::Message), "in a message"),
            (self.places.iter().any(|place| place.image.is_some()), "in an image"),
            (has(Source::Bucket), "in a bucket"),
            (has(Source::Run), "in a pipeline's run"),
            (has(Source::Input), "in standard input"),
        ];
        let words: Vec<&str> = words.into_iter().filter(|(holds, _)| *holds).map(|(_, word)| word).collect();
        match (words.is_empty(), gone, has(Source::History)) {
            (false, ..) => words.join(", "),
            (true, true, _) => "in history only".to_owned(),
            (true, false, true) => "in history".to_owned(),
            (true, false, false) => "elsewhere".to_owned(),
        }
    }
}

impl About {
    fn new(rule: &Rule) -> About {
        About {
            id: rule.id.clone(),
            name: rule.name.clone(),
            provider: rule.provider.id.clone(),
            provider_name: rule.provider.name.clone(),
            severity: rule.severity,
            help: rule.help.clone(),
            references: rule.references.clone(),
            is_practice: rule.is_practice(),
        }
    }

    /// The rule's advice, or the general one.
    pub fn advice(&self) -> &str {
        if self.help.is_empty() { super::GENERAL_HELP } else { &self.help }
    }
}

impl Value {
    fn of(finding: &Finding, secrets: Secrets) -> Value {
        let clear = (!finding.is_practice()).then(|| finding.secret.clone());
        Value { redacted: finding.shown(), clear, secrets }
    }

    /// A value read back: its redaction, and the value itself where the saved report held it.
    pub(super) fn read(redacted: String, clear: Option<Secret>, secrets: Secrets) -> Value {
        Value { redacted, clear, secrets }
    }

    /// With its middle hidden, whatever the user said.
    pub fn redacted(&self) -> &str {
        &self.redacted
    }

    /// As this report may print it.
    pub fn print(&self) -> Cow<'_, str> {
        match self.shown() {
            Some(secret) => Cow::Owned(String::from_utf8_lossy(secret.expose()).into_owned()),
            None => Cow::Borrowed(&self.redacted),
        }
    }

    /// The value, when the user wants it in clear and it is known.
    pub fn shown(&self) -> Option<&Secret> {
        self.clear.as_ref().filter(|_| self.secrets == Secrets::Shown)
    }

    /// Takes in the value that was found again.
    pub fn learn(&mut self, secret: &Secret) {
        self.clear = Some(secret.clone());
    }

    /// The value, when it is known: only to keep others from printing it.
    pub fn to_mask(&self) -> Option<&Secret> {
        self.clear.as_ref()
    }
}

impl Reason {
    fn new(evidence: &Evidence) -> Reason {
        Reason { reason: Cow::Borrowed(evidence.reason), weight: rounded(evidence.weight) }
    }

    /// The reason in words.
    pub fn words(&self) -> String {
        match &*self.reason {
            "rule" => "the form is known".to_owned(),
            other => other.replace('-', " "),
        }
    }
}

impl Excuse {
    /// What a report says of a suppression.
    pub fn new(suppression: &Suppression) -> Excuse {
        let (kind, reason) = match suppression {
            Suppression::Mark { reason } => ("mark", reason.as_str()),
            Suppression::Allowlist { reason } => ("allowlist", reason.as_str()),
            Suppression::Known { label } => ("known", *label),
            Suppression::Baseline => ("baseline", ""),
            Suppression::Policy { reason } => ("policy", reason.as_str()),
        };
        Excuse { kind: Cow::Borrowed(kind), reason: reason.to_owned() }
    }

    /// In words: `accepted in the baseline`, `allowed: sample of the manual`.
    pub fn words(&self) -> String {
        let why = match &*self.kind {
            "mark" => "marked on its line",
            "allowlist" => "allowed",
            "known" => "a public value",
            "baseline" => "accepted in the baseline",
            "policy" => "the policy allows it",
            other => other,
        };
        if self.reason.is_empty() { why.to_owned() } else { format!("{why}, {}", self.reason) }
    }
}

pub(super) fn excuse(finding: &Finding, occurrence: &Occurrence) -> Option<Excuse> {
    match (&finding.suppression, &occurrence.mark) {
        (Some(suppression), _) => Some(Excuse::new(suppression)),
        (None, Some(reason)) => Some(Excuse { kind: "mark".into(), reason: reason.clone() }),
        (None, None) => None,
    }
}

/// Three decimals: all that a score means, and the same text on every machine.
fn rounded(value: f32) -> f64 {
    (f64::from(value) * 1_000.0).round() / 1_000.0
}
