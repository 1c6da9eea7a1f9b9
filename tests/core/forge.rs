//! Logs and artifacts of pipelines, fetched from servers that speak the forges' documented APIs.

mod github;
mod gitlab;
mod trouble;

use crate::server::{Asked, Reply, Server};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use stopleak_core::forge::{self, Forge, Token, Waits};
use stopleak_core::http::{Http, Settings, Transport};
use stopleak_core::scan::{Forges, History, Outcome, Request, ScanError, Target, scan};
use stopleak_core::{Finding, Secret};

/// What we are known by in these tests.
const WHO: &str = "word-of-a-test";

const WAITS: Waits = Waits { max: Duration::from_secs(5), pause: Duration::from_millis(1) };

fn http() -> Arc<dyn Transport + Send> {
    let read_timeout = Duration::from_secs(5);
    Arc::new(Http::new(Settings { read_timeout, ..Settings::default() }).unwrap())
}

/// Both forges at this host, with a token.
fn forges(host: &str) -> Forges {
    let at = |forge| {
        let mut server = forge::Server::at(forge, &format!("http://{host}")).unwrap();
        server.token = Some(Token::Bearer(Secret::new(WHO.as_bytes())));
        server
    };
    let (github, gitlab) = (at(Forge::Github), at(Forge::Gitlab));
    Forges { transport: Some(http()), github, gitlab, waits: WAITS, ..Forges::default() }
}

fn request(target: &str, forges: Forges) -> Request {
    let target = Target::run(target).expect("the prefix is known");
    Request { forges, threads: 2, ..Request::new(vec![target]) }
}

fn since(target: &str, forges: Forges) -> Request {
    let history = History::Part { range: None, since: Some("2026-01-31".into()) };
    Request { history, ..request(target, forges) }
}

fn fetch(target: &str, server: &Server) -> Result<Outcome, ScanError> {
    scan(&request(target, forges(&server.host)))
}

/// Path within the forge, line, job and step of every place of one secret.
fn places(outcome: &Outcome, secret: &str) -> Vec<(String, u32, Option<String>, Option<String>)> {
    let of = |finding: &&Finding| finding.secret.expose() == secret.as_bytes();
    let places = outcome.findings.iter().filter(of).flat_map(|finding| &finding.occurrences);
    let places = places.map(|place| {
        let path = place.origin.path().unwrap_or_default();
        let path = path.split_once('/').map_or(path, |(_, path)| path).to_owned();
        let name = |name: Option<&Arc<str>>| name.map(|name| name.to_string());
        let log = place.log.as_ref();
        (path, place.position.line, name(log.and_then(|l| l.job.as_ref())), name(log.and_then(|l| l.step.as_ref())))
    });
    places.collect()
}

/// The paths alone.
fn paths(outcome: &Outcome, secret: &str) -> Vec<String> {
    places(outcome, secret).into_iter().map(|(path, ..)| path).collect()
}

fn unscanned(outcome: &Outcome) -> Vec<&'static str> {
    outcome.summary.warnings.iter().filter(|warning| warning.unscanned).map(|warning| warning.code).collect()
}

fn messages(outcome: &Outcome) -> String {
    outcome.summary.warnings.iter().map(|warning| format!("{warning}\n")).collect()
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

/// A log as runners write it, the token on line 3.
fn log(token: &str) -> String {
    format!(
        "2026-02-01T10:00:00.0000000Z ##[group]Run ./test\n\
         2026-02-01T10:00:01.0000000Z \x1b[36;1mAPI_KEY=***\x1b[0m\n\
         2026-02-01T10:00:02.0000000Z using \x1b[31m{token}\x1b[0m now\n"
    )
}

fn is_us(asked: &Asked) -> bool {
    asked.header("authorization") == Some("Bearer word-of-a-test")
}

fn json(text: impl Into<String>) -> Reply {
    Reply::new(200, text.into())
}
