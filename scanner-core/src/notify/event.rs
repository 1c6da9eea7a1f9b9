//! What a notification tells.

use crate::finding::{Finding, Validity};
use crate::rule::Severity;
use crate::time::rfc3339;
use serde_json::{Value, json};

/// A notification lists at most so many places.
const MOST: usize = 10;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A secret was found that was not known before.
    NewFinding,
    /// A secret works, and was not known to.
    NewlyActive,
    /// A secret was revoked, and is proved dead.
    Revoked,
    /// A secret was replaced, and the old one is proved dead.
    Rotated,
    /// A secret was to be revoked, and still works.
    StillLive,
    /// Something that was to be done failed.
    Failed,
    /// A secret was not dealt with in the time that is given for it.
    Overdue,
    /// A secret that was revoked or rotated was brought in again.
    Returned,
    /// A sweep left something unscanned.
    SweepFailed,
    /// Nothing: whether notifications arrive.
    Test,
}

impl Kind {
    /// All that happen by themselves.
    pub const ALL: [Kind; 9] = [
        Kind::NewFinding,
        Kind::NewlyActive,
        Kind::Revoked,
        Kind::Rotated,
        Kind::StillLive,
        Kind::Failed,
        Kind::Overdue,
        Kind::Returned,
        Kind::SweepFailed,
    ];

    /// The word settings and messages use.
    pub fn as_str(self) -> &'static str {
        match self {
            Kind::NewFinding => "new-finding",
            Kind::NewlyActive => "newly-active",
            Kind::Revoked => "revoked",
            Kind::Rotated => "rotated",
            Kind::StillLive => "still-live",
            Kind::Failed => "failed",
            Kind::Overdue => "overdue",
            Kind::Returned => "returned",
            Kind::SweepFailed => "sweep-failed",
            Kind::Test => "test",
        }
    }

    /// The kind of a word.
    pub fn parse(word: &str) -> Option<Kind> {
        Kind::ALL.into_iter().find(|kind| kind.as_str() == word)
    }

    /// Whether nothing is left to do.
    pub fn is_end(self) -> bool {
        matches!(self, Kind::Revoked | Kind::Rotated)
    }

    fn sentence(self) -> &'static str {
        match self {
            Kind::NewFinding => "A secret leaked",
            Kind::NewlyActive => "A leaked secret works",
            Kind::Revoked => "A leaked secret was revoked",
            Kind::Rotated => "A leaked secret was rotated",
            Kind::StillLive => "A secret that was revoked still works",
            Kind::Failed => "A response to a leak failed",
            Kind::Overdue => "A leaked secret is overdue",
            Kind::Returned => "A secret that was ended came back",
            Kind::SweepFailed => "A sweep left something unscanned",
            Kind::Test => "A test: no secret leaked",
        }
    }
}

/// Something to tell. Made from a finding, it holds the value nowhere, even where a path does.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// What happened.
    pub kind: Kind,
    /// When, in seconds since 1970.
    pub time: i64,
    /// Names the secret: what is told of one secret has one key.
    pub fingerprint: String,
    /// Tells what happens to a secret more than once apart; empty the first time.
    pub occasion: String,
    /// The rule's id.
    pub rule: String,
    /// What it is, in words.
    pub name: String,
    /// Whose secret it is.
    pub provider: String,
    /// How bad it is.
    pub severity: Severity,
    /// The value with its middle hidden.
    pub redacted: String,
    /// What the provider says.
    pub validity: String,
    /// Where it stands.
    pub places: Vec<String>,
    /// Where to read on.
    pub links: Vec<String>,
    /// Anything more, one sentence.
    pub note: String,
    /// What a log wants to know besides.
    pub trace: Trace,
}

/// Where an event comes from, as logs join it with others; empty where it is not known.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trace {
    /// The run of the program, or of the response.
    pub run: String,
    /// Who ran it.
    pub actor: String,
    /// The secret's tag in the audit log.
    pub subject: String,
    /// What came of it, one word.
    pub outcome: String,
}

