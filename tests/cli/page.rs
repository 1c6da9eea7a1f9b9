//! The live page of `stopleak serve`: who may see it, what they may say, and that it is on record.

mod browser;

use crate::sweep::servers::postgres;
use crate::sweep::{Fleet, leak};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::Child;
use std::sync::Arc;
use std::time::Duration;

const ANN: &str = "the token of ann, who triages";
const BOB: &str = "the token of bob, who looks on";
const SETTINGS: &str = "[serve]\nqueue = 'queue'\nverify = false\n[audit]\nlog = 'log/audit.jsonl'\nkey = 'audit.key'\n\
    [serve.page]\nstore = 'state/sweep.db'\n";
const TOKENS: &str = "[[serve.page.tokens]]\nname = 'ann'\ntoken = { env = 'ANN' }\nrole = 'triage'\n\
    [[serve.page.tokens]]\nname = 'bob'\ntoken = { env = 'BOB' }\n";

/// A server of a fleet's store, which is killed when the test ends.
pub struct Site {
    pub fleet: Arc<Fleet>,
    child: Child,
    pub address: String,
}

/// An answer.
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Drop for Site {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Site {
    /// Serves a swept fleet.
    pub fn new(fleet: impl Into<Arc<Fleet>>, settings: &str) -> Site {
        let fleet = fleet.into();
        std::fs::write(fleet.path().join("own.toml"), settings).unwrap();
        let mut command = crate::command_in(fleet.path(), "serve --config own.toml --listen 127.0.0.1:0");
        command.env("ANN", ANN).env("BOB", BOB).env("PROXY", "between the proxy and us");
        let mut child = command.env("STOPLEAK_STATE", fleet.path().join("own")).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let line = lines.next().unwrap().unwrap();
        let address = line.rsplit("http://").next().unwrap().to_owned();
        assert!(address.starts_with("127.0.0.1:"), "{line}");
        // Somebody must read on, or the server would wait for it.
        std::thread::spawn(move || lines.for_each(drop));
        Site { fleet, child, address }
    }

    /// Two secrets, one of them in two repositories; both tokens.
    fn usual() -> Site {
        Site::new(swept(), &format!("{SETTINGS}{TOKENS}"))
    }

    /// Asks; `{here}` stands for the address in headers.
    fn ask(&self, line: &str, headers: &[&str], body: &str) -> Answer {
        let named = headers.iter().any(|header| header.to_lowercase().starts_with("host:"));
        let host = if named { String::new() } else { format!("Host: {}\r\n", self.address) };
        let headers: String = headers.iter().map(|header| header.replace("{here}", &self.address) + "\r\n").collect();
        let length = if body.is_empty() { String::new() } else { format!("Content-Length: {}\r\n", body.len()) };
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        stream.write_all(format!("{line} HTTP/1.1\r\n{host}{headers}{length}\r\n{body}").as_bytes()).unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        Answer { status: head[9..12].parse().unwrap(), head: head.to_owned(), body: body.to_owned() }
    }

    fn by(&self, token: &str, line: &str, body: &str) -> Answer {
        let bearer = format!("Authorization: Bearer {token}");
        self.ask(line, &[&bearer, "Content-Type: application/json"], body)
    }

    /// Logs in, and gives the cookie.
    fn log_in(&self, token: &str) -> String {
        let answer = self.try_token(token);
        assert_eq!(answer.status, 303, "{}", answer.body);
        let cookie = answer.header("set-cookie");
        format!("Cookie: {}", cookie.split(';').next().unwrap())
    }

    fn try_token(&self, token: &str) -> Answer {
        let form = "Content-Type: application/x-www-form-urlencoded";
        self.ask("POST /login", &[form, "Origin: http://{here}"], &format!("token={}", token.replace(' ', "+")))
    }

    /// The page's own data, and the token that goes with what changes something.
    fn session_token(&self, cookie: &str) -> String {
        let page = self.ask("GET /", &[cookie], "");
        assert_eq!(page.status, 200, "{}", page.body);
        let live = page.body.split("\"live\":").nth(1).unwrap().split('}').next().unwrap();
        serde_json::from_str::<Value>(&format!("{live}}}")).unwrap()["token"].as_str().unwrap().to_owned()
    }

    fn findings(&self) -> Vec<Value> {
        let answer = self.by(BOB, "GET /page/findings", "");
        assert_eq!(answer.status, 200, "{}", answer.body);
        serde_json::from_str::<Value>(&answer.body).unwrap()["findings"].as_array().unwrap().clone()
    }

    fn entries(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.fleet.path().join("log/audit.jsonl")).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

impl Answer {
    fn header(&self, name: &str) -> &str {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(known, _)| known.eq_ignore_ascii_case(name)).map_or("", |(_, value)| value)
    }

    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("{}: {}", self.status, self.body))
    }
}

