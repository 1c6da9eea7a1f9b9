//! `[serve.page]`: the live page of a store of sweeps, and who may look and triage.

use super::credential::{Address, Reference};
use crate::failure::{Failure, Result};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use stopleak_core::Secret;

const OF: &str = "[serve.page]";

/// `[serve.page]`, as written.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct PageWritten {
    /// The store: a file, or a database's address.
    store: Option<Address>,
    /// The file of its key.
    key: Option<PathBuf>,
    /// Names the page is reached by, beside those of the address it listens at.
    hosts: Vec<String>,
    /// Whether browsers reach it by https, through a proxy.
    tls: bool,
    session_minutes: Option<u32>,
    tokens: Vec<TokenWritten>,
    /// The header in which a proxy names its user.
    proxy_header: Option<String>,
    trusted_proxies: Vec<IpAddr>,
    proxy_secret_header: Option<String>,
    proxy_secret: Option<Reference>,
    /// Users of the proxy who may triage; `*` is all.
    proxy_triage: Vec<String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TokenWritten {
    name: String,
    token: Reference,
    #[serde(default)]
    role: Role,
}

/// What somebody may do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Look.
    #[default]
    Read,
    /// Look, and say what becomes of findings.
    Triage,
}

/// The page's settings, checked, with the credentials read.
pub struct PageSettings {
    pub store: Option<Secret>,
    pub key: Option<PathBuf>,
    pub hosts: Vec<String>,
    pub tls: bool,
    pub session: Duration,
    pub tokens: Vec<Token>,
    pub proxy: Option<Proxy>,
}

/// Who shows it is `name`.
pub struct Token {
    pub name: String,
    pub token: Secret,
    pub role: Role,
}

/// A proxy in front that knows who asks.
pub struct Proxy {
    /// In lower case.
    pub header: String,
    pub trusted: Vec<IpAddr>,
    /// A header and what it must hold.
    pub secret: Option<(String, Secret)>,
    pub triage: BTreeSet<String>,
}

impl PageWritten {
    /// Reads the credentials. A page that nobody may look at is an error.
    pub fn checked(&self) -> Result<PageSettings> {
        let tokens = self.tokens.iter().map(TokenWritten::checked).collect::<Result<Vec<Token>>>()?;
        for (index, token) in tokens.iter().enumerate() {
            let is_twin = |other: &Token| other.name == token.name || other.token == token.token;
            if tokens[..index].iter().any(is_twin) {
                return fail(format!("{OF} has two tokens that are or are called the same: `{}`", token.name));
            }
        }
        let proxy = self.proxy()?;
        if tokens.is_empty() && proxy.is_none() {
            return Err(Failure::new(format!("nobody may look at the page of {OF}"))
                .hint("write [[serve.page.tokens]], or `proxy-header` with `trusted-proxies`"));
        }
        Ok(PageSettings {
            store: self.store.as_ref().map(|store| store.read(OF)).transpose()?,
            key: self.key.clone(),
            hosts: self.hosts.iter().map(|host| checked_host(host)).collect::<Result<_>>()?,
            tls: self.tls,
            session: Duration::from_secs(60 * u64::from(self.session_minutes.unwrap_or(480).clamp(1, 43_200))),
            tokens,
            proxy,
        })
    }

    fn proxy(&self) -> Result<Option<Proxy>> {
        let names_more =
            !self.trusted_proxies.is_empty() || self.proxy_secret.is_some() || !self.proxy_triage.is_empty();
        let Some(header) = &self.proxy_header else {
            return match names_more || self.proxy_secret_header.is_some() {
                true => {
                    fail(format!("{OF} says something of a proxy and has no `proxy-header`: which one names the user?"))
                }
                false => Ok(None),
            };
        };
        if self.trusted_proxies.is_empty() {
            return Err(Failure::new(format!(
                "`proxy-header` of {OF} needs `trusted-proxies`: anybody can send a header"
            ))
            .hint("as in trusted-proxies = [\"127.0.0.1\"]"));
        }
        let secret = self.proxy_secret.as_ref().map(|secret| {
            let header = self.proxy_secret_header.as_deref().unwrap_or("X-Proxy-Secret");
            Ok::<_, Failure>((checked_header(header)?, long_enough(secret.read(OF)?, "the `proxy-secret`")?))
        });
        if self.proxy_secret.is_none() && self.proxy_secret_header.is_some() {
            return fail(format!("`proxy-secret-header` of {OF} needs `proxy-secret`"));
        }
        Ok(Some(Proxy {
            header: checked_header(header)?,
            trusted: self.trusted_proxies.iter().map(IpAddr::to_canonical).collect(),
            secret: secret.transpose()?,
            triage: self.proxy_triage.iter().cloned().collect(),
        }))
    }

    /// Its paths, from the folder of the settings.
    pub fn within(mut self, folder: &Path) -> PageWritten {
        self.key = self.key.map(|path| folder.join(path));
        if let Some(Address::Plain(store)) = &mut self.store
            && !store.contains("://")
        {
            *store = folder.join(&*store).display().to_string();
        }
        self
    }
}

impl TokenWritten {
    fn checked(&self) -> Result<Token> {
        let is_name = |name: &str| !name.trim().is_empty() && name.len() <= 100 && !name.chars().any(char::is_control);
        if !is_name(&self.name) {
            return fail(format!("a token of {OF} has no name that can be written down"));
        }
        let token = long_enough(self.token.read(OF)?, &format!("the token `{}`", self.name))?;
        Ok(Token { name: self.name.clone(), token, role: self.role })
    }
}

fn long_enough(secret: Secret, what: &str) -> Result<Secret> {
    match secret.expose().len() {
        16.. => Ok(secret),
        _ => fail(format!("{what} of {OF} can be guessed: 16 characters at least")),
    }
}

fn checked_header(name: &str) -> Result<String> {
    let is_name = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    // What every client sends itself names nobody.
    match is_name && !["host", "cookie", "origin", "authorization"].contains(&name.to_ascii_lowercase().as_str()) {
        true => Ok(name.to_ascii_lowercase()),
        false => fail(format!("`{name}` of {OF} cannot be the header of a proxy")),
    }
}

/// A name, and a port unless it is that of the scheme.
fn checked_host(host: &str) -> Result<String> {
    let is_part = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    match !host.is_empty() && host.bytes().all(is_part) {
        true => Ok(host.to_ascii_lowercase()),
        false => Err(Failure::new(format!("`{host}` in `hosts` of {OF} is no name"))
            .hint("as in leaks.example.com or leaks.example.com:8443")),
    }
}

fn fail<T>(problem: String) -> Result<T> {
    Err(Failure::new(problem))
}
