//! One leak as a forge reports it.

use crate::secret::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// Who reported it, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Forge {
    /// GitLab's Token Revocation API.
    Gitlab,
    /// GitHub's secret scanning partner program.
    GithubPartner,
    /// A `secret_scanning_alert` of a repository, mostly without the value.
    GithubAlert,
}

impl Forge {
    /// The word messages and the audit log use.
    pub fn as_str(self) -> &'static str {
        match self {
            Forge::Gitlab => "gitlab",
            Forge::GithubPartner => "github-partner",
            Forge::GithubAlert => "github-alert",
        }
    }
}

/// A leak.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    /// Who reported it.
    pub forge: Forge,
    /// When, in seconds since 1970.
    pub received: i64,
    /// What the forge calls this kind of secret.
    pub kind: String,
    /// The value; none where the forge keeps it to itself.
    pub secret: Option<Secret>,
    /// Where it stands: an address, may be empty.
    pub location: String,
    /// What happened to it, where the forge tells: `created`, `resolved`.
    pub action: String,
    /// The alert it is, where it is one.
    pub alert: Option<AlertName>,
}

/// An alert of GitHub's secret scanning, by name; nothing else could be sent to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertName {
    /// `owner/name`.
    pub repository: String,
    /// Counts in the repository.
    pub number: u64,
}

/// What an incident is given to. An error leaves it in the queue.
pub trait Intake: Sync {
    /// Does what is to be done about it.
    fn take(&self, incident: &Incident) -> Result<(), Postponed>;
}

/// Why an incident waits; no secret in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Postponed(pub String);

/// Text that is wiped when it is dropped.
pub(super) struct Wiped(pub Zeroizing<String>);

impl<'de> Deserialize<'de> for Wiped {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Wiped, D::Error> {
        String::deserialize(from).map(|text| Wiped(Zeroizing::new(text)))
    }
}

impl Serialize for Wiped {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

/// As it is sealed: only this text holds the value, and it is wiped.
#[derive(Serialize, Deserialize)]
struct Written {
    forge: Forge,
    received: i64,
    kind: String,
    secret: Option<Wiped>,
    location: String,
    action: String,
    #[serde(default)]
    alert: Option<AlertName>,
}

impl Incident {
    pub(super) fn to_json(&self) -> Zeroizing<Vec<u8>> {
        let secret = self.secret.as_ref().map(|secret| Wiped(Zeroizing::new(STANDARD.encode(secret.expose()))));
        let Incident { forge, received, .. } = *self;
        let (kind, location, action) = (self.kind.clone(), self.location.clone(), self.action.clone());
        let named = self.alert.as_ref().map_or(0, |alert| alert.repository.len());
        let written = Written { forge, received, kind, secret, location, action, alert: self.alert.clone() };
        // The buffer does not grow while it holds the value: a grown one leaves its old bytes behind.
        let room =
            512 + written.secret.as_ref().map_or(0, |text| text.0.len()) + 6 * (self.kind.len() + self.location.len());
        let mut bytes = Zeroizing::new(Vec::with_capacity(room + 6 * (self.action.len() + named)));
        serde_json::to_writer(&mut *bytes, &written).expect("texts and numbers are always JSON");
        bytes
    }

    pub(super) fn from_json(bytes: &[u8]) -> Option<Incident> {
        let Written { forge, received, kind, secret, location, action, alert } = serde_json::from_slice(bytes).ok()?;
        let secret = match secret {
            Some(text) => Some(Secret::new(&Zeroizing::new(STANDARD.decode(text.0.as_bytes()).ok()?))),
            None => None,
        };
        Some(Incident { forge, received, kind, secret, location, action, alert })
    }

    /// What makes it the same incident when it is reported again.
    pub(super) fn fields(&self) -> [&[u8]; 5] {
        let value = self.secret.as_ref().map_or(&b""[..], |secret| secret.expose());
        [self.forge.as_str().as_bytes(), self.kind.as_bytes(), value, self.location.as_bytes(), self.action.as_bytes()]
    }
}