impl Event {
    /// What there is to tell of a finding.
    pub fn new(kind: Kind, finding: &Finding, time: i64) -> Event {
        let place = |place: &crate::finding::Occurrence| {
            let name = place.origin.path().map_or_else(|| place.origin.to_string(), str::to_owned);
            format!("{name}:{}", place.position.line)
        };
        let validity = match &finding.validity {
            Validity::Active { identity, .. } if !identity.is_empty() => {
                let identity: Vec<String> = identity.iter().map(|(label, value)| format!("{label} {value}")).collect();
                format!("active ({})", identity.join(", "))
            }
            other => other.as_str().to_owned(),
        };
        let event = Event {
            kind,
            time,
            fingerprint: finding.fingerprint.to_string(),
            occasion: String::new(),
            rule: finding.rule.id.to_string(),
            name: finding.rule.name.to_string(),
            provider: finding.rule.provider.name.to_string(),
            severity: finding.rule.severity,
            redacted: finding.shown(),
            validity,
            places: finding.occurrences.iter().take(MOST).map(place).collect(),
            links: finding.rule.references.iter().map(ToString::to_string).take(3).collect(),
            note: String::new(),
            trace: Trace::default(),
        };
        match finding.is_practice() {
            true => event,
            false => event.without(&String::from_utf8_lossy(finding.secret.expose())),
        }
    }

    /// An event about nothing.
    pub fn test(time: i64) -> Event {
        let text = |text: &str| text.to_owned();
        Event {
            kind: Kind::Test,
            time,
            fingerprint: text("test"),
            occasion: String::new(),
            rule: text("stopleak.test"),
            name: text("Test"),
            provider: text("stopleak"),
            severity: Severity::Low,
            redacted: text("…"),
            validity: text("unchecked"),
            places: Vec::new(),
            links: Vec::new(),
            note: text("sent by `stopleak notify test`"),
            trace: Trace::default(),
        }
    }

    /// Adds a sentence, without the value it may quote.
    pub fn note(mut self, note: &str, finding: &Finding) -> Event {
        self.note = note.to_owned();
        self.without(&String::from_utf8_lossy(finding.secret.expose()))
    }

    /// Says where it comes from.
    pub fn traced(self, trace: Trace) -> Event {
        Event { trace, ..self }
    }

    /// The same without this value, wherever it is quoted.
    pub fn without(mut self, value: &str) -> Event {
        if value.is_empty() {
            return self;
        }
        let texts = [&mut self.validity, &mut self.note].into_iter().chain(&mut self.places).chain(&mut self.links);
        texts.for_each(|text| {
            if text.contains(value) {
                *text = text.replace(value, "…");
            }
        });
        self
    }

    /// What a receiver tells apart: the same event twice has the same id.
    pub fn id(&self) -> String {
        let occasion = if self.occasion.is_empty() { String::new() } else { format!("-{}", self.occasion) };
        format!("{}-{}{occasion}", self.kind.as_str(), self.fingerprint.replace(':', "-"))
    }

    /// One line for people.
    pub fn title(&self) -> String {
        match self.kind {
            Kind::Test => self.kind.sentence().to_owned(),
            _ => format!("{}: {} ({}, {})", self.kind.sentence(), self.name, self.rule, self.severity.as_str()),
        }
    }

    /// What follows the title, a line each.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = vec![format!("{} {} of {}", self.redacted, self.fingerprint, self.provider)];
        lines.push(format!("validity: {}", self.validity));
        lines.extend(self.places.iter().map(|place| format!("at {place}")));
        lines.extend((!self.note.is_empty()).then(|| self.note.clone()));
        lines.extend(self.links.iter().cloned());
        lines
    }

    /// All of it, as webhooks and logs carry it.
    pub fn json(&self) -> Value {
        json!({
            "type": self.kind.as_str(), "id": self.id(), "time": rfc3339(self.time), "fingerprint": self.fingerprint,
            "rule": self.rule, "name": self.name, "provider": self.provider, "severity": self.severity.as_str(),
            "secret": self.redacted, "validity": self.validity, "places": self.places, "links": self.links,
            "note": self.note, "run": self.trace.run, "actor": self.trace.actor, "subject": self.trace.subject,
            "outcome": self.trace.outcome,
        })
    }
}
