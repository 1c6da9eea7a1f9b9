//! Why an image, or a part of it, cannot be read.

use crate::http::TransportError;

/// What kept an image from being read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// A name that is none.
    #[error("it is no image reference: {0}")]
    Reference(&'static str),
    /// No answer from a server.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A server that says no.
    #[error("{host} answers {status} to {what}{reason}")]
    Status {
        /// Host and port.
        host: String,
        /// As in 404.
        status: u16,
        /// What was asked for.
        what: String,
        /// What the server says about it, with `: ` before it; may be empty.
        reason: String,
    },
    /// Credentials that are there and cannot be used.
    #[error("{0}")]
    Credentials(String),
    /// A file or folder that cannot be read.
    #[error("cannot read {what}: {error}")]
    Unreadable {
        /// Which part.
        what: String,
        /// The system's reason.
        error: std::io::Error,
    },
    /// Bytes that are not what the format says.
    #[error("{what} is damaged: {reason}")]
    Damaged {
        /// Which part.
        what: String,
        /// In what way.
        reason: String,
    },
    /// A format, or a part of one, that is not read.
    #[error("{0}")]
    Unsupported(String),
    /// None of its images is the one asked for.
    #[error("there is no {wanted} in it; it has {found}")]
    NotFound {
        /// `image tagged v1`, `image for linux/arm64`.
        wanted: String,
        /// What it has.
        found: String,
    },
}

impl ImageError {
    /// What to try next, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            ImageError::Status { status: 401 | 403, .. } => {
                Some("`docker login` stores credentials for the registry; the image may also not be there at all")
            }
            ImageError::Status { status: 404, .. } => Some("check the image's name and tag"),
            ImageError::Status { status: 429, .. } => Some("log in for a higher limit, or wait"),
            ImageError::Transport(TransportError::Tls { .. }) => {
                Some("--registry-ca FILE trusts a certificate authority of your own")
            }
            _ => None,
        }
    }

    pub(super) fn damaged(what: impl Into<String>, reason: impl ToString) -> ImageError {
        ImageError::Damaged { what: what.into(), reason: reason.to_string() }
    }
}
