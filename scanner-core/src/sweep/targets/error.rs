//! Why a target cannot be listed at all.

use crate::forge::ForgeError;
use crate::image::ImageError;

/// What kept a target from being listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TargetError {
    /// A text that names no target; how they are written.
    #[error("{0}")]
    Target(String),
    /// A forge says no, or nothing.
    #[error(transparent)]
    Forge(#[from] ForgeError),
    /// A registry says no, or nothing.
    #[error(transparent)]
    Image(#[from] ImageError),
    /// A file or folder that cannot be read.
    #[error("cannot read {what}: {error}")]
    Unreadable {
        /// Its path.
        what: String,
        /// The system's reason.
        error: std::io::Error,
    },
}

impl TargetError {
    /// What to try next, where there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            TargetError::Forge(ForgeError::Missing { .. } | ForgeError::Refused { status: 401 | 403, .. }) => Some(
                "check the name; a token that may read it goes into GITHUB_TOKEN, GITLAB_TOKEN, GITEA_TOKEN, \
                 BITBUCKET_TOKEN or AZURE_DEVOPS_TOKEN",
            ),
            TargetError::Forge(error) => error.hint(),
            TargetError::Image(error) => error.hint(),
            _ => None,
        }
    }
}
