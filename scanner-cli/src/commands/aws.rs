//! Who asks an S3-compatible store, as the environment and the files of AWS's own tools say it.

use crate::failure::{Failure, OrFail, Result};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use stopleak_core::Secret;
use stopleak_core::bucket::{Access, Keys, Profile, profile};

/// The keys, region and store of `AWS_…`, then those of a profile; no keys ask anonymously.
pub fn access() -> Result<Access> {
    let keys = keys()?;
    let named = variable("AWS_PROFILE").or_else(|| variable("AWS_DEFAULT_PROFILE"));
    let of_profile = match (read_profile(named.as_deref().unwrap_or("default")), &keys) {
        (Ok(profile), _) => profile,
        // Keys of the environment need no profile.
        (Err(_), Some(_)) => Profile::default(),
        (Err(failure), None) => return Err(failure),
    };
    let region = variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION"));
    let endpoint = variable("AWS_ENDPOINT_URL_S3").or_else(|| variable("AWS_ENDPOINT_URL"));
    let ignores = variable("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(|word| word.eq_ignore_ascii_case("true"));
    Ok(Access {
        keys: keys.or(of_profile.keys),
        region: region.or(of_profile.region),
        endpoint: endpoint.or(of_profile.endpoint).filter(|_| !ignores),
    })
}

fn keys() -> Result<Option<Keys>> {
    match (variable("AWS_ACCESS_KEY_ID"), variable("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => {
            let token = variable("AWS_SESSION_TOKEN").map(|token| Secret::new(token.as_bytes()));
            Ok(Some(Keys { id, secret: Secret::new(secret.as_bytes()), token }))
        }
        (None, None) => Ok(None),
        _ => Err(Failure::new("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY go together: one of them is missing")),
    }
}

fn read_profile(name: &str) -> Result<Profile> {
    let credentials = read(&file("AWS_SHARED_CREDENTIALS_FILE", "credentials"))?;
    let config = read(&file("AWS_CONFIG_FILE", "config"))?;
    profile(&credentials, &config, name).map_err(|error| {
        Failure::new(format!("cannot ask the store: {error}"))
            .hint("`eval \"$(aws configure export-credentials --format env)\"` puts its keys into the environment")
    })
}

fn file(name: &str, usual: &str) -> PathBuf {
    let home = || std::env::home_dir().unwrap_or_default().join(".aws").join(usual);
    variable(name).map_or_else(home, PathBuf::from)
}

/// A file that is not there says nothing.
fn read(file: &Path) -> Result<String> {
    match std::fs::read_to_string(file) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(String::new()),
        read => read.or_fail(|| format!("cannot read {}", file.display())),
    }
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