/// Two secrets, one of them in two repositories.
pub fn swept() -> Fleet {
    let fleet = Fleet::new();
    fleet.repo("a", &[&[("a.env", &leak(16)), ("CODEOWNERS", "*.env @org/secrets\n")]]);
    fleet.repo("b", &[&[("x/a.env", &leak(16)), ("b.env", &leak(17))]]);
    assert_eq!(fleet.run("").code, 1);
    fleet
}

/// What is sent to say that a finding is known.
fn known(finding: &Value) -> Value {
    let tracked = &finding["tracked"];
    json!({ "finding": tracked["finding"], "version": tracked["version"], "state": "acknowledged", "reason": "rotation planned", "until": "2999-01-31" })
}

#[test]
fn nobody_sees_anything_before_they_say_who_they_are() {
    let site = Site::usual();
    let fingerprint = site.findings()[0]["fingerprint"].as_str().unwrap().to_owned();
    let bearer = |token: &str| format!("Authorization: Bearer {token}");
    let (wrong, close) = (bearer("a token of nobody at all"), bearer(&format!("{ANN}.")));
    let table: [(&str, &[&str], u16); 11] = [
        ("GET /", &[], 303),
        ("GET /", &["Cookie: stopleak=1.2"], 303),
        ("GET /", &[&wrong], 401),
        ("GET /", &["X-Forwarded-Email: ann@acme.example"], 303),
        ("GET /page/findings", &[], 401),
        ("GET /page/findings", &[&close], 401),
        ("GET /page/findings", &["Cookie: stopleak=; stopleak=x"], 401),
        ("POST /page/triage", &["Content-Type: application/json"], 401),
        ("POST /page/logout", &[], 401),
        ("GET /login", &[], 200),
        ("GET /page/nothing", &[], 401),
    ];
    for (line, headers, status) in table {
        let answer = site.ask(line, headers, "");
        assert_eq!(answer.status, status, "{line} {headers:?}: {}", answer.body);
        assert!(!answer.body.contains(&fingerprint) && answer.header("set-cookie").is_empty(), "{line}");
    }
    assert_eq!(site.by(BOB, "GET /page/nothing", "").status, 404);
    assert_eq!(site.by(BOB, "DELETE /page/findings", "").status, 405);
    assert!(site.by(BOB, "GET /", "").body.contains(&fingerprint));
}

#[test]
fn guessing_is_slow_and_who_is_known_comes_in_all_the_same() {
    let site = Site::usual();
    let tries: Vec<u16> = (0..12).map(|number| site.try_token(&format!("a guess, number {number}")).status).collect();
    assert_eq!(tries[..10], [401; 10]);
    assert!(tries[10..].contains(&429), "{tries:?}");
    let late = site.try_token("a guess that comes too late");
    assert!(late.status == 401 || !late.header("retry-after").is_empty());
    site.log_in(ANN);
}

