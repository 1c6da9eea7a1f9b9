//! Asks the provider whether a secret is alive, and says honestly what came of it.
//!
//! Active needs proof from the answer's content, inactive the provider's own refusal; all else is unknown, with its reason.

mod address;
mod cache;
mod control;
pub(crate) mod exchange;
mod gate;
mod plan;
pub(crate) mod request;
mod run;
mod sets;
mod settings;
pub mod typed;
pub(crate) mod values;
mod verifier;

pub use address::is_public;
pub use cache::Cache;
pub use gate::{Gate, Resolve};
pub use plan::{Planned, hosts_of};
pub use request::Shown;
pub use run::{Counts, check_findings};
pub use settings::Settings;
pub use verifier::Verifier;

use crate::finding::{Doubt, Validity};
use crate::http::{Transport, TransportError};
use crate::rule::Rule;
use crate::secret::Secret;
use std::net::SocketAddr;
use std::time::Duration;

/// What is asked about.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    /// The rule that found it.
    pub rule: &'a Rule,
    /// The value.
    pub secret: &'a Secret,
    /// The values it belongs with, by the part's rule id: one set that goes together.
    pub parts: &'a [(String, Secret)],
}

/// Says whether a secret is alive. The seam between what must know and what asks: tests answer by a table.
pub trait Verify: Sync {
    /// Asks, or answers from what was asked before unless `again`. Never an error: what keeps it from knowing is the answer.
    fn check(&self, subject: &Subject, again: bool) -> Validity;
}

/// Why something is not asked, or got no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// In a word.
    pub doubt: Doubt,
    /// One sentence for people, without any secret.
    pub reason: String,
}

impl Refusal {
    /// A refusal with its reason.
    pub fn new(doubt: Doubt, reason: impl Into<String>) -> Refusal {
        Refusal { doubt, reason: reason.into() }
    }
}

/// Why a request got no answer.
impl From<TransportError> for Refusal {
    fn from(error: TransportError) -> Refusal {
        let doubt = match error {
            TransportError::Timeout { .. } => Doubt::Timeout,
            TransportError::Dns { .. } => Doubt::Dns,
            TransportError::Tls { .. } => Doubt::Tls,
            TransportError::Connection { .. } => Doubt::Connection,
            TransportError::Other(_) => Doubt::Strange,
        };
        Refusal::new(doubt, error.to_string())
    }
}

impl From<Refusal> for Validity {
    fn from(refusal: Refusal) -> Validity {
        Validity::Unknown { doubt: refusal.doubt, reason: refusal.reason }
    }
}

/// How long is waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For a connection to stand.
    pub connect: Duration,
    /// For each answer.
    pub read: Duration,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts { connect: Duration::from_secs(5), read: Duration::from_secs(15) }
    }
}

/// The one gate between a verifier and the network: no connection is opened that it was not asked about.
pub trait Reach: Sync {
    /// Whether one request may go to a host, and the addresses to connect to, already resolved: connect to these, never by
    /// the name. Waits for the host's turn and counts against the run's budget, so it is asked once for each request or
    /// connection. `from_scan` says that the host was read in what was scanned: then the user must have allowed it, and no
    /// address may be private, loopback, link-local or a cloud's metadata service.
    ///
    /// `Doubt::NotAllowed`, `Doubt::Budget`, `Doubt::RateLimited` or `Doubt::Dns` when not. Of a host that is not from the
    /// scan and whose name is not known here there are no addresses: for HTTP a proxy may know it.
    fn may_reach(&self, host: &str, port: u16, from_scan: bool) -> Result<Vec<SocketAddr>, Refusal>;

    /// The same for one HTTP request to a host that is not from the scan: its name is left to the transport, since a proxy
    /// may know what is not known here.
    fn may_ask(&self, host: &str, port: u16) -> Result<(), Refusal> {
        self.may_reach(host, port, false).map(|_| ())
    }

    /// What sends HTTP; set `Request::pinned` to one of the addresses when the host is from the scan.
    fn transport(&self) -> &dyn Transport;

    /// For connections that are no HTTP.
    fn timeouts(&self) -> Timeouts;

    /// The host limits the rate: later calls of `may_reach` wait for so long, or are refused when that is too long.
    fn hold_back(&self, host: &str, wait: Option<Duration>);

    /// What the typed verifiers are told beyond the standard: whom to trust, which servers and keys there are.
    fn setup(&self) -> Option<&typed::Setup> {
        None
    }
}
