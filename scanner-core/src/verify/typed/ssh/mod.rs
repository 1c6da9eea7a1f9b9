//! SSH keys: whether a server lets them in. The conversation is held by the system's `ssh`, whose job it is; it gets the
//! key's signature from an agent of ours, and neither the key nor the user's own configuration and agent.

#[cfg(unix)]
mod agent;
#[cfg(unix)]
mod client;
pub mod key;

use super::line::Place;
use super::{Setup, label};
use crate::finding::{Doubt, Validity};
use crate::secret::Secret;
use crate::verify::{Reach, Refusal};
use key::Key;

/// Rules whose values may open a server.
pub const RULES: [&str; 4] = ["private-key.openssh", "private-key.rsa", "private-key.ec", "private-key.pkcs8"];

/// A server that keys are tried at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Where.
    pub place: Place,
    /// Who one is there; `git` at forges.
    pub user: String,
    /// What the server is known by: `ssh-ed25519 AAAA…`. Another key is another server.
    pub known_by: Vec<String>,
    /// Whether it greets those who ask for nothing, as forges do: then the greeting tells who it is.
    pub greets: bool,
}

/// The public forges, by the host keys they publish:
/// <https://docs.github.com/en/authentication/keeping-your-account-and-data-secure/githubs-ssh-key-fingerprints>,
/// <https://docs.gitlab.com/user/gitlab_com/#ssh-known_hosts-entries>, <https://bitbucket.org/site/ssh>.
const FORGES: [(&str, &str); 3] = [
    ("github.com", "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"),
    ("gitlab.com", "AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf"),
    ("bitbucket.org", "AAAAC3NzaC1lZDI1NTE5AAAAIIazEu89wgQZ4bqs3d63QSMzYVa0MuJ2e2gKTKqu+UUO"),
];

/// The public forges.
pub fn forges() -> Vec<Server> {
    let server = |(host, key): (&str, &str)| Server {
        place: Place { host: host.to_owned(), port: 22, from_scan: false },
        user: "git".to_owned(),
        known_by: vec![format!("ssh-ed25519 {key}")],
        greets: true,
    };
    FORGES.map(server).to_vec()
}

/// The servers that keys are tried at.
pub(super) fn servers(setup: &Setup) -> Vec<Server> {
    if setup.ssh.is_empty() { forges() } else { setup.ssh.clone() }
}

/// What came of a try.
#[derive(Debug)]
#[cfg_attr(not(unix), allow(dead_code))]
enum Tried {
    In {
        greeting: String,
    },
    Out,
    /// Nobody was asked for a key.
    Open,
}

/// Tries a key everywhere. A key that no server takes may still open another: that is never called inactive.
pub(super) fn check(secret: &Secret, reach: &dyn Reach, setup: &Setup) -> Result<Validity, Refusal> {
    let key = read(secret)?;
    let servers = servers(setup);
    let (mut refused, mut failed) = (Vec::new(), None);
    for server in &servers {
        match try_at(&key, server, reach) {
            Ok(Validity::Inactive) => refused.push(server.place.host.as_str()),
            Ok(validity) => return Ok(validity),
            Err(refusal) => failed = Some(refusal),
        }
    }
    match failed {
        Some(refusal) => Err(refusal),
        None => {
            let reason = format!("{} refuse it; it may open another server", refused.join(", "));
            Err(Refusal::new(Doubt::Incomplete, reason))
        }
    }
}

/// Whether one server lets a key in: inactive is what this server refuses.
pub fn ask(secret: &Secret, server: &Server, reach: &dyn Reach) -> Validity {
    read(secret).and_then(|key| try_at(&key, server, reach)).unwrap_or_else(Validity::from)
}

fn read(secret: &Secret) -> Result<Key, Refusal> {
    let unread = || Refusal::new(Doubt::NoWay, "the key is of a kind that is not verified, or not whole");
    Key::read(secret.expose()).ok_or_else(unread)
}

fn try_at(key: &Key, server: &Server, reach: &dyn Reach) -> Result<Validity, Refusal> {
    let host = &server.place.host;
    let gullible = || Refusal::new(Doubt::Gullible, format!("{host} lets in with any key, or with none"));
    let greeting = match attempt(key, server, reach)? {
        Tried::In { greeting } => greeting,
        Tried::Out => return Ok(Validity::Inactive),
        Tried::Open => return Err(gullible()),
    };
    let random = Key::random().ok_or_else(|| Refusal::new(Doubt::Strange, "there is no randomness"))?;
    match attempt(&random, server, reach)? {
        Tried::Out => {}
        Tried::In { .. } | Tried::Open => return Err(gullible()),
    }
    let mut identity = vec![label("server", host), label("user", &server.user)];
    identity.extend(account(&greeting).map(|name| label("account", name)));
    Ok(Validity::Active { identity, scopes: None })
}

/// `Hi NAME!`, `Welcome to GitLab, @NAME!`
fn account(greeting: &str) -> Option<&str> {
    let lines = greeting.lines().filter_map(|line| {
        let rest = line.strip_prefix("Hi ").or(line.strip_prefix("Welcome to GitLab, @"))?;
        rest.split_once('!').map(|(name, _)| name)
    });
    lines.into_iter().next()
}

#[cfg(unix)]
fn attempt(key: &Key, server: &Server, reach: &dyn Reach) -> Result<Tried, Refusal> {
    client::attempt(key, server, reach)
}

#[cfg(not(unix))]
fn attempt(_: &Key, _: &Server, _: &dyn Reach) -> Result<Tried, Refusal> {
    Err(Refusal::new(Doubt::NoWay, "keys are tried on systems with Unix sockets alone"))
}
