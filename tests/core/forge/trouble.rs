//! What goes wrong on the way: servers that fail, transfers that break off, addresses that are keys, hosts that lie.

use super::{WHO, fetch, forges, json, log, messages, paths, request, unscanned};
use crate::archives::zip_stored;
use crate::made::token;
use crate::server::{Reply, Server};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use stopleak_core::forge::{self, Forge, Token};
use stopleak_core::http::{Answer, Request as Sent, Transport, TransportError};
use stopleak_core::scan::{Forges, scan};
use stopleak_core::{Secret, Warning};

const JOB: &str = r#"{"id":5,"name":"build","status":"completed","started_at":"2026-02-01T10:00:00Z"}"#;

/// A GitHub with one job, whose log is given by `answer`.
fn with_log(answer: impl Fn(&crate::server::Asked) -> Reply + Send + Sync + 'static) -> Server {
    Server::start(move |asked| match asked.path.as_str() {
        "/api/v3/repos/o/r/actions/jobs/5" => json(JOB),
        _ => answer(asked),
    })
}

const TARGET: &str = "github://o/r/actions/jobs/5";

#[test]
fn a_server_that_fails_for_a_moment_is_asked_again() {
    let token = token(101);
    let text = log(&token);
    let count = AtomicUsize::new(0);
    let server = with_log(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::new(502, "<html>"),
        1 => Reply { cut_at: Some(0), ..Reply::new(200, text.clone()) },
        _ => Reply::new(200, text.clone()),
    });
    let outcome = fetch(TARGET, &server).unwrap();
    assert_eq!((paths(&outcome, &token).len(), unscanned(&outcome)), (1, vec![]));
}

#[test]
fn a_transfer_that_breaks_off_goes_on_where_it_was() {
    let token = token(102);
    let text = format!("{}{}", "2026-02-01T10:00:00Z nothing\n".repeat(20_000), log(&token));
    for gives_parts in [true, false] {
        let (text, tries) = (text.clone(), AtomicUsize::new(0));
        let server = with_log(move |asked| match asked.header("range").filter(|_| gives_parts) {
            Some(range) => {
                let from: usize = range.strip_prefix("bytes=").unwrap().trim_end_matches('-').parse().unwrap();
                let range = format!("bytes {from}-{}/{}", text.len() - 1, text.len());
                Reply::new(206, &text.as_bytes()[from..]).header("Content-Range", range)
            }
            None if tries.fetch_add(1, Ordering::SeqCst) == 0 => {
                Reply { cut_at: Some(300_000), ..Reply::new(200, text.clone()) }
            }
            None => Reply::new(200, text.clone()),
        });
        let outcome = fetch(TARGET, &server).unwrap();
        assert_eq!((paths(&outcome, &token).len(), unscanned(&outcome)), (1, vec![]), "{gives_parts}");
        assert_eq!(outcome.findings[0].occurrences[0].position.line, 20_003);
    }
}

#[test]
fn a_transfer_that_always_breaks_off_is_named_and_its_beginning_scanned() {
    let [first, last] = [103, 104].map(token);
    let text = format!("{}{}{}", log(&first), "2026-02-01T10:00:00Z nothing\n".repeat(2_000), log(&last));
    let server = with_log(move |_| Reply { cut_at: Some(20_000), ..Reply::new(200, text.clone()) });
    let outcome = fetch(TARGET, &server).unwrap();
    assert_eq!((paths(&outcome, &first).len(), paths(&outcome, &last).len()), (1, 0));
    assert_eq!(unscanned(&outcome), ["forge-download"], "{}", messages(&outcome));
}

#[test]
fn an_archive_that_is_cut_short_is_named_whether_its_length_was_told_or_not() {
    let token = token(105);
    let files = [("a/1_x.txt", log(&token)), ("a/2_y.txt", "2026-02-01T10:00:00Z x\n".repeat(50))];
    let files: Vec<(&str, &[u8])> = files.iter().map(|(name, text)| (*name, text.as_bytes())).collect();
    let zip = zip_stored(&files);
    let cut = zip.len() - 500;
    for is_told in [true, false] {
        let zip = zip.clone();
        let server = with_log(move |_| match is_told {
            true => Reply { cut_at: Some(cut), ..Reply::new(200, zip.clone()) },
            false => Reply::new(200, &zip[..cut]),
        });
        let outcome = fetch(TARGET, &server).unwrap();
        let codes = unscanned(&outcome);
        assert!(paths(&outcome, &token).len() == 1, "{}", messages(&outcome));
        assert!(codes.contains(&"archive-damaged") && codes.contains(&"forge-download") == is_told, "{codes:?}");
    }
}

#[test]
fn a_log_of_any_length_is_read_as_it_comes() {
    let token = token(106);
    let line = "2026-02-01T10:00:00.0000000Z \x1b[32mcompiling\x1b[0m something of no interest at all\n";
    let count = (24 << 20) / line.len();
    let text = Arc::new(format!("{}{}", line.repeat(count), log(&token)).into_bytes());
    let server = with_log(move |_| Reply::new(200, text.to_vec()));
    let outcome = fetch(TARGET, &server).unwrap();
    let places = super::places(&outcome, &token);
    assert_eq!((places.len(), places[0].1 as usize, unscanned(&outcome)), (1, count + 3, vec![]));
}

