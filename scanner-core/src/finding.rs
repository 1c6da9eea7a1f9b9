//! What the scan reports: one secret, the reasons for the score, and every place it was seen.

use crate::blob::Origin;
pub use crate::decode::log::LogPlace;
use crate::rule::Rule;
use crate::search::Allowed;
use crate::secret::{Fingerprint, Secret};
use std::borrow::Cow;
use std::sync::Arc;

pub use crate::score::Fact;

pub use crate::evidence::{Confidence, Evidence};

/// What the provider says of a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Validity {
    /// Nobody asked.
    #[default]
    Unchecked,
    /// It works: the provider's answer held proof.
    Active {
        /// Who and what it opens, by label: `("account", "123456789012")`.
        identity: Vec<(String, String)>,
        /// What it may do, as the provider lists it.
        scopes: Option<String>,
    },
    /// The provider itself refuses it.
    Inactive,
    /// Nobody can tell.
    Unknown {
        /// Why not.
        doubt: Doubt,
        /// One sentence for people, without any secret.
        reason: String,
    },
}

impl Validity {
    /// The word a report uses.
    pub fn as_str(&self) -> &'static str {
        match self {
            Validity::Unchecked => "unchecked",
            Validity::Active { .. } => "active",
            Validity::Inactive => "inactive",
            Validity::Unknown { .. } => "unknown",
        }
    }

    /// Nobody can tell, for this reason.
    pub fn unknown(doubt: Doubt, reason: impl Into<String>) -> Validity {
        Validity::Unknown { doubt, reason: reason.into() }
    }
}

/// Why nobody can tell whether a secret is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Doubt {
    /// No rule says how to ask.
    NoWay,
    /// The values it belongs with (a key's id, a host) are not known.
    Incomplete,
    /// It may not be asked: offline, a host that is not allowed, a filter.
    NotAllowed,
    /// The run's budget of requests or of time is spent.
    Budget,
    /// No answer in time.
    Timeout,
    /// The host's name leads nowhere.
    Dns,
    /// No trusted TLS.
    Tls,
    /// Refused, unreachable or broken off.
    Connection,
    /// The provider limits the rate (429), beyond what may be waited for.
    RateLimited,
    /// The provider failed (5xx).
    Provider,
    /// An answer that the rule does not know: a redirect, a proxy's page, other content.
    Strange,
    /// The provider calls a random value active, too.
    Gullible,
}

impl Doubt {
    /// Every doubt, in order.
    pub const ALL: [Doubt; 12] = [
        Doubt::NoWay,
        Doubt::Incomplete,
        Doubt::NotAllowed,
        Doubt::Budget,
        Doubt::Timeout,
        Doubt::Dns,
        Doubt::Tls,
        Doubt::Connection,
        Doubt::RateLimited,
        Doubt::Provider,
        Doubt::Strange,
        Doubt::Gullible,
    ];

    /// Whether the question was to be asked and no answer came that says anything: the network's doing, the provider's, a
    /// proxy's page. Another day it may be answered.
    pub fn is_trouble(self) -> bool {
        !matches!(self, Doubt::NoWay | Doubt::Incomplete | Doubt::NotAllowed | Doubt::Gullible)
    }

    /// The doubt of this word.
    pub fn named(word: &str) -> Option<Doubt> {
        Doubt::ALL.into_iter().find(|doubt| doubt.as_str() == word)
    }

    /// The word a report uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Doubt::NoWay => "no-way",
            Doubt::Incomplete => "incomplete",
            Doubt::NotAllowed => "not-allowed",
            Doubt::Budget => "budget",
            Doubt::Timeout => "timeout",
            Doubt::Dns => "dns",
            Doubt::Tls => "tls",
            Doubt::Connection => "connection",
            Doubt::RateLimited => "rate-limited",
            Doubt::Provider => "provider",
            Doubt::Strange => "strange",
            Doubt::Gullible => "gullible",
        }
    }
}

/// A stretch of text: lines and columns count from 1, columns in characters; the end column is exclusive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position {
    /// Line of the first character.
    pub line: u32,
    /// Column of the first character.
    pub column: u32,
    /// Line of the last character.
    pub end_line: u32,
    /// Column after the last character.
    pub end_column: u32,
}

/// One place a secret was seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Occurrence {
    /// Where the bytes came from.
    pub origin: Origin,
    /// Where in them.
    pub position: Position,
    /// The encodings peeled to see it, outermost first: `["utf-16le"]`; of an archive that was encoded its kind, and the
    /// path inside: `["base64", "zip", "b.jar!c.properties"]`. Empty for plain text.
    pub trail: Vec<Cow<'static, str>>,
    /// Places of the secret's other parts (a key's id) in the same text, with the part's rule id.
    pub parts: Vec<(String, Position)>,
    /// The job and step that printed it, when it stands in a log that tells.
    pub log: Option<LogPlace>,
    /// The reason given by an inline mark on its line (may be empty); such an occurrence is suppressed.
    pub mark: Option<String>,
    /// Why an `[[allow]]` entry of a rule file covers it; such an occurrence is suppressed.
    pub allowed: Option<Allowed>,
    /// Whether it still stands in `HEAD`, of a push in one of its tips, in this or a later version of the file; `None` when
    /// that is not known.
    pub in_head: Option<bool>,
}

