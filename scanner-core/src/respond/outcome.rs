//! What came of it, and why a single request did not do what it was to.

use crate::vault::VaultError;
use serde::{Deserialize, Serialize};

/// What came of one secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Outcome {
    /// Decided, not done.
    Planned,
    /// The request to end it was sent; nobody answered, and nothing could be read since.
    Requested {
        /// What is known.
        reason: String,
    },
    /// The provider took the request; whether the secret is dead nobody could ask.
    Accepted {
        /// Why not.
        reason: String,
    },
    /// The provider itself refuses the secret now.
    ConfirmedDead,
    /// It still works.
    StillLive {
        /// Why, and since when it is asked.
        reason: String,
    },
    /// Not done, and nothing is left half done.
    Declined {
        /// Why.
        reason: String,
    },
    /// Nobody can tell.
    Unknown {
        /// What is known, and what to look at.
        reason: String,
    },
}

impl Outcome {
    /// The word a report uses.
    pub fn as_str(&self) -> &'static str {
        match self {
            Outcome::Planned => "planned",
            Outcome::Requested { .. } => "requested",
            Outcome::Accepted { .. } => "accepted",
            Outcome::ConfirmedDead => "confirmed-dead",
            Outcome::StillLive { .. } => "still-live",
            Outcome::Declined { .. } => "declined",
            Outcome::Unknown { .. } => "unknown",
        }
    }

    /// Why, where there is a reason.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Outcome::Planned | Outcome::ConfirmedDead => None,
            Outcome::Requested { reason }
            | Outcome::Accepted { reason }
            | Outcome::StillLive { reason }
            | Outcome::Declined { reason }
            | Outcome::Unknown { reason } => Some(reason),
        }
    }

    /// Whether nothing further can come of the run: all others are taken up again by `--resume`.
    pub fn is_final(&self) -> bool {
        matches!(self, Outcome::ConfirmedDead | Outcome::Declined { .. })
    }
}

/// Why a request did not do what it was to. No message holds a secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Trouble {
    /// It is understood and refused; nothing was changed.
    #[error("{0}")]
    Refused(String),
    /// Whoever asks may not do this; somebody else may.
    #[error("{0}")]
    Denied(String),
    /// It cannot be told which credential is meant; nothing was changed.
    #[error("{0}")]
    Ambiguous(String),
    /// Somebody else changed it meanwhile; nothing was changed.
    #[error("{0}")]
    Conflict(String),
    /// Nothing was done, and it may work later: a limit, a sealed vault.
    #[error("{0}")]
    Unavailable(String),
    /// Nobody knows whether it was done.
    #[error("{0}")]
    Unanswered(String),
}

/// What a vault's error means for a change.
impl From<VaultError> for Trouble {
    fn from(error: VaultError) -> Trouble {
        let text = error.to_string();
        match error {
            VaultError::Conflict { .. } => Trouble::Conflict(text),
            VaultError::Denied(_) => Trouble::Denied(text),
            VaultError::Unavailable(_) => Trouble::Unavailable(text),
            VaultError::Unanswered(_) => Trouble::Unanswered(text),
            _ => Trouble::Refused(text),
        }
    }
}

impl Trouble {
    /// Whether the change may have been made.
    pub fn is_open(&self) -> bool {
        matches!(self, Trouble::Unanswered(_))
    }
}