#[test]
fn a_signed_address_is_never_shown() {
    let storage = Server::start(|_| Reply::new(503, "<Error>busy</Error>"));
    let place = format!("http://{}/private-folder/blob?sig=hidden-word", storage.host);
    let server = with_log(move |_| Reply::new(302, "").header("Location", place.clone()));
    let outcome = fetch(TARGET, &server).unwrap();
    let told = messages(&outcome);
    assert!(told.contains(&format!("{} answers 503 to the log", storage.host)), "{told}");
    assert!(!told.contains("hidden-word") && !told.contains("private-folder"), "{told}");
    // A storage that is not there.
    let server = with_log(|_| Reply::new(302, "").header("Location", "http://127.0.0.1:9/x?sig=hidden-word"));
    let told = messages(&fetch(TARGET, &server).unwrap());
    assert!(told.contains("127.0.0.1:9") && !told.contains("hidden-word"), "{told}");
}

#[test]
fn a_refusal_is_an_error_in_the_servers_words_with_a_hint() {
    let table = [
        (401, r#"{"message":"Bad credentials"}"#, "answers 401 to job 5: Bad credentials"),
        (403, r#"{"message":"Resource not accessible"}"#, "answers 403 to job 5: Resource not accessible"),
        (404, r#"{"message":"Not Found"}"#, "has no job 5, or does not show it to this token"),
    ];
    for (status, body, expected) in table {
        let server = Server::start(move |_| Reply::new(status, body));
        let error = fetch(TARGET, &server).unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(error.hint().unwrap().contains("GITHUB_TOKEN") && !error.to_string().contains(WHO), "{error}");
    }
    let server = Server::start(|_| json("<html>a page that asks to log in</html>"));
    let error = fetch(TARGET, &server).unwrap_err().to_string();
    assert!(error.contains("cannot read job 5: no JSON as documented"), "{error}");
}

#[test]
fn without_a_network_nothing_is_asked() {
    let server = with_log(|_| Reply::new(200, ""));
    let offline = Forges { transport: None, ..forges(&server.host) };
    let error = scan(&request(TARGET, offline)).unwrap_err().to_string();
    assert!(error.contains("the network is forbidden") && server.asked().is_empty(), "{error}");
    let error = scan(&request("github://o/r", forges(&server.host))).unwrap_err().to_string();
    assert!(error.contains("names nothing that can be scanned") && server.asked().is_empty(), "{error}");
}

/// A network on which everything is redirected, and that is watched.
#[derive(Default)]
struct Watched {
    to: &'static str,
    seen: Mutex<Vec<(String, bool)>>,
}

impl Transport for Watched {
    fn send(&self, request: &Sent) -> Result<Answer, TransportError> {
        let has_token = request.headers.iter().any(|(_, value)| value.contains(WHO));
        self.seen.lock().unwrap().push((request.url.clone(), has_token));
        let is_log = request.url.ends_with("/logs");
        match (request.url.starts_with("https://forge.example/"), is_log) {
            (true, true) => Ok(Answer::new(302, vec![("location".into(), self.to.into())], std::io::empty())),
            (true, false) => Ok(Answer::new(200, vec![], JOB.as_bytes())),
            (false, _) => Ok(Answer::new(200, vec![], &b"nothing\n"[..])),
        }
    }
}

fn watch(to: &'static str) -> (Vec<(String, bool)>, Vec<Warning>) {
    let network = Arc::new(Watched { to, ..Watched::default() });
    let mut github = forge::Server::at(Forge::Github, "https://forge.example").unwrap();
    github.token = Some(Token::Bearer(Secret::new(WHO.as_bytes())));
    let forges = Forges { transport: Some(network.clone()), github, ..Forges::default() };
    let outcome = scan(&request(TARGET, forges)).unwrap();
    let seen = network.seen.lock().unwrap().clone();
    (seen, outcome.summary.warnings)
}

#[test]
fn a_token_goes_to_its_own_host_alone_and_nothing_goes_without_tls() {
    for elsewhere in ["https://storage.example/x", "https://forge.example:444/x", "https://forge.example.other/x"] {
        let (seen, _) = watch(elsewhere);
        let expected = [
            ("https://forge.example/api/v3/repos/o/r/actions/jobs/5".to_owned(), true),
            ("https://forge.example/api/v3/repos/o/r/actions/jobs/5/logs".to_owned(), true),
            (elsewhere.to_owned(), false),
        ];
        assert_eq!(seen, expected);
    }
    for plain in ["http://storage.example/x", "http://127.0.0.1/x", "file:///etc/passwd"] {
        let (seen, warnings) = watch(plain);
        assert!(seen.len() == 2 && warnings.iter().any(|warning| warning.code == "forge-answer"), "{plain}: {seen:?}");
    }
}