#[test]
fn a_session_is_a_cookie_of_its_own_and_ends() {
    let site = Site::usual();
    let answer = site.try_token(ANN);
    let cookie = answer.header("set-cookie").to_owned();
    for part in ["; HttpOnly", "; SameSite=Strict", "; Path=/", "; Max-Age=28800"] {
        assert!(cookie.contains(part), "{cookie}");
    }
    assert!(!cookie.contains("Secure") && !cookie.contains("token of ann"), "{cookie}");
    let cookie = site.log_in(ANN);
    let token = site.session_token(&cookie);
    let header = format!("X-Stopleak-Token: {token}");
    let headers = [cookie.as_str(), "Content-Type: application/json", "Origin: http://{here}", &header];
    let left = site.ask("POST /page/logout", &headers, "{}");
    assert!(left.status == 204 && left.header("set-cookie").contains("Max-Age=0"), "{}", left.head);
    assert_eq!(site.ask("GET /page/findings", &[&cookie], "").status, 401);
    let site = Site::new(swept(), &format!("{SETTINGS}tls = true\nhosts = ['leaks.example']\n{TOKENS}"));
    let form =
        ["Content-Type: application/x-www-form-urlencoded", "Host: leaks.example", "Origin: https://leaks.example"];
    let answer = site.ask("POST /login", &form, &format!("token={}", ANN.replace(' ', "%20")));
    let cookie = answer.header("set-cookie");
    assert!(cookie.starts_with("__Host-stopleak=") && cookie.ends_with("; Secure"), "{} {cookie}", answer.body);
    let form = [form[0], "Host: leaks.example", "Origin: http://leaks.example"];
    assert_eq!(site.ask("POST /login", &form, &format!("token={ANN}")).status, 403, "it was not by https");
}

#[test]
fn every_answer_says_what_browsers_may_do_with_it() {
    let site = Site::usual();
    let cookie = site.log_in(ANN);
    for (line, policy) in [("GET /", "script-src 'sha256-"), ("GET /login", "form-action 'self'")] {
        let answer = site.ask(line, &[&cookie], "");
        let policies = answer.header("content-security-policy").to_owned();
        for part in ["default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", policy] {
            assert!(policies.contains(part), "{line}: {policies}");
        }
        assert!(!policies.contains("unsafe") && !policies.contains('*'), "{policies}");
        assert_eq!(
            (answer.header("x-frame-options"), answer.header("cross-origin-opener-policy")),
            ("DENY", "same-origin")
        );
        assert_eq!(answer.header("content-type"), "text/html; charset=utf-8");
    }
    for line in ["GET /", "GET /login", "GET /page/findings", "GET /page/nothing", "GET /healthz", "GET /x"] {
        let answer = site.ask(line, &[&cookie], "");
        assert_eq!(
            (answer.header("cache-control"), answer.header("x-content-type-options")),
            ("no-store", "nosniff"),
            "{line}"
        );
        assert!(answer.header("access-control-allow-origin").is_empty());
    }
    let first = site.ask("GET /page/findings", &[&cookie], "");
    let again = site.ask("GET /page/findings", &[&cookie, &format!("If-None-Match: {}", first.header("etag"))], "");
    assert_eq!((again.status, again.body.as_str()), (304, ""));
}

#[test]
fn only_the_page_itself_says_something_of_a_finding() {
    let site = Site::usual();
    let cookie = site.log_in(ANN);
    let token = format!("X-Stopleak-Token: {}", site.session_token(&cookie));
    let other = format!("X-Stopleak-Token: {}", site.session_token(&site.log_in(ANN)));
    let body = known(&site.findings()[0]).to_string();
    let (json, origin) = ("Content-Type: application/json", "Origin: http://{here}");
    let table: [(&[&str], u16); 11] = [
        (&[&cookie, json, origin], 403),
        (&[&cookie, json, origin, "X-Stopleak-Token: guess"], 403),
        (&[&cookie, json, origin, &other], 403),
        (&[&cookie, json, &token], 403),
        (&[&cookie, json, &token, "Origin: null"], 403),
        (&[&cookie, json, &token, "Origin: http://127.0.0.1:1"], 403),
        (&[&cookie, json, &token, "Origin: https://evil.example"], 403),
        (&[&cookie, "Content-Type: text/plain", &token, origin], 403),
        (&[&cookie, json, &token, origin, "Host: evil.example"], 421),
        (&[&cookie, json, &token, origin, "Host: {here}", "Host: evil.example"], 421),
        (&[json, &token, origin], 401),
    ];
    for (headers, status) in table {
        let answer = site.ask("POST /page/triage", headers, &body);
        assert_eq!(answer.status, status, "{headers:?}: {}", answer.body);
    }
    assert_eq!(site.ask("GET /page/triage", &[&cookie], "").status, 405);
    assert_eq!(site.ask("GET /", &[&cookie, "Host: evil.example"], "").status, 421);
    let form = "Content-Type: application/x-www-form-urlencoded";
    let stolen = site.ask("POST /login", &[form, "Origin: https://evil.example"], &format!("token={ANN}"));
    assert_eq!(stolen.status, 403, "nobody is logged in by another page");
    assert!(site.entries().is_empty() && site.findings().iter().all(|one| one["tracked"]["state"] == "open"));
    let answer = site.ask("POST /page/triage", &[&cookie, json, &token, origin], &body);
    assert_eq!(answer.status, 200, "{}", answer.body);
}

