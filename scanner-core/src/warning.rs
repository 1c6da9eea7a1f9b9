//! What went wrong without ending the scan: each warning names the act and the object, and whether bytes went unscanned.

use std::fmt;

/// Something the user should know; `unscanned` ones turn a clean result into exit code 2.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Warning {
    /// A stable code, kebab-case: `unreadable-file`, `missing-object`, `limit-matches`.
    pub code: &'static str,
    /// The path, object or rule it is about.
    pub object: String,
    /// What happened, one sentence without a full stop.
    pub message: String,
    /// Whether something that was asked for was not scanned because of it.
    pub unscanned: bool,
}

impl Warning {
    /// A warning about bytes that were asked for and not scanned.
    pub fn unscanned(code: &'static str, object: impl Into<String>, message: impl Into<String>) -> Warning {
        Warning { code, object: object.into(), message: message.into(), unscanned: true }
    }

    /// A warning that leaves the scan complete.
    pub fn note(code: &'static str, object: impl Into<String>, message: impl Into<String>) -> Warning {
        Warning { code, object: object.into(), message: message.into(), unscanned: false }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.object, self.message)
    }
}
