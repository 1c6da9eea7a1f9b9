//! Why a forge did not give what was asked for. No message holds an address beyond its host: signed ones are keys.

use crate::http::TransportError;
use crate::time::rfc3339;
use crate::warning::Warning;

/// What kept something from being fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ForgeError {
    /// A target that names nothing; how it is written.
    #[error("it names nothing that can be scanned: {0}")]
    Target(&'static str),
    /// An address of a server that cannot be used.
    #[error("{0}")]
    Server(String),
    /// The network is forbidden.
    #[error("it is remote, and the network is forbidden")]
    Offline,
    /// A project without a run, and no date.
    #[error("it names no run")]
    NoDate,
    /// No answer.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// 404: forges say so where we have no access, too.
    #[error("{host} has no {what}, or does not show it to {who}")]
    Missing {
        /// Host and port.
        host: String,
        /// What was asked for.
        what: String,
        /// `this token`, `somebody without a token`.
        who: &'static str,
    },
    /// 410: it was there once.
    #[error("{what} is gone: {host} keeps it no longer")]
    Gone {
        /// Host and port.
        host: String,
        /// What was asked for.
        what: String,
    },
    /// Any other refusal.
    #[error("{host} answers {status} to {what}{reason}")]
    Refused {
        /// Host and port.
        host: String,
        /// As in 403.
        status: u16,
        /// What was asked for.
        what: String,
        /// What the server says about it, with `: ` before it; may be empty.
        reason: String,
    },
    /// A limit on requests that lasts longer than we may wait.
    #[error("{host} takes no more requests for now; it may go on at {}", rfc3339(*until))]
    Limited {
        /// Host and port.
        host: String,
        /// Seconds since 1970.
        until: i64,
    },
    /// As many requests as may be sent, were sent.
    #[error("{calls} requests were sent to {host}, and no more may be")]
    Budget {
        /// Host and port.
        host: String,
        /// The budget.
        calls: u64,
    },
    /// A key or a number of an application that cannot be used.
    #[error("{0}")]
    App(String),
    /// An answer that breaks off or is not what it should be.
    #[error("cannot read {what}: {reason}")]
    Unreadable {
        /// What was asked for.
        what: String,
        /// In what way.
        reason: String,
    },
}

impl ForgeError {
    /// What to try next, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            ForgeError::NoDate => {
                Some("--since DATE scans the runs since then that failed, `--runs all` the others, too")
            }
            ForgeError::Missing { .. } | ForgeError::Refused { status: 401 | 403, .. } => Some(
                "a token with read access to the project's pipelines goes into GITHUB_TOKEN or GITLAB_TOKEN; check the name, too",
            ),
            ForgeError::Limited { .. } => Some("--max-wait SECONDS waits longer; a token raises the limit"),
            ForgeError::Budget { .. } => {
                Some("--max-calls N sends more; the next listing goes on where this one ended")
            }
            ForgeError::Transport(TransportError::Tls { .. }) => {
                Some("--registry-ca FILE trusts a certificate authority of your own")
            }
            _ => None,
        }
    }

    /// The same as something that stays unscanned.
    pub fn warning(&self, object: &str) -> Warning {
        let code = match self {
            ForgeError::Gone { .. } => "forge-gone",
            ForgeError::Missing { .. } => "forge-missing",
            ForgeError::Limited { .. } | ForgeError::Budget { .. } => "forge-limit",
            ForgeError::Unreadable { .. } => "forge-download",
            _ => "forge-answer",
        };
        Warning::unscanned(code, object, self.to_string())
    }

    /// Whether the rest of what was asked for may still be had, so that this is no reason to give up.
    pub fn is_partial(&self) -> bool {
        matches!(self, ForgeError::Gone { .. } | ForgeError::Limited { .. })
    }

    pub(super) fn unreadable(what: &str, reason: impl ToString) -> ForgeError {
        ForgeError::Unreadable { what: what.to_owned(), reason: reason.to_string() }
    }
}