#[test]
fn who_only_reads_says_nothing_and_nonsense_is_refused() {
    let site = Site::usual();
    let finding = site.findings()[0].clone();
    let body = known(&finding);
    assert_eq!(site.by(BOB, "POST /page/triage", &body.to_string()).status, 403);
    let with = |name: &str, value: Value| {
        let mut body = body.clone();
        body[name] = value;
        body.to_string()
    };
    let table = [
        (with("state", json!("gone")), 400),
        (with("reason", json!(" ")), 400),
        (with("reason", json!("two\nlines")), 400),
        (with("reason", json!("x".repeat(5_000))), 400),
        (with("until", json!("2001-01-01")), 400),
        (with("until", json!("soon")), 400),
        (with("version", json!("1")), 400),
        (with("version", json!("-1.0")), 400),
        (with("version", json!("9223372036854775807.0")), 400),
        (with("more", json!(1)), 400),
        (with("finding", json!("' OR 1 = 1 --")), 404),
        (with("state", json!("revoked")), 400),
        ("[]".to_owned(), 400),
    ];
    for (body, status) in table {
        let answer = site.by(ANN, "POST /page/triage", &body);
        assert_eq!(answer.status, status, "{body:.200}: {}", answer.body);
    }
    assert!(site.entries().is_empty());
    assert_eq!(site.findings()[0], finding);
}

#[test]
fn what_is_said_is_on_record_with_who_said_it() {
    let site = Site::usual();
    let finding = site.findings()[0].clone();
    let answer = site.by(ANN, "POST /page/triage", &known(&finding).to_string());
    assert_eq!(answer.status, 200, "{}", answer.body);
    let now = &answer.json()["finding"]["tracked"];
    assert_eq!(
        (&now["state"], &now["by"], &now["until"]),
        (&json!("acknowledged"), &json!("ann"), &json!("2999-02-01T00:00:00Z"))
    );
    assert_ne!(now["version"], finding["tracked"]["version"]);
    assert!(answer.json()["trend"].as_object().unwrap().values().any(|day| day["acknowledged"] == 1));
    let config = format!(
        "ack {} --as revoked --reason INC-17 --config own.toml --state state",
        now["finding"].as_str().unwrap()
    );
    assert_eq!(site.fleet.sweep(&config).code, 0);
    let entries = site.entries();
    let told = |entry: &Value| {
        let details = &entry["details"];
        [
            &entry["action"],
            &entry["actor"],
            &entry["outcome"],
            &details["was"],
            &details["state"],
            &details["reason"],
            &details["until"],
        ]
        .map(|value| value.as_str().unwrap_or("-").to_owned())
        .join(" ")
    };
    assert_eq!(told(&entries[0]), "triage ann begun open acknowledged rotation planned 2999-01-31");
    assert_eq!((&entries[1]["outcome"], &entries[1]["of"]), (&json!("acknowledged"), &json!(1)));
    let by = entries[2]["actor"].as_str().unwrap().to_owned();
    assert_eq!(told(&entries[2]), format!("triage {by} begun acknowledged revoked INC-17 -"));
    assert!(entries.iter().all(|entry| entry["details"]["finding"] == finding["tracked"]["finding"]));
    assert_eq!((entries.len(), &site.findings()[0]["tracked"]["by"]), (4, &json!(by)));
    let run = crate::run_in(site.fleet.path(), "audit --log log/audit.jsonl verify", b"");
    assert_eq!(run.code, 0, "{}", run.stderr);
}

