//! Credentials in settings: never the value, but where it is: `{ env = "NAME" }` or `{ file = "/run/secrets/x" }`.

use crate::failure::{Failure, OrFail, Result};
use serde::Deserialize;
use std::path::PathBuf;
use stopleak_core::Secret;

/// Nobody has longer credentials.
const MAX: usize = 1 << 16;

/// Where a credential is.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Reference {
    /// A variable of the environment.
    Env(String),
    /// A file; a line break at its end does not count.
    File(PathBuf),
}

impl Reference {
    /// The credential itself; `of` says whose it is.
    pub fn read(&self, of: &str) -> Result<Secret> {
        let bytes = match self {
            Reference::Env(name) => std::env::var(name)
                .map(String::into_bytes)
                .map_err(|_| Failure::new(format!("{of} needs the variable {name}, which is not set")))?,
            Reference::File(path) => {
                std::fs::read(path).or_fail(|| format!("cannot read {} for {of}", path.display()))?
            }
        };
        let secret = Secret::new(bytes.trim_ascii_end());
        match secret.expose().len() {
            0 => Err(Failure::new(format!("the credential of {of} is empty"))),
            length if length > MAX => Err(Failure::new(format!("the credential of {of} is too long"))),
            _ => Ok(secret),
        }
    }
}

/// An address that may be written down, or one that is a credential.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
pub enum Address {
    Plain(String),
    Hidden(Reference),
}

impl Address {
    /// The address.
    pub fn read(&self, of: &str) -> Result<Secret> {
        match self {
            Address::Plain(url) => Ok(Secret::new(url.as_bytes())),
            Address::Hidden(reference) => reference.read(of),
        }
    }
}
