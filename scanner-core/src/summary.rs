//! What a scan did, for the end of every report: counts, and everything the user should know about what was left out.

use crate::warning::Warning;
use std::collections::BTreeMap;
use std::time::Duration;

/// What was done, for the end of every report.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// What was scanned, as it was named.
    pub targets: Vec<String>,
    /// Unique blobs scanned.
    pub blobs: u64,
    /// Their bytes.
    pub bytes: u64,
    /// From start to the last blob.
    pub elapsed: Duration,
    /// Findings reported.
    pub findings: u64,
    /// Findings that block: they decide the exit code.
    pub gated: u64,
    /// Findings that are reported and do not count.
    pub warned: u64,
    /// Findings left out by a mark, an allowlist or a baseline.
    pub suppressed: u64,
    /// Findings below the gate that the report leaves out.
    pub below_gate: u64,
    /// Findings reported that are risky practice, not secrets.
    pub practices: u64,
    /// Secrets of a change that stood there before it; no findings.
    pub known: u64,
    /// Everything to know about the scan, sorted.
    pub warnings: Vec<Warning>,
    /// The repositories that were scanned, as far as they are known.
    pub repositories: Vec<Repository>,
    /// Of a store of sweeps, how many findings were in each state at the end of a day: `2026-11-21`, `open`, 7.
    pub trend: BTreeMap<String, BTreeMap<String, u64>>,
}

/// A repository and the state it was scanned in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Repository {
    /// Where it can be cloned from; reports strip user names and passwords.
    pub url: String,
    /// The commit that HEAD named.
    pub revision: Option<String>,
    /// The branch that HEAD named.
    pub branch: Option<String>,
}

impl Summary {
    /// Whether something that was asked for was not scanned.
    pub fn is_partial(&self) -> bool {
        self.warnings.iter().any(|warning| warning.unscanned)
    }
}

impl Repository {
    /// Its address without the user name or password it may carry; `None` when it has none that others can use.
    pub fn public_url(&self) -> Option<String> {
        without_user(&self.url)
    }
}

fn without_user(url: &str) -> Option<String> {
    let Some((scheme, rest)) = url.split_once("://") else { return from_scp(url) };
    let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host);
    // A query or fragment may carry a token.
    let path = path.split(['?', '#']).next().unwrap_or_default();
    (!host.is_empty()).then(|| format!("{scheme}://{host}{path}"))
}

/// `git@host:path`, as ssh has it.
fn from_scp(url: &str) -> Option<String> {
    let (host, path) = url.split_once('@')?.1.split_once(':')?;
    (!host.is_empty() && !host.contains('/')).then(|| format!("ssh://{host}/{}", path.trim_start_matches('/')))
}

#[cfg(test)]
mod tests {
    use super::without_user;

    #[test]
    fn a_repository_address_loses_its_user() {
        let with_user = |user: &str| format!("https://{user}@host.example/a/b.git");
        let (name, both) = (with_user("user"), with_user("user:password"));
        let table = [
            (name.as_str(), Some("https://host.example/a/b.git")),
            (both.as_str(), Some("https://host.example/a/b.git")),
            ("https://host.example/a?token=x", Some("https://host.example/a")),
            ("ssh://git@host.example:22/a", Some("ssh://host.example:22/a")),
            ("git@host.example:a/b", Some("ssh://host.example/a/b")),
            ("/srv/git/a", None),
        ];
        for (url, expected) in table {
            assert_eq!(without_user(url).as_deref(), expected, "{url}");
        }
    }
}
