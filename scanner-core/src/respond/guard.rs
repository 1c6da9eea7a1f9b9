//! What holds a run back: a budget of changes, an allowlist of accounts, a kill switch, and the audit log.

use super::responder::Act;
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;

/// Limits of a run.
#[derive(Clone, Debug)]
pub struct Guard {
    /// Changes the whole run may make, over all its resumptions.
    pub max_changes: u32,
    /// The accounts whose credentials may be touched, as the verifier names them; any when empty.
    pub accounts: Vec<String>,
    /// While this file is there nothing is changed.
    pub kill_switch: Option<PathBuf>,
    /// As if the file were there: the setting.
    pub is_killed: bool,
    /// How long to ask in all whether a secret is dead.
    pub wait: Duration,
    /// How long to wait between telling the users of a secret and ending it.
    pub grace: Duration,
    /// The entry below which keys that seal new values are kept; one that ends with `-` is the beginning of their names.
    pub escrow: String,
    /// Whether the old version is made unreadable in the vault at the end.
    pub retires_versions: bool,
}

impl Default for Guard {
    fn default() -> Guard {
        Guard {
            max_changes: 50,
            accounts: Vec::new(),
            kill_switch: None,
            is_killed: false,
            wait: Duration::from_secs(3 * 60),
            grace: Duration::ZERO,
            escrow: "stopleak/escrow".into(),
            retires_versions: false,
        }
    }
}

impl Guard {
    /// Whether one more change may be made after so many; why not.
    pub fn admits(&self, act: Act, changes: u32) -> Result<(), String> {
        if self.is_killed {
            return Err("the kill switch is on in the settings".into());
        }
        if let Some(file) = self.kill_switch.as_ref().filter(|file| !matches!(file.try_exists(), Ok(false))) {
            return Err(format!("the kill switch is on: {} is there", file.display()));
        }
        // What was begun is put in order even when the budget is spent: a new credential that nobody uses is a leak.
        let puts_in_order = matches!(act, Act::Discard | Act::Restore | Act::Store | Act::Note);
        match changes >= self.max_changes && !puts_in_order {
            true => Err(format!("the budget of {} changes is spent", self.max_changes)),
            false => Ok(()),
        }
    }

    /// Whether credentials of this account may be touched.
    pub fn admits_account(&self, identity: &[(String, String)]) -> bool {
        self.accounts.is_empty()
            || identity.iter().any(|(_, value)| self.accounts.iter().any(|known| known.eq_ignore_ascii_case(value)))
    }
}

/// The audit log as a run needs it: what cannot be recorded is not done.
pub trait Record {
    /// Adds an entry about a subject (a fingerprint) and sees it onto the disk.
    fn record(&self, event: &str, subject: &str, details: Value) -> Result<(), String>;
}
