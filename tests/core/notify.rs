//! Notifications: who is told what, signed, once, without a secret, and never failing in silence.

use crate::made;
use crate::server::{Asked, Reply, Server};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use stopleak_core::http::{Http, Settings};
use stopleak_core::notify::{Channel, Courier, Event, Jira, Kind, NotifyError, Patience, Receiver, Seen, signature};
use stopleak_core::{Finding, Secret, Severity, Validity};

const NOW: i64 = 1_709_296_200;

fn finding() -> Finding {
    made::finding(1, vec![made::on_disk("src/app.env", 3)])
}

fn event(kind: Kind) -> Event {
    Event::new(kind, &finding(), NOW)
}

fn receiver(channel: Channel) -> Receiver {
    Receiver { name: "test".into(), channel, events: Kind::ALL.to_vec(), severity: Severity::Low }
}

fn secret(text: &str) -> Secret {
    Secret::new(text.as_bytes())
}

/// What came of it, how many were told, and the waits.
fn deliver(receiver: &Receiver, events: &[Event]) -> (Result<(), NotifyError>, usize, Vec<Duration>) {
    let (http, waits) = (Http::new(Settings::default()).unwrap(), RefCell::new(Vec::new()));
    let (sleep, now) = (|wait| waits.borrow_mut().push(wait), || NOW + 5);
    let mut told = 0;
    let courier = Courier::new(&http, Patience::default(), &sleep, &now);
    let done = courier.deliver(receiver, events, &mut |_| told += 1);
    (done, told, waits.into_inner())
}

fn json(asked: &Asked) -> serde_json::Value {
    serde_json::from_slice(&asked.body).unwrap()
}

fn holds_no_secret(asked: &Asked) {
    let value = finding().secret;
    let value = std::str::from_utf8(value.expose()).unwrap().to_owned();
    let all = format!("{asked:?} {}", String::from_utf8_lossy(&asked.body));
    assert!(!all.contains(&value) && !all.contains(&value[8..28]), "{all}");
}

fn webhook(server: &Server) -> Receiver {
    let url = secret(&format!("http://{}/hook", server.host));
    receiver(Channel::Webhook { url, secret: Some(secret("known to both")) })
}

