//! What a sweep's targets hold, listed from servers that speak the forges' documented APIs within their limits.

mod app;
mod clone;
mod github;
mod gitlab;
mod hub;
mod local;
mod others;
mod registry;
mod texts;

use crate::server::Reply;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;
use stopleak_core::forge::{Forge, Server, Token, Waits};
use stopleak_core::http::{Http, Settings as Network};
use stopleak_core::sweep::targets::{Access, Filter, Listing, Settings, State, TargetError, Wants, gather, parse};
use stopleak_core::{Secret, Warning};

/// What we are known by in these tests.
const WHO: &str = "word-of-a-test";

const WAITS: Waits = Waits { max: Duration::from_secs(5), pause: Duration::from_millis(1) };

fn network() -> Http {
    Http::new(Network { read_timeout: Duration::from_secs(5), ..Network::default() }).unwrap()
}

fn bearer() -> Option<Token> {
    Some(Token::Bearer(Secret::new(WHO.as_bytes())))
}

/// A forge at a host on loopback, with a token.
fn at(forge: Forge, host: &str) -> Server {
    let mut server = Server::at(forge, &format!("http://{host}")).unwrap();
    server.token = bearer();
    server
}

fn settings(server: Server) -> Settings {
    Settings { servers: vec![server], waits: WAITS, ..Settings::default() }
}

fn everything(server: Server) -> Settings {
    Settings { wants: Wants { wikis: true, gists: true, issues: true }, ..settings(server) }
}

fn list(target: &str, settings: Settings, state: Option<&State>) -> Result<Listing, TargetError> {
    let network = network();
    let access = Access::new(Some(&network), settings);
    let lister = access.lister(&parse(target)?)?;
    gather(&*lister, state, &Filter::default())
}

fn keys(listing: &Listing) -> Vec<&str> {
    listing.repos.iter().map(|repo| repo.key.as_str()).collect()
}

fn unscanned(listing: &Listing) -> Vec<(&str, String)> {
    let of = |warning: &Warning| (warning.code, warning.to_string());
    listing.warnings.iter().filter(|warning| warning.unscanned).map(of).collect()
}

/// An answer that is not sent again to whom has it.
fn marked(body: String, known: Option<&str>) -> Reply {
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    let mark = format!("W/\"{:x}\"", hasher.finish());
    let reply = if known == Some(&mark) { Reply::new(304, "") } else { Reply::new(200, body) };
    reply.header("ETag", mark).header("Content-Type", "application/json; charset=utf-8")
}

/// A state as it is kept.
fn kept(state: &State) -> State {
    serde_json::from_str(&serde_json::to_string(state).unwrap()).unwrap()
}

/// The values of a query by their names.
fn query(path: &str) -> Vec<(String, String)> {
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let pair = |pair: &str| pair.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    query.split('&').filter_map(pair).collect()
}

fn number(query: &[(String, String)], name: &str, default: usize) -> usize {
    query.iter().find(|(known, _)| known == name).and_then(|(_, value)| value.parse().ok()).unwrap_or(default)
}

type Told = Arc<std::sync::Mutex<Vec<(String, Duration)>>>;
