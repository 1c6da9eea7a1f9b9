//! Rules as data: written in TOML, linted and embedded by `build.rs`, checked once when loaded.

pub mod written;

use std::sync::Arc;
pub use written::{Checksum, Connect, Edge, Severity};

/// The service a secret opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// Kebab-case.
    pub id: String,
    /// As the provider writes it.
    pub name: String,
}

/// One kind of secret, checked.
#[derive(Clone, Debug)]
pub struct Rule {
    /// `provider.kind-of-secret`.
    pub id: String,
    /// One line for people.
    pub name: String,
    /// Whose secret it is.
    pub provider: Arc<Provider>,
    /// How bad a leak would be.
    pub severity: Severity,
    /// What to do about a leak; one or two sentences.
    pub help: String,
    /// Pages that document the format.
    pub references: Vec<String>,
}
