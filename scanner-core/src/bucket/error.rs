//! Why a bucket, or an object of it, cannot be read. No message holds what a server wrote but for its error's code: some
//! repeat the request's signature.

use crate::http::TransportError;

/// What kept a bucket or an object from being read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BucketError {
    /// A name that is none.
    #[error("it is no bucket: {0}")]
    Address(&'static str),
    /// A store's address that cannot be used.
    #[error("the endpoint cannot be used: {0}")]
    Endpoint(&'static str),
    /// A region that is none.
    #[error("`{0}` is no region")]
    Region(String),
    /// A request that cannot be written.
    #[error("it cannot be asked for: {0}")]
    Unaskable(&'static str),
    /// No answer from a server.
    #[error(transparent)]
    Transport(#[from] TransportError),
    /// A server that says no.
    #[error("{host} answers {status}{} to {what}{}", with_space(.code), explained(.code, *.anonymous))]
    Refused {
        /// Host and port.
        host: String,
        /// As in 404.
        status: u16,
        /// The error's code, as in `AccessDenied`; may be empty.
        code: String,
        /// What was asked for.
        what: &'static str,
        /// Whether it was asked without credentials.
        anonymous: bool,
    },
    /// An answer that is not what it should be.
    #[error("the answer of {host} cannot be used: {reason}")]
    Damaged {
        /// Host and port.
        host: String,
        /// In what way.
        reason: String,
    },
    /// An answer that broke off.
    #[error("the answer of {host} cannot be read: {error}")]
    Unreadable {
        /// Host and port.
        host: String,
        /// The reason.
        error: std::io::Error,
    },
    /// The network is forbidden.
    #[error("it is remote, and the network is forbidden")]
    Offline,
}

fn with_space(code: &str) -> String {
    if code.is_empty() { String::new() } else { format!(" {code}") }
}

fn explained(code: &str, anonymous: bool) -> &'static str {
    match code {
        "AccessDenied" | "Forbidden" | "" if anonymous => " (asked without credentials)",
        "InvalidObjectState" => " (it is archived and must be restored first)",
        "NoSuchKey" | "NoSuchVersion" => " (it is gone since it was listed)",
        "PreconditionFailed" => " (it was changed while it was read)",
        "RequestTimeTooSkewed" => " (this machine's clock is wrong)",
        _ => "",
    }
}

impl BucketError {
    /// What to try next, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            BucketError::Refused { status: 401 | 403, anonymous: true, .. } => {
                Some("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, say who asks")
            }
            BucketError::Refused { status: 401 | 403, .. } => {
                Some("the keys need s3:ListBucket on the bucket and s3:GetObject on its objects")
            }
            BucketError::Refused { status: 404, .. } => {
                Some("check the bucket's name; AWS_ENDPOINT_URL names a store that is not AWS")
            }
            BucketError::Endpoint(_) => Some("AWS_ENDPOINT_URL is like https://s3.example:9000"),
            BucketError::Region(_) => Some("AWS_REGION is like eu-central-1"),
            _ => None,
        }
    }

    /// The code of the warning about an object.
    pub fn warning_code(&self) -> &'static str {
        match self {
            BucketError::Refused { code, .. } if code == "InvalidObjectState" => "bucket-archived",
            BucketError::Refused { code, .. } if matches!(&**code, "PreconditionFailed" | "NoSuchKey") => {
                "bucket-changed"
            }
            BucketError::Refused { status: 404 | 412, .. } => "bucket-changed",
            BucketError::Refused { status: 401 | 403, .. } => "bucket-denied",
            _ => "unreadable-object",
        }
    }
}