/// The values that a secret was seen with: sets that go together, sorted, and few of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PartSets {
    sets: Vec<PartSet>,
    /// Whether there were more than are kept.
    pub is_cut: bool,
}

/// One set of values that go together, by the part's rule id.
pub type PartSet = Vec<(String, Secret)>;

impl PartSets {
    /// Sets that are kept of one secret.
    pub const MOST: usize = 8;

    /// No set.
    pub const fn new() -> PartSets {
        PartSets { sets: Vec::new(), is_cut: false }
    }

    /// Adds a set; of too many those that sort first stay, whatever came first.
    pub fn add(&mut self, set: PartSet) {
        let key = |set: &PartSet| -> Vec<(String, Vec<u8>)> {
            set.iter().map(|(rule, value)| (rule.clone(), value.expose().to_vec())).collect()
        };
        let new = key(&set);
        if let Err(at) = self.sets.binary_search_by_key(&new, key) {
            self.sets.insert(at, set);
        }
        self.is_cut |= self.sets.len() > PartSets::MOST;
        self.sets.truncate(PartSets::MOST);
    }

    /// Takes in the sets of the same secret seen elsewhere.
    pub fn absorb(&mut self, other: PartSets) {
        other.sets.into_iter().for_each(|set| self.add(set));
        self.is_cut |= other.is_cut;
    }

    /// The sets.
    pub fn sets(&self) -> &[PartSet] {
        &self.sets
    }

    /// Whether it was seen with nothing.
    pub fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }
}

/// Why a finding is not held against the target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Suppression {
    /// Every occurrence carries an inline mark.
    Mark { reason: String },
    /// An allowlist entry of `stopleak.toml` or of a rule file.
    Allowlist { reason: String },
    /// Anyone may know the value: a sample, an emulator's key, a default password.
    Known { label: &'static str },
    /// Accepted in a baseline.
    Baseline,
    /// A rule of the policy allows it.
    Policy { reason: String },
}

/// What becomes of a finding; the later, the stricter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It does not count.
    Allow,
    /// It is reported and does not count.
    Warn,
    /// It counts: a hook stops the change, a scan exits with 1.
    #[default]
    Block,
}

impl Verdict {
    /// The word a report uses.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Allow => "allow",
            Verdict::Warn => "warn",
            Verdict::Block => "block",
        }
    }
}

/// A verdict and what brought it about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// What becomes of the finding.
    pub verdict: Verdict,
    /// The rule of the policy that decided, `stopleak.toml:12`; `None` for the gate.
    pub by: Option<String>,
    /// The rule's reason; may be empty.
    pub reason: String,
}

/// One secret, judged, with every place it was seen.
#[derive(Clone, Debug)]
pub struct Finding {
    /// Names the secret without its place.
    pub fingerprint: Fingerprint,
    /// The rule that found it, with its provider.
    pub rule: Arc<Rule>,
    /// The value.
    pub secret: Secret,
    /// The name the value was assigned to, empty when it had none.
    pub key: String,
    /// The highest confidence over its occurrences.
    pub confidence: Confidence,
    /// Why: the reasons of the most confident occurrence.
    pub evidence: Vec<Evidence>,
    /// What the value says about itself: the account of an AWS key id, a JWT's issuer and expiry.
    pub facts: Vec<Fact>,
    /// What the provider says.
    pub validity: Validity,
    /// The values it was seen with, by the part's rule id: one set for each different company, sorted.
    pub part_sets: PartSets,
    /// Every place it was seen, sorted; never empty.
    pub occurrences: Vec<Occurrence>,
    /// Why it is not held against the target; `None` for a finding that counts.
    pub suppression: Option<Suppression>,
    /// What becomes of it.
    pub decision: Decision,
    /// Occurrences beyond the limit kept per finding; counted, not listed.
    pub more_occurrences: u64,
    /// Where the value stands in a vault, sorted; empty without an index.
    pub vaulted: Vec<crate::vaulted::Place>,
}

impl Finding {
    /// Whether it is risky practice: no secret stands there, `key` is the name or reference at risk and `secret` holds
    /// what is done with it.
    pub fn is_practice(&self) -> bool {
        self.rule.is_practice()
    }

    /// Whether it counts: nothing suppresses it and the policy blocks it.
    pub fn is_blocking(&self) -> bool {
        self.suppression.is_none() && self.decision.verdict == Verdict::Block
    }

    /// Whether it is shown and does not count.
    pub fn is_warning(&self) -> bool {
        self.suppression.is_none() && self.decision.verdict == Verdict::Warn
    }

    /// What a report shows of it: the value with its middle hidden, or the name at risk.
    pub fn shown(&self) -> String {
        if self.is_practice() { self.key.clone() } else { self.secret.redacted() }
    }
}