#[test]
fn the_signature_is_that_of_the_standards_own_example() {
    // From the specification's reference: secret, id, time and payload are public samples.
    const BYTES: [u8; 24] =
        [49, 242, 144, 246, 191, 6, 41, 138, 171, 79, 8, 212, 60, 63, 8, 44, 246, 72, 163, 98, 218, 45, 164, 176];
    let key = format!("whsec_{}", STANDARD.encode(BYTES));
    let signed = signature(&secret(&key), "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b"{\"test\": 2432232314}");
    assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn a_webhook_is_signed_over_id_time_and_body() {
    let server = Server::start(|_| Reply::new(204, ""));
    assert_eq!(deliver(&webhook(&server), &[event(Kind::NewFinding)]).0, Ok(()));
    let asked = &server.asked()[0];
    let header = |name| asked.header(name).unwrap();
    assert_eq!(header("webhook-timestamp"), (NOW + 5).to_string(), "the time of sending, so that a replay shows");
    let signed = signature(&secret("known to both"), header("webhook-id"), NOW + 5, &asked.body);
    assert_eq!(header("webhook-signature"), signed);
    let body = json(asked);
    assert_eq!((&body["type"], &body["places"][0]), (&"new-finding".into(), &"src/app.env:3".into()));
    assert_eq!(body["secret"], finding().secret.redacted());
    holds_no_secret(asked);
}

#[test]
fn what_is_taken_once_is_sent_again_within_bounds() {
    let count = AtomicUsize::new(0);
    let server = Server::start(move |_| match count.fetch_add(1, Ordering::SeqCst) {
        0 => Reply::new(503, ""),
        1 => Reply::new(429, "").header("Retry-After", "7"),
        2 => Reply { cut_at: Some(0), ..Reply::new(500, "x") },
        _ => Reply::new(200, "ok"),
    });
    let (done, told, waits) = deliver(&webhook(&server), &[event(Kind::Revoked)]);
    assert_eq!((done, told), (Ok(()), 1));
    assert_eq!(waits, [1, 7, 4].map(Duration::from_secs));
    let ids: Vec<_> = server.asked().iter().map(|asked| asked.header("webhook-id").unwrap().to_owned()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

#[test]
fn what_keeps_failing_is_an_error_that_names_no_address() {
    let server = Server::start(|_| Reply::new(500, ""));
    let events = [Kind::NewFinding; 9].map(event);
    let (done, told, waits) = deliver(&webhook(&server), &events);
    let error = done.unwrap_err();
    assert_eq!((told, error.count, error.problem.as_str()), (0, 9, "the answer is 500"));
    assert_eq!((waits.len(), server.asked().len()), (9, 12), "four tries, and after three failures no more");
    assert!(!error.to_string().contains("/hook"), "{error}");
    let gone = receiver(Channel::Slack { url: secret("http://127.0.0.1:1/services/hidden-part") });
    let error = deliver(&gone, &events[..1]).0.unwrap_err().to_string();
    assert!(error.contains("127.0.0.1:1") && !error.contains("hidden-part"), "{error}");
}

#[test]
fn slack_is_not_told_twice_and_its_words_steer_nothing() {
    for (status, tries) in [(500, 1), (429, 4)] {
        let server = Server::start(move |_| Reply::new(status, ""));
        let slack = receiver(Channel::Slack { url: secret(&format!("http://{}/services/x", server.host)) });
        assert!(deliver(&slack, &[event(Kind::NewFinding)]).0.is_err());
        assert_eq!(server.asked().len(), tries, "{status}");
    }
    let server = Server::start(|_| Reply::new(200, "ok"));
    let slack = receiver(Channel::Slack { url: secret(&format!("http://{}/services/x", server.host)) });
    let finding = made::finding(1, vec![made::on_disk("<!channel>&.env", 3)]);
    deliver(&slack, &[Event::new(Kind::NewlyActive, &finding, NOW)]).0.unwrap();
    let text = json(&server.asked()[0])["text"].as_str().unwrap().to_owned();
    assert!(text.contains("A leaked secret works") && text.contains("&lt;!channel&gt;&amp;.env:3"), "{text}");
    holds_no_secret(&server.asked()[0]);
}

#[test]
fn pagerduty_has_one_alert_a_secret_and_resolves_it() {
    let server = Server::start(|_| Reply::new(202, "{}"));
    let url = format!("http://{}/v2/enqueue", server.host);
    let pager = receiver(Channel::PagerDuty { url, routing_key: secret("the key") });
    deliver(&pager, &[event(Kind::NewlyActive), event(Kind::Rotated)]).0.unwrap();
    let asked: Vec<_> = server.asked().iter().map(json).collect();
    assert_eq!((&asked[0]["event_action"], &asked[1]["event_action"]), (&"trigger".into(), &"resolve".into()));
    assert_eq!(asked[0]["dedup_key"], asked[1]["dedup_key"]);
    assert_eq!((&asked[0]["routing_key"], &asked[0]["payload"]["severity"]), (&"the key".into(), &"critical".into()));
    assert_eq!(asked[0]["payload"]["source"], "src/app.env:3");
    server.asked().iter().for_each(holds_no_secret);
}

fn jira(server: &Server, user: Option<&str>) -> Receiver {
    receiver(Channel::Jira(Jira {
        url: format!("http://{}", server.host),
        project: "SEC".into(),
        issue_type: "Bug".into(),
        user: user.map(str::to_owned),
        token: secret("a token"),
    }))
}

#[test]
fn jira_gets_one_issue_a_secret() {
    let made = AtomicUsize::new(0);
    let server = Server::start(move |asked| match asked.path.split('?').next().unwrap() {
        "/rest/api/3/search/jql" if made.load(Ordering::SeqCst) > 0 => {
            Reply::new(200, "{\"issues\":[{\"key\":\"SEC-7\"}]}")
        }
        "/rest/api/3/search/jql" => Reply::new(200, "{\"issues\":[]}"),
        "/rest/api/2/issue" => {
            made.fetch_add(1, Ordering::SeqCst);
            // It was made, and nobody learns of it.
            Reply::new(504, "")
        }
        "/rest/api/2/issue/SEC-7/comment" => Reply::new(201, "{}"),
        _ => Reply::new(404, ""),
    });
    let (done, told, _) =
        deliver(&jira(&server, Some("ann@example.com")), &[event(Kind::NewFinding), event(Kind::Revoked)]);
    assert_eq!((done, told), (Ok(()), 2));
    let asked = server.asked();
    let paths: Vec<&str> = asked.iter().map(|asked| asked.path.split('?').next().unwrap()).collect();
    assert_eq!(paths.iter().filter(|path| **path == "/rest/api/2/issue").count(), 1, "{paths:?}");
    assert_eq!(*paths.last().unwrap(), "/rest/api/2/issue/SEC-7/comment");
    let issue = json(asked.iter().find(|asked| asked.path == "/rest/api/2/issue").unwrap());
    let label = format!("stopleak-{}", finding().fingerprint.as_str().replace(':', "-"));
    assert_eq!(issue["fields"]["labels"][1], label);
    assert!(asked[0].path.contains(&label) && asked[0].header("authorization").unwrap().starts_with("Basic "));
    asked.iter().for_each(holds_no_secret);
    // Data Center: another search, another login.
    let server = Server::start(|_| Reply::new(200, "{\"issues\":[]}"));
    deliver(&jira(&server, None), &[event(Kind::NewFinding)]).0.unwrap();
    assert!(server.asked()[0].path.starts_with("/rest/api/2/search?"));
    assert_eq!(server.asked()[0].header("authorization"), Some("Bearer a token"));
}

#[test]
fn a_collector_gets_log_records_and_what_it_refuses_is_an_error() {
    let server = Server::start(|_| Reply::new(200, "{\"partialSuccess\":{\"rejectedLogRecords\":\"1\"}}"));
    let url = format!("http://{}/v1/logs", server.host);
    let otlp = receiver(Channel::Otlp { url, authorization: Some(secret("Bearer x")) });
    let (done, told, _) = deliver(&otlp, &[event(Kind::NewFinding), event(Kind::Revoked)]);
    assert!(told == 0 && done.unwrap_err().problem.contains("refused 1"));
    let records = &json(&server.asked()[0])["resourceLogs"][0]["scopeLogs"][0]["logRecords"];
    assert_eq!((&records[0]["severityText"], &records[1]["severityText"]), (&"FATAL".into(), &"INFO".into()));
    assert_eq!(records[0]["timeUnixNano"], "1709296200000000000");
    assert_eq!(records[0]["eventName"], "stopleak.new-finding");
    assert_eq!(server.asked()[0].header("authorization"), Some("Bearer x"));
    holds_no_secret(&server.asked()[0]);
}

#[test]
fn a_log_file_gets_a_line_an_event() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.jsonl");
    let log = receiver(Channel::Log { path: path.clone() });
    deliver(&log, &[event(Kind::NewFinding), event(Kind::Failed)]).0.unwrap();
    deliver(&log, &[event(Kind::StillLive)]).0.unwrap();
    let kinds: Vec<serde_json::Value> = std::fs::read_to_string(&path)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["type"].clone())
        .collect();
    assert_eq!(kinds, ["new-finding", "failed", "still-live"]);
    let nowhere = receiver(Channel::Log { path: folder.path().join("no/such/folder") });
    assert!(deliver(&nowhere, &[event(Kind::Failed)]).0.is_err());
}

#[test]
fn a_receiver_is_told_of_what_it_wants_only() {
    let server = Server::start(|_| Reply::new(204, ""));
    let wants = Receiver { events: vec![Kind::NewlyActive], severity: Severity::High, ..webhook(&server) };
    let mut low = event(Kind::NewlyActive);
    low.severity = Severity::Medium;
    let (done, told, _) = deliver(&wants, &[event(Kind::NewFinding), low, event(Kind::NewlyActive), Event::test(NOW)]);
    assert_eq!((done, told, server.asked().len()), (Ok(()), 2, 2));
}

#[test]
fn a_value_in_a_path_or_a_reason_is_not_told() {
    let value = String::from_utf8(finding().secret.expose().to_vec()).unwrap();
    let finding = made::finding(1, vec![made::on_disk(&format!("keys/{value}.txt"), 1)]);
    let event = Event::new(Kind::Failed, &finding, NOW).note(&format!("cannot revoke {value}"), &finding);
    assert!(!event.json().to_string().contains(&value), "{event:?}");
    assert_eq!((event.places[0].as_str(), event.note.as_str()), ("keys/….txt:1", "cannot revoke …"));
}

#[test]
fn a_scheduled_scan_tells_once_and_again_when_the_secret_proves_alive() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("told");
    let (mut found, mut seen) = (finding(), Seen::open(&path).unwrap());
    assert_eq!(seen.news("a", &found), Some(Kind::NewFinding));
    seen.told("a", &event(Kind::NewFinding)).unwrap();
    let mut seen = Seen::open(&path).unwrap();
    assert_eq!((seen.news("a", &found), seen.news("b", &found)), (None, Some(Kind::NewFinding)));
    found.validity = Validity::Active { identity: vec![], scopes: None };
    assert_eq!(seen.news("a", &found), Some(Kind::NewlyActive));
    seen.told("a", &event(Kind::NewlyActive)).unwrap();
    assert_eq!(seen.news("a", &found), None);
    let text = std::fs::read_to_string(path).unwrap();
    assert!(!text.contains(std::str::from_utf8(found.secret.expose()).unwrap()));
}
