//! What a store of sweeps knows of a finding beside what was found: its state, its days, its owners.

use serde::{Deserialize, Serialize};

/// One secret as it is followed through many repositories.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tracked {
    /// Its id in the store.
    pub finding: String,
    /// What holds of it today, as the store calls it: `open`, `acknowledged`.
    pub state: String,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Until when: from then on it is open again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<String>,
    /// Who said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// When that was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<String>,
    /// When a sweep saw it first.
    pub first_seen: String,
    /// When a sweep saw it last.
    pub last_seen: String,
    /// When it was brought in again after it was ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub returned: Option<String>,
    /// How many repositories hold it.
    pub repositories: u64,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub owners: Vec<String>,
    /// Names what was said last; whoever says something else names it, so that nobody is overruled unseen.
    pub version: String,
}
