//! One request over HTTP and what its failure means for a change.

use crate::finding::Doubt;
use crate::http::exact;
use crate::http::{Request, TransportError};
use crate::respond::outcome::Trouble;
use crate::verify::request::host_and_port;
use crate::verify::{Reach, Refusal};

/// An answer, read whole.
pub(super) struct Reply {
    pub status: u16,
    pub body: Vec<u8>,
}

/// Sends a request once, when the gate lets it through.
pub(super) fn send(reach: &dyn Reach, request: &Request) -> Result<Reply, Trouble> {
    let exact = exact(&request.url).map_err(|error| Trouble::Refused(error.to_string()))?;
    let (host, port) = host_and_port(&exact.host, exact.url.starts_with("https://"));
    reach.may_ask(&host, port).map_err(not_sent)?;
    let answer = reach.transport().send(request).map_err(|error| match error {
        TransportError::Timeout { .. } | TransportError::Connection { .. } => Trouble::Unanswered(error.to_string()),
        error => Trouble::Unavailable(error.to_string()),
    })?;
    let status = answer.status;
    let body = answer.bytes().map_err(|error| Trouble::Unanswered(format!("{host}: {error}")))?;
    match status {
        429 => {
            reach.hold_back(&host, None);
            Err(Trouble::Unavailable(format!("{host} limits the rate (429)")))
        }
        300..=399 => Err(Trouble::Refused(format!("{host} redirects elsewhere ({status})"))),
        503 => Err(Trouble::Unavailable(format!("{host} is not available (503)"))),
        500..=599 => Err(Trouble::Unanswered(format!("{host} failed ({status})"))),
        _ => Ok(Reply { status, body }),
    }
}

/// What kept a request from leaving.
pub(super) fn not_sent(refusal: Refusal) -> Trouble {
    match refusal.doubt {
        Doubt::Incomplete | Doubt::NotAllowed | Doubt::NoWay => Trouble::Refused(refusal.reason),
        _ => Trouble::Unavailable(refusal.reason),
    }
}
