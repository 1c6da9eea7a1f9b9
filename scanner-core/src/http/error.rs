//! Why there is no answer. No message holds a path or a query: either may hold a secret.

/// What kept a request from being answered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TransportError {
    /// No answer in time, to the connection or to the request.
    #[error("{host} did not answer in time")]
    Timeout {
        /// Host and port.
        host: String,
    },
    /// The name leads nowhere.
    #[error("the name {host} cannot be resolved")]
    Dns {
        /// Host and port.
        host: String,
    },
    /// Refused, unreachable or broken off.
    #[error("cannot talk to {host}: {reason}")]
    Connection {
        /// Host and port.
        host: String,
        /// The innermost reason.
        reason: String,
    },
    /// No trust: the certificate, its name, its authority or the protocol.
    #[error("no trusted TLS connection to {host}: {reason}")]
    Tls {
        /// Host and port.
        host: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A request or settings that cannot be used, or an answer that is no HTTP.
    #[error("{0}")]
    Other(String),
}

impl TransportError {
    /// Whether the same request may be answered a moment later.
    pub fn is_passing(&self) -> bool {
        matches!(self, TransportError::Timeout { .. } | TransportError::Connection { .. })
    }
}
