//! Real connections: every kind of trouble on loopback, told apart.

use super::fake::{github, settings};
use crate::http::tls;
use crate::server::{Asked, Reply, Server};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;
use stopleak_core::http::{Http, Settings as HttpSettings};
use stopleak_core::verify::{Gate, Settings, Verifier};
use stopleak_core::{RuleSet, Validity};

const USER: &str = r#"{"login":"octocat","type":"User"}"#;

fn ask_with(endpoint: &str, extra_ca: Option<Vec<u8>>) -> Validity {
    let (connect_timeout, read_timeout) = (Duration::from_millis(800), Duration::from_millis(400));
    let http = Http::new(HttpSettings { extra_ca, connect_timeout, read_timeout }).unwrap();
    let mut allowed: Settings = settings();
    allowed.add_endpoint("github", endpoint).unwrap();
    Verifier::new(RuleSet::embedded(), Gate::new(Arc::new(http), allowed), None).check_finding(&github(), false)
}

fn ask(endpoint: &str) -> Validity {
    ask_with(endpoint, None)
}

/// Knows one token and refuses all others, as a provider does.
fn provider(asked: &Asked) -> Reply {
    let own = format!("Bearer {}", String::from_utf8_lossy(github().secret.expose()));
    match asked.header("authorization") == Some(&own) {
        true => Reply::new(200, USER).header("X-OAuth-Scopes", "repo, read:org"),
        false => Reply::new(401, r#"{"message":"Bad credentials"}"#),
    }
}

fn told(validity: &Validity) -> String {
    match validity {
        Validity::Unknown { doubt, .. } => doubt.as_str().to_owned(),
        other => other.as_str().to_owned(),
    }
}

#[test]
fn every_kind_of_answer_is_told_apart_over_real_connections() {
    let secret = String::from_utf8(github().secret.expose().to_vec()).unwrap();
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let other = Server::start(|_| Reply::new(200, USER));
    let elsewhere = format!("http://{}/user", other.host);
    let serving = |reply: Reply| Server::start(move |_| reply.clone());
    let live = Server::start(provider);
    let servers = [
        ("inactive", serving(Reply::new(401, r#"{"message":"Bad credentials"}"#))),
        ("rate-limited", serving(Reply::new(429, "").header("Retry-After", "60"))),
        ("provider", serving(Reply::new(503, "down"))),
        ("strange", serving(Reply::new(302, "").header("Location", elsewhere))),
        ("strange", serving(Reply::new(200, ""))),
        ("strange", serving(Reply::new(200, "<html>sign in</html>"))),
        ("strange", serving(Reply::new(200, vec![b' '; 2 << 20]))),
        ("connection", serving(Reply { cut_at: Some(3), ..Reply::new(200, USER) })),
        ("gullible", serving(Reply::new(200, USER))),
    ];
    for (expected, server) in &servers {
        let validity = ask(&format!("http://{}", server.host));
        assert_eq!(told(&validity), *expected, "{validity:?}");
        assert!(!format!("{validity:?}").contains(&secret));
        assert!(server.asked().iter().all(|asked| !asked.path.contains(&secret)));
    }
    assert!(other.asked().is_empty(), "no redirect is followed");
    let (untrusted, authority) = tls::start_tls(provider);
    let table = [
        ("timeout", format!("http://{}", silent.local_addr().unwrap())),
        ("connection", format!("http://{closed}")),
        ("dns", format!("http://{}.localhost", "a".repeat(70))),
        ("tls", format!("https://{}", untrusted.host)),
        ("tls", format!("https://{}", live.host)),
    ];
    for (expected, endpoint) in table {
        let validity = ask(&endpoint);
        assert_eq!(told(&validity), expected, "{endpoint}: {validity:?}");
    }
    let trusted = ask_with(&format!("https://{}", untrusted.host), Some(authority.into_bytes()));
    let identity = vec![("account".to_owned(), "octocat".to_owned()), ("kind".to_owned(), "User".to_owned())];
    assert_eq!(trusted, Validity::Active { identity, scopes: Some("repo, read:org".into()) });
}

#[test]
fn a_failure_is_asked_again_and_a_second_answer_counts() {
    let count = std::sync::atomic::AtomicUsize::new(0);
    let server = Server::start(move |_| match count.fetch_add(1, std::sync::atomic::Ordering::SeqCst) {
        0 => Reply::new(502, ""),
        _ => Reply::new(401, r#"{"message":"Bad credentials"}"#),
    });
    assert_eq!(told(&ask(&format!("http://{}", server.host))), "inactive");
    assert_eq!(server.asked().len(), 2);
}

#[test]
fn a_pinned_request_goes_to_its_address_whatever_the_name_says() {
    use stopleak_core::http::{Request, Transport};
    let server = Server::start(|_| Reply::new(200, "here"));
    let http = Http::new(HttpSettings::default()).unwrap();
    let mut request = Request::get(format!("http://no-such-name.example:{}/", server.host.rsplit(':').next().unwrap()));
    request.pinned = vec![server.host.parse().unwrap()];
    assert_eq!(http.send(&request).unwrap().bytes().unwrap(), b"here");
    assert!(server.asked()[0].header("host").unwrap().starts_with("no-such-name.example"));
}