#[test]
fn without_a_record_nothing_is_said() {
    let site = Site::usual();
    let finding = site.findings()[0].clone();
    // The log's folder is a file: nothing can be written down.
    std::fs::remove_dir_all(site.fleet.path().join("log")).ok();
    std::fs::write(site.fleet.path().join("log"), "").unwrap();
    let answer = site.by(ANN, "POST /page/triage", &known(&finding).to_string());
    assert_eq!(answer.status, 503, "{}", answer.body);
    let id = finding["tracked"]["finding"].as_str().unwrap();
    let ack = site.fleet.sweep(&format!("ack {id} --reason x --config own.toml --state state"));
    assert_eq!(ack.code, 2, "{}", ack.stderr);
    assert_eq!(site.findings()[0], finding);
}

#[test]
fn nobody_is_overruled_unseen() {
    let site = Site::usual();
    let finding = site.findings()[0].clone();
    let id = finding["tracked"]["finding"].as_str().unwrap();
    assert_eq!(site.fleet.sweep(&format!("ack {id} --as false-positive --reason sample --state state")).code, 0);
    let late = site.by(ANN, "POST /page/triage", &known(&finding).to_string());
    let fresh = late.json()["finding"].clone();
    assert_eq!((late.status, &fresh["tracked"]["state"]), (409, &json!("false-positive")));
    assert!(site.entries().is_empty(), "nothing was begun");
    assert_eq!(site.by(ANN, "POST /page/triage", &known(&fresh).to_string()).status, 200);
    // Two at the same moment: one of them.
    let fresh = known(&site.findings()[0]).to_string();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let tries: Vec<_> = (0..8).map(|_| scope.spawn(|| site.by(ANN, "POST /page/triage", &fresh).status)).collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let count = |status| statuses.iter().filter(|one| **one == status).count();
    assert_eq!((count(200), count(409)), (1, 7), "{statuses:?}");
    // A secret that came back meanwhile is news, too.
    let say = |state: &str| format!("ack {id} --as {state} --reason done --state state");
    assert_eq!(site.fleet.sweep(&say("revoked")).code, 0);
    let seen = known(site.findings().iter().find(|one| one["tracked"]["finding"] == id).unwrap());
    site.fleet.push("b", 5, &[&[("again.env", &leak(16)), ("twice.env", &leak(17))]]);
    site.fleet.run("");
    assert_eq!(site.by(ANN, "POST /page/triage", &seen.to_string()).status, 409);
}

#[test]
fn a_proxy_is_believed_only_when_it_is_the_one() {
    let proxy = |trusted: &str, more: &str| {
        let header = format!("proxy-header = 'X-Forwarded-Email'\ntrusted-proxies = ['{trusted}']\n");
        Site::new(swept(), &format!("{SETTINGS}{header}{more}"))
    };
    let ann = "X-Forwarded-Email: ann@acme.example";
    let site = proxy("127.0.0.1", "proxy-triage = ['ann@acme.example']\n");
    assert_eq!(site.ask("GET /", &[], "").status, 401, "there is nothing to log in with");
    assert_eq!(site.ask("GET /login", &[], "").status, 401);
    assert_eq!(site.ask("GET /", &[ann, "X-Forwarded-Email: eve@evil.example"], "").status, 403);
    let body = |site: &Site| {
        let findings = site.ask("GET /page/findings", &[ann], "").json();
        known(&findings["findings"][0]).to_string()
    };
    let (json, origin) = ("Content-Type: application/json", "Origin: http://{here}");
    let token = format!("X-Stopleak-Token: {}", site.session_token(ann));
    let bob = "X-Forwarded-Email: bob@acme.example";
    let bobs = format!("X-Stopleak-Token: {}", site.session_token(bob));
    assert_eq!(site.ask("POST /page/triage", &[bob, json, origin, &bobs], &body(&site)).status, 403, "bob only looks");
    assert_eq!(site.ask("POST /page/triage", &[ann, json, origin, &bobs], &body(&site)).status, 403);
    assert_eq!(site.ask("POST /page/triage", &[ann, json, origin, &token], &body(&site)).status, 200);
    assert_eq!(site.entries()[0]["actor"], "ann@acme.example");
    let site = proxy("10.0.0.1", "");
    assert_eq!(site.ask("GET /", &[ann], "").status, 401, "anybody can send a header");
    let site = proxy("127.0.0.1", "proxy-secret = { env = 'PROXY' }\nproxy-secret-header = 'X-Key'\n");
    assert_eq!(site.ask("GET /", &[ann], "").status, 403);
    assert_eq!(site.ask("GET /", &[ann, "X-Key: guess"], "").status, 403);
    assert_eq!(site.ask("GET /", &[ann, "X-Key: between the proxy and us"], "").status, 200);
}

