//! The way to servers over HTTP, by the system's certificate authorities and one that the user names.

use crate::failure::{OrFail, Result};
use std::path::Path;
use stopleak_core::http::{Http, Settings};

/// What a file of certificate authorities holds.
pub fn authority(file: Option<&Path>) -> Result<Option<Vec<u8>>> {
    let read = |file: &Path| {
        std::fs::read(file).or_fail(|| format!("cannot read the certificate authority {}", file.display()))
    };
    file.map(read).transpose()
}

/// A client that trusts what is in this file, too.
pub fn client(extra_ca: Option<&Path>) -> Result<Http> {
    client_of(Settings { extra_ca: authority(extra_ca)?, ..Settings::default() })
}

/// A client by these settings.
pub fn client_of(settings: Settings) -> Result<Http> {
    Http::new(settings).or_fail(|| "cannot use the network".to_owned())
}
