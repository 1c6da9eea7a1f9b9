//! Who asks, by which door they came in, and whether a request that changes something is meant: other pages that the same
//! browser shows can send requests here, and names can be made to lead here.

use super::sessions::Sessions;
use crate::settings::{PageSettings, Proxy, Role, Token};
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use stopleak_core::Secret;
use stopleak_core::inbound::{Received, is_same};

/// Users of a proxy that are remembered.
const MOST_USERS: usize = 10_000;

/// How one comes in, and from where.
pub struct Doors {
    tokens: Vec<Token>,
    proxy: Option<Proxy>,
    pub sessions: Sessions,
    /// Names and ports, in lower case.
    hosts: Vec<String>,
    tls: bool,
    /// What each of the proxy's users shows with a request that changes something.
    users: Mutex<BTreeMap<String, String>>,
}

/// Somebody who is known.
pub struct Caller {
    pub name: String,
    pub role: Role,
    pub door: Door,
    /// What goes with requests that change something; empty where no browser is at work.
    pub token: String,
}

/// How they came in.
pub enum Door {
    /// By the cookie of this session.
    Session(String),
    /// By a token of their own.
    Bearer,
    /// Through a proxy that knows them.
    Proxy,
}

/// Why somebody is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// They show nothing.
    Nobody,
    /// What they show is nobody's.
    Unknown,
    /// The proxy's word does not count.
    Forbidden,
}

impl Caller {
    pub fn may_triage(&self) -> bool {
        self.role == Role::Triage
    }
}

impl Doors {
    pub fn new(settings: PageSettings) -> Doors {
        let PageSettings { tokens, proxy, hosts, tls, session, .. } = settings;
        Doors { tokens, proxy, sessions: Sessions::new(session, tls), hosts, tls, users: Mutex::default() }
    }

    /// Whoever can reach the address knows it by these names; others are named in the settings.
    pub fn reached_at(mut self, address: SocketAddr) -> Doors {
        let port = address.port();
        if address.ip().is_loopback() {
            self.hosts.push(format!("localhost:{port}"));
            self.hosts.push(format!("127.0.0.1:{port}"));
            self.hosts.push(format!("[::1]:{port}"));
        }
        self.hosts.push(address.to_string());
        self
    }

    /// Whether the request is for a name of ours: a page elsewhere may have made its own name lead here.
    pub fn is_reached(&self, received: &Received) -> bool {
        let mut named = received.headers.iter().filter(|(name, _)| name == "host");
        let (Some((_, host)), None) = (named.next(), named.next()) else { return false };
        self.hosts.contains(&host.trim().to_ascii_lowercase())
    }

    pub fn has_login(&self) -> bool {
        !self.tokens.is_empty()
    }

    /// Who shows this token; every token is looked at, so that time tells nothing.
    pub fn bearer(&self, shown: &[u8]) -> Option<(&str, Role)> {
        let known = self.tokens.iter().fold(None, |found, token| match is_same(&token.token, shown) {
            true => Some(token),
            false => found,
        });
        known.map(|token| (token.name.as_str(), token.role))
    }

    /// Who asks.
    pub fn caller(&self, received: &Received, peer: IpAddr, now: i64) -> Result<Caller, Refusal> {
        if let Some(caller) = self.through_proxy(received, peer)? {
            return Ok(caller);
        }
        let shown = received.header("authorization");
        if !shown.is_empty() && self.has_login() {
            let shown = shown.strip_prefix("Bearer ").unwrap_or(shown).trim();
            let (name, role) = self.bearer(shown.as_bytes()).ok_or(Refusal::Unknown)?;
            return Ok(Caller { name: name.to_owned(), role, door: Door::Bearer, token: String::new() });
        }
        self.sessions.caller(received, now).ok_or(Refusal::Nobody)
    }

    fn through_proxy(&self, received: &Received, peer: IpAddr) -> Result<Option<Caller>, Refusal> {
        let Some(proxy) = self.proxy.as_ref().filter(|proxy| proxy.trusted.contains(&peer.to_canonical())) else {
            return Ok(None);
        };
        let mut named =
            received.headers.iter().filter(|(name, _)| *name == proxy.header).map(|(_, value)| value.trim());
        let name = match (named.next(), named.next()) {
            (None | Some(""), None) => return Ok(None),
            (Some(name), None) if name.len() <= 256 && !name.chars().any(char::is_control) => name,
            // A second one was sent by somebody else.
            _ => return Err(Refusal::Forbidden),
        };
        if let Some((header, secret)) = &proxy.secret
            && !is_same(secret, received.header(header).as_bytes())
        {
            return Err(Refusal::Forbidden);
        }
        let may_triage = proxy.triage.contains(name) || proxy.triage.contains("*");
        let role = if may_triage { Role::Triage } else { Role::Read };
        let token = self.token_of(name).ok_or(Refusal::Forbidden)?;
        Ok(Some(Caller { name: name.to_owned(), role, door: Door::Proxy, token }))
    }

    fn token_of(&self, user: &str) -> Option<String> {
        let mut users = self.users.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(token) = users.get(user) {
            return Some(token.clone());
        }
        if users.len() >= MOST_USERS {
            users.clear();
        }
        let token = super::sessions::random_name()?;
        users.insert(user.to_owned(), token.clone());
        Some(token)
    }

    /// Whether a request that changes something was made by our own page, or by a program with a token of its own.
    pub fn is_meant(&self, received: &Received, caller: &Caller) -> Result<(), &'static str> {
        let kind = received.header("content-type").split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err("the body must be application/json");
        }
        if matches!(caller.door, Door::Bearer) && received.header("origin").is_empty() {
            return Ok(());
        }
        self.is_from_here(received)?;
        let is_page = matches!(caller.door, Door::Session(_) | Door::Proxy);
        let shown = received.header("x-stopleak-token");
        if is_page && !is_same(&Secret::new(caller.token.as_bytes()), shown.as_bytes()) {
            return Err("the page is older than the session: load it again");
        }
        Ok(())
    }

    /// Whether a browser sent it from a page of ours.
    pub fn is_from_here(&self, received: &Received) -> Result<(), &'static str> {
        let origin = received.header("origin").to_ascii_lowercase();
        let is_here = match origin.split_once("://") {
            Some(("https", host)) => self.hosts.iter().any(|known| known == host),
            Some(("http", host)) => !self.tls && self.hosts.iter().any(|known| known == host),
            Some(_) => false,
            None => origin.is_empty() && received.header("sec-fetch-site") == "same-origin",
        };
        is_here.then_some(()).ok_or("the request comes from another page")
    }
}