#[test]
fn settings_that_let_nobody_or_everybody_in_are_errors() {
    let fleet = Fleet::new();
    let proxy = "proxy-header = 'X-User'\n";
    let token = |name: &str, variable: &str| {
        format!("[[serve.page.tokens]]\nname = '{name}'\ntoken = {{ env = '{variable}' }}\n")
    };
    let table = [
        (String::new(), "nobody may look"),
        (proxy.to_owned(), "anybody can send a header"),
        ("trusted-proxies = ['127.0.0.1']\n".to_owned(), "has no `proxy-header`"),
        (format!("{proxy}trusted-proxies = ['127.0.0.1']\nproxy-secret-header = 'X-Key'\n"), "needs `proxy-secret`"),
        ("proxy-header = 'Cookie'\ntrusted-proxies = ['127.0.0.1']\n".to_owned(), "cannot be the header"),
        (token("x", "SHORT"), "can be guessed"),
        (token("x", "ANN") + &token("x", "BOB"), "the same"),
        (token("x", "ANN") + &token("y", "ANN"), "the same"),
        (token("", "ANN"), "has no name"),
        (format!("hosts = ['https://x']\n{}", token("x", "ANN")), "is no name"),
        (token("x", "ANN"), "there is no store"),
    ];
    for (page, expected) in table {
        std::fs::write(fleet.path().join("own.toml"), format!("{SETTINGS}{page}")).unwrap();
        let mut command = crate::command_in(fleet.path(), "serve --config own.toml --listen 127.0.0.1:0");
        command.env("ANN", ANN).env("BOB", BOB).env("SHORT", "guess");
        let output = command.env("STOPLEAK_STATE", fleet.path().join("own")).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(expected), "{page}: {said}");
    }
}

#[test]
fn two_servers_on_one_database_agree_and_outlive_it() {
    let fleet = Arc::new(Fleet::new());
    let Some(mut database) = postgres(fleet.path()) else { return };
    fleet.repo("a", &[&[("a.env", &leak(16)), ("b.env", &leak(17))]]);
    let store = format!("postgres://sweep@127.0.0.1:{}/postgres", database.port);
    let run = fleet.run(&format!("--store {store}"));
    assert_eq!(run.code, 1, "{}", run.stderr);
    let page = format!("store = '{store}'\nkey = 'state/store.key'\n{TOKENS}");
    let settings = SETTINGS.replace("store = 'state/sweep.db'\n", &page);
    let sites = [Site::new(fleet.clone(), &settings), Site::new(fleet.clone(), &settings)];
    assert_eq!(sites[0].findings(), sites[1].findings());
    let body = known(&sites[0].findings()[0]).to_string();
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let say = |number: usize| sites[number % 2].by(ANN, "POST /page/triage", &body).status;
        let tries: Vec<_> = (0..8).map(|number| scope.spawn(move || say(number))).collect();
        tries.into_iter().map(|one| one.join().unwrap()).collect()
    });
    let count = |status| statuses.iter().filter(|one| **one == status).count();
    assert_eq!((count(200), count(409)), (1, 7), "{statuses:?}");
    let states = |site: &Site| site.findings().iter().map(|one| one["tracked"]["state"].clone()).collect::<Vec<_>>();
    assert_eq!(states(&sites[0]), ["acknowledged", "open"]);
    assert_eq!(states(&sites[0]), states(&sites[1]));
    database.kill();
    let lost = sites[0].by(BOB, "GET /page/findings", "");
    assert!(lost.status == 503 && !lost.body.contains("127.0.0.1"), "{}", lost.body);
    database.restart();
    assert_eq!(states(&sites[0]), ["acknowledged", "open"]);
}
