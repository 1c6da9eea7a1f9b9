//! The way onto the network, against servers on loopback.

pub mod tls;

use crate::server::{Reply, Server};
use std::io::Read;
use std::net::TcpListener;
use std::time::Duration;
use stopleak_core::http::{Answer, Http, Method, Request, Settings, Transport, TransportError};

fn http() -> Http {
    let (connect_timeout, read_timeout) = (Duration::from_millis(800), Duration::from_millis(400));
    Http::new(Settings { connect_timeout, read_timeout, ..Settings::default() }).unwrap()
}

fn failure(url: &str) -> TransportError {
    http().send(&Request::get(url)).map(|answer| answer.status).unwrap_err()
}

#[test]
fn a_request_arrives_as_it_was_made_and_its_answer_as_it_was_given() {
    let server = Server::start(|_| Reply::new(201, "made").header("X-Kind", "a").header("X-Kind", "b"));
    let mut request = Request::new(Method::Post, format!("http://{}/a/b?c=d", server.host)).header("X-Own", "1");
    request.body = b"sent".to_vec();
    let answer = http().send(&request).unwrap();
    assert_eq!((answer.status, answer.header("x-kind")), (201, Some("a")));
    assert_eq!(answer.all("x-kind").collect::<Vec<_>>(), ["a", "b"]);
    assert_eq!(answer.bytes().unwrap(), b"made");
    let asked = &server.asked()[0];
    assert_eq!((asked.method.as_str(), asked.path.as_str()), ("POST", "/a/b?c=d"));
    assert_eq!((asked.header("x-own"), asked.body.as_slice()), (Some("1"), &b"sent"[..]));
    assert!(asked.header("user-agent").unwrap().starts_with("stopleak/"));
}

#[test]
fn a_redirect_is_an_answer_and_authorization_stays_with_its_host() {
    let other = Server::start(|_| Reply::new(200, "there"));
    let place = format!("http://{}/blob", other.host);
    let server = Server::start(move |_| Reply::new(307, "").header("Location", place.clone()));
    let http = http();
    let request = Request::get(format!("http://{}/", server.host)).header("Authorization", "Bearer own");
    let answer = http.send(&request).unwrap();
    assert_eq!((answer.status, other.asked().len()), (307, 0));
    let next = request.redirected(&answer).unwrap().unwrap();
    assert_eq!(http.send(&next).unwrap().bytes().unwrap(), b"there");
    assert_eq!(other.asked()[0].header("authorization"), None);
    assert_eq!(server.asked()[0].header("authorization"), Some("Bearer own"));
}

#[test]
fn what_goes_wrong_is_told_apart() {
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let plain = Server::start(|_| Reply::new(200, ""));
    let (untrusted, _) = tls::start_tls(|_| Reply::new(200, ""));
    let timeout = failure(&format!("http://{}/", silent.local_addr().unwrap()));
    assert!(matches!(timeout, TransportError::Timeout { .. }), "{timeout:?}");
    let refused = failure(&format!("http://{closed}/"));
    assert!(matches!(refused, TransportError::Connection { .. }), "{refused:?}");
    // A label of more than 63 letters is never asked of a name server.
    let unknown = failure(&format!("http://{}.localhost/", "a".repeat(70)));
    assert!(matches!(unknown, TransportError::Dns { .. }), "{unknown:?}");
    for host in [&plain.host, &untrusted.host] {
        let tls = failure(&format!("https://{host}/"));
        assert!(matches!(tls, TransportError::Tls { .. }), "{tls:?}");
    }
    assert!(matches!(failure("ftp://a.example/"), TransportError::Other(_)));
}

#[test]
fn an_authority_of_ones_own_is_trusted_beside_the_systems() {
    let (server, authority) = tls::start_tls(|_| Reply::new(200, "trusted"));
    let settings = Settings { extra_ca: Some(authority.into_bytes()), ..Settings::default() };
    let answer = Http::new(settings).unwrap().send(&Request::get(format!("https://{}/", server.host))).unwrap();
    assert_eq!(answer.bytes().unwrap(), b"trusted");
    let broken = Http::new(Settings { extra_ca: Some(b"no PEM".to_vec()), ..Settings::default() });
    assert!(broken.is_err_and(|error| error.to_string().contains("PEM")));
}

#[test]
fn a_body_is_bounded_and_its_breaking_off_is_an_error() {
    let server = Server::start(|asked| match asked.path.as_str() {
        "/cut" => Reply { cut_at: Some(10), ..Reply::new(200, vec![b'x'; 100]) },
        _ => Reply::new(200, vec![b'x'; 100]),
    });
    let ask = |path: &str, most| -> Answer {
        http().send(&Request::get(format!("http://{}{path}", server.host)).at_most(most)).unwrap()
    };
    assert_eq!(ask("/", 100).bytes().unwrap().len(), 100);
    assert!(ask("/", 99).bytes().unwrap_err().to_string().contains("longer than 99"));
    let mut got = Vec::new();
    let error = ask("/cut", 100).body.read_to_end(&mut got).unwrap_err();
    assert!(error.to_string().contains("broke off") && !error.to_string().contains("http://"), "{error}");
}
