//! `stopleak serve` as a forge meets it.

use crate::Project;
use crate::made::token;
use crate::server::{Reply, Server};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use stopleak_core::rule::example;

const SETTINGS: &str = "[serve.gitlab]\ntoken = { env = 'GITLAB_TOKEN' }\ntypes = ['hf']\n\
    [[notify]]\nname = 'siem'\nkind = 'log'\npath = 'events.jsonl'\n\
    [serve]\nqueue = 'queue'\nverify = false\n[audit]\nlog = 'log/audit.jsonl'\nkey = 'audit.key'\n";
const TOKEN: &str = "known to both of us";

/// A server that is killed when the test ends.
struct Serving {
    child: Child,
    address: String,
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn command(project: &Project, args: &str) -> Command {
    let mut command = project.command(&format!("serve --config own.toml {args}"));
    command.env("HUB_SECRET", "the webhook's").env("HUB_TOKEN", "of the alerts");
    for name in
        ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"]
    {
        command.env_remove(name);
    }
    command.env("GITLAB_TOKEN", TOKEN).env("STOPLEAK_STATE", project.path().join("state"));
    command
}

fn serve(project: &Project) -> Serving {
    let mut child = command(project, "--listen 127.0.0.1:0").spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let line = lines.next().unwrap().unwrap();
    let address = line.rsplit("http://").next().unwrap().to_owned();
    // Somebody must read on, or the server would wait for it.
    std::thread::spawn(move || lines.for_each(drop));
    Serving { child, address }
}

fn send(serving: &Serving, bytes: &[u8]) -> String {
    let mut stream = TcpStream::connect(&serving.address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
    // A server that has seen enough may hang up.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

fn revoke(serving: &Serving, token: &str, seeds: &[u64]) -> String {
    report(serving, token, seeds.iter().map(|seed| crate::made::token(*seed)))
}

fn report(serving: &Serving, token: &str, values: impl Iterator<Item = String>) -> String {
    let list: Vec<_> = values
        .map(|value| serde_json::json!({ "type": "hf", "token": value, "location": "https://g.example/x" }))
        .collect();
    let body = serde_json::Value::from(list).to_string();
    let head = format!(
        "POST /v1/revoke_tokens HTTP/1.1\r\nHost: x\r\nAuthorization: {token}\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    send(serving, (head + &body).as_bytes())
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn entries(project: &Project) -> Vec<serde_json::Value> {
    let text = std::fs::read_to_string(project.path().join("log/audit.jsonl")).unwrap_or_default();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn everything(project: &Project) -> Vec<u8> {
    let mut all = Vec::new();
    for folder in ["", "log", "queue"] {
        for entry in
            std::fs::read_dir(project.path().join(folder)).unwrap().flatten().filter(|entry| entry.path().is_file())
        {
            all.extend(std::fs::read(entry.path()).unwrap());
        }
    }
    all
}

#[test]
fn a_leak_that_gitlab_reports_is_taken_identified_told_and_on_record() {
    let project = Project::new().file("own.toml", SETTINGS);
    let serving = serve(&project);
    let types = send(
        &serving,
        format!("GET /v1/revocable_token_types?x=1 HTTP/1.1\r\nauthorization: {TOKEN}\r\n\r\n").as_bytes(),
    );
    assert!(types.starts_with("HTTP/1.1 200 OK\r\n") && types.ends_with("{\"types\":[\"hf\"]}"), "{types}");
    assert!(revoke(&serving, "wrong", &[1]).starts_with("HTTP/1.1 401 "));
    assert!(revoke(&serving, TOKEN, &[1]).starts_with("HTTP/1.1 204 "));
    until("the incident is done", || entries(&project).len() == 3);
    assert!(revoke(&serving, TOKEN, &[1]).starts_with("HTTP/1.1 204 "), "again: the same");
    let entries = entries(&project);
    assert_eq!((&entries[0]["action"], &entries[0]["details"]["forge"]), (&"intake".into(), &"gitlab".into()));
    assert_eq!(entries[1]["action"], "respond.plan");
    assert_eq!(entries[2]["details"]["rule"], "huggingface.user-access-token");
    assert_eq!((&entries[2]["outcome"], &entries[2]["details"]["told"]), (&"unchecked".into(), &1.into()));
    let event: serde_json::Value = serde_json::from_str(project.read("events.jsonl").trim()).unwrap();
    assert_eq!(event["places"][0], "https://g.example/x");
    let (all, value) = (everything(&project), token(1));
    assert!(!all.windows(12).any(|window| window == &value.as_bytes()[3..15]), "the value is nowhere in clear");
}

#[test]
fn the_provider_is_asked_and_its_answer_told() {
    // A random value gets the same answer here, so that it proves nothing.
    let github = Server::start(|_| Reply::new(200, r#"{"login":"octocat","type":"User"}"#));
    let asking = format!("[verify.endpoints]\ngithub = ['http://{}']\n", github.host);
    let project = Project::new().file("own.toml", SETTINGS.replace("verify = false\n", "") + &asking);
    let serving = serve(&project);
    let value = example::expand("<github:ghp_>", 3).unwrap();
    assert!(report(&serving, TOKEN, [value.clone()].into_iter()).starts_with("HTTP/1.1 204 "));
    until("its provider's answer is on record", || entries(&project).iter().any(|entry| entry["outcome"] == "unknown"));
    let asked = github.asked();
    let said: Vec<&str> = asked.iter().map(|asked| asked.header("authorization").unwrap_or_default()).collect();
    assert_eq!(said.len(), 2, "the value, and a random one");
    assert!(said[0].ends_with(&value) && !said[1].ends_with(&value));
}

#[test]
#[cfg(unix)]
fn what_was_accepted_survives_the_servers_death_and_a_broken_log() {
    // The log's folder is a file: nothing can be written down, so nothing is done.
    let project = Project::new().file("own.toml", SETTINGS).file("log", "");
    let mut serving = serve(&project);
    assert!(revoke(&serving, TOKEN, &[1, 2, 3]).starts_with("HTTP/1.1 204 "));
    serving.child.kill().unwrap();
    serving.child.wait().unwrap();
    assert_eq!(command(&project, "--drain").output().unwrap().status.code(), Some(2));
    std::fs::remove_file(project.path().join("log")).unwrap();
    let drained = command(&project, "--drain").output().unwrap();
    assert_eq!(drained.status.code(), Some(0), "{}", String::from_utf8_lossy(&drained.stderr));
    assert_eq!(entries(&project).len(), 9);
    assert_eq!(project.read("events.jsonl").lines().count(), 3);
}

#[test]
fn requests_that_make_no_sense_are_refused_and_it_serves_on() {
    let project = Project::new().file("own.toml", SETTINGS);
    let serving = serve(&project);
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "x".repeat(20_000));
    let many = format!("GET / HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(100));
    let table = [
        ("nonsense\r\n\r\n", "400"),
        ("GET / HTTP/1.1\r\n\r\n", "404"),
        ("GET /healthz HTTP/1.1\r\n\r\n", "204"),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "411"),
        ("POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", "413"),
        ("POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999999\r\n\r\n", "413"),
        ("POST / HTTP/1.1\r\nContent-Length: +1\r\n\r\nx", "400"),
        ("POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", "400"),
        (&long, "431"),
        (&many, "431"),
    ];
    for (request, status) in table {
        let answer = send(&serving, request.as_bytes());
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request:.60}: {answer}");
    }
    assert!(!send(&serving, &[0xff, 0, 0x80, b'\r', b'\n', b'\r', b'\n']).starts_with("HTTP/1.1 2"));
    // One that never ends its request holds nobody up.
    let _open = TcpStream::connect(&serving.address).unwrap();
    assert!(send(&serving, b"GET /healthz HTTP/1.1\r\n\r\n").starts_with("HTTP/1.1 204 "));
}

#[test]
fn a_client_that_waits_for_leave_to_send_gets_it() {
    let project = Project::new().file("own.toml", SETTINGS);
    let serving = serve(&project);
    let mut stream = TcpStream::connect(&serving.address).unwrap();
    let head = format!(
        "POST /v1/revoke_tokens HTTP/1.1\r\nAuthorization: {TOKEN}\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut leave = [0; 25];
    stream.read_exact(&mut leave).unwrap();
    assert_eq!(&leave, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"[]").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 204 "), "{answer}");
}

#[test]
#[cfg(unix)]
fn a_signal_ends_it_in_good_order() {
    let project = Project::new().file("own.toml", SETTINGS);
    let mut serving = serve(&project);
    let id = serving.child.id().to_string();
    assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
    assert_eq!(serving.child.wait().unwrap().code(), Some(0));
}

#[test]
fn nobody_to_answer_and_a_token_that_can_be_guessed_are_errors() {
    let table = [
        ("", "name nobody to answer"),
        ("[serve.gitlab]\ntoken = { env = 'SHORT' }\ntypes = []\n", "can be guessed"),
        ("[serve.gitlab]\ntoken = { env = 'NOT_SET' }\ntypes = []\n", "NOT_SET, which is not set"),
        ("[serve.github-partner]\nkeys-url = 'x'\nkeys-file = 'y'\n", "one of them"),
        ("[serve]\nrevoke = true\nverify = false\n", "what nobody asks about is not ended"),
        (
            "[serve.github-alerts]\nsecret = { env = 'SHORT' }\ntoken = { env = 'SHORT' }\nurl = 'http://ghe.example'\n",
            "is not https",
        ),
    ];
    for (settings, expected) in table {
        let project = Project::new().file("own.toml", settings);
        let output = command(&project, "--listen 127.0.0.1:0").env("SHORT", "guess").output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && said.contains(expected), "{settings}: {said}");
    }
}

/// GitHub: takes a revocation at once, ends the token after so many more questions, gives alerts' values away, and
/// refuses to resolve an alert whose token lives.
fn github(token: &str, lingers: u32) -> Server {
    let left = Arc::new(Mutex::new(None::<u32>));
    let token = token.to_owned();
    Server::start(move |asked| {
        let mut left = left.lock().unwrap();
        let is_it = asked.header("authorization") == Some(&format!("Bearer {token}"));
        match (asked.method.as_str(), asked.path.as_str()) {
            (_, "/credentials/revoke") => {
                *left = left.or(Some(lingers));
                Reply::new(202, "")
            }
            ("GET", "/repos/acme/app/secret-scanning/alerts/4") => {
                Reply::new(200, serde_json::json!({ "number": 4, "secret": token }).to_string())
            }
            ("PATCH", _) if *left != Some(0) => Reply::new(500, ""),
            ("PATCH", _) => Reply::new(200, "{}"),
            _ if !is_it => Reply::new(401, "{\"message\":\"Bad credentials\"}"),
            _ => match &mut *left {
                Some(0) => Reply::new(401, "{\"message\":\"Bad credentials\"}"),
                left => {
                    *left = left.map(|left| left - 1);
                    Reply::new(200, "{\"login\":\"octocat\",\"type\":\"User\"}")
                }
            },
        }
    })
}

fn revoking(server: &Server, serve: &str, respond: &str) -> Project {
    let host = &server.host;
    let settings = format!(
        "[serve]\nqueue = 'queue'\n{serve}\n[serve.gitlab]\ntoken = {{ env = 'GITLAB_TOKEN' }}\ntypes = ['hf']\n\
         [serve.github-alerts]\nsecret = {{ env = 'HUB_SECRET' }}\ntoken = {{ env = 'HUB_TOKEN' }}\nurl = 'http://{host}'\n\
         [[notify]]\nname = 'siem'\nkind = 'log'\npath = 'events.jsonl'\n\
         [audit]\nlog = 'log/audit.jsonl'\nkey = 'audit.key'\n\
         [verify]\nendpoints.github = ['http://{host}']\nrequests-per-second = 1000\n\
         [respond]\nwait-seconds = 0\n{respond}\n"
    );
    Project::new().file("own.toml", settings)
}

/// A leak that waits in the queue, as a server left it that could not write its log.
fn reported(project: &Project, token: &str) {
    std::fs::write(project.path().join("log"), "").unwrap();
    let mut serving = serve(project);
    assert!(report(&serving, TOKEN, [token.to_owned()].into_iter()).starts_with("HTTP/1.1 204 "));
    serving.child.kill().unwrap();
    serving.child.wait().unwrap();
    std::fs::remove_file(project.path().join("log")).unwrap();
}

fn drain(project: &Project) -> (i32, String) {
    let output = command(project, "--drain").output().unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn told(project: &Project) -> Vec<String> {
    let text = std::fs::read_to_string(project.path().join("events.jsonl")).unwrap_or_default();
    let kind =
        |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["type"].as_str().unwrap().to_owned();
    text.lines().map(kind).collect()
}

fn asked(server: &Server, path: &str) -> usize {
    server.asked().iter().filter(|asked| asked.path == path).count()
}

#[test]
#[cfg(unix)]
fn a_plan_is_made_and_not_carried_out_unless_the_settings_say_so() {
    let token = example::expand("<github:ghp_>", 41).unwrap();
    let server = github(&token, 0);
    let project = revoking(&server, "", "");
    reported(&project, &token);
    let (code, said) = drain(&project);
    assert_eq!(code, 0, "{said}");
    assert_eq!(asked(&server, "/credentials/revoke"), 0);
    let plans: Vec<_> = entries(&project).into_iter().filter(|entry| entry["action"] == "respond.plan").collect();
    assert_eq!((plans.len(), &plans[0]["outcome"]), (1, &"planned".into()));
    assert_eq!(told(&project), ["newly-active"]);
    assert!(project.read("events.jsonl").contains("planned, not carried out"));
}

#[test]
#[cfg(unix)]
fn a_reported_token_is_ended_once_and_gone_on_with_until_it_is_dead() {
    let token = example::expand("<github:ghp_>", 42).unwrap();
    let server = github(&token, 1);
    let project = revoking(&server, "revoke = true", "");
    reported(&project, &token);
    let (code, said) = drain(&project);
    assert!(code == 2 && said.contains("still-live"), "accepted is not dead: {said}");
    assert_eq!(told(&project), ["newly-active", "still-live"]);
    let (code, said) = drain(&project);
    assert_eq!((code, asked(&server, "/credentials/revoke")), (0, 1), "{said}");
    let kinds = told(&project);
    assert_eq!(kinds.last().unwrap(), "revoked", "{kinds:?}");
    let (entries, all) = (entries(&project), everything(&project));
    let actions: Vec<&str> = entries.iter().filter_map(|entry| entry["action"].as_str()).collect();
    let count = |action: &str| actions.iter().filter(|one| **one == action).count();
    assert_eq!((count("respond.plan"), count("respond.intent"), count("respond.result")), (1, 1, 1), "{actions:?}");
    assert_eq!(entries.last().unwrap()["outcome"], "confirmed-dead");
    let tag = entries.iter().find(|entry| entry["action"] == "respond.intent").unwrap()["subjects"][0].clone();
    let shown = project.run(&format!("audit --log log/audit.jsonl show --json --subject {}", tag.as_str().unwrap()));
    let shown = shown.stdout;
    for action in ["intake", "respond.plan", "respond.intent", "respond.result", "respond.outcome"] {
        assert!(shown.contains(&format!("\"action\":\"{action}\"")), "{action}: {shown}");
    }
    let last: serde_json::Value = serde_json::from_str(project.read("events.jsonl").lines().last().unwrap()).unwrap();
    assert_eq!((&last["subject"], &last["outcome"]), (&tag, &"confirmed-dead".into()));
    assert!(!last["run"].as_str().unwrap().is_empty() && !last["actor"].as_str().unwrap().is_empty());
    assert!(!all.windows(12).any(|window| window == &token.as_bytes()[6..18]), "the value is nowhere in clear");
    drain(&project);
    assert_eq!(asked(&server, "/credentials/revoke"), 1);
}

#[test]
#[cfg(unix)]
fn the_kill_switch_the_budget_and_the_accounts_hold_a_server_back() {
    let table = [
        (51, "disabled = true", 2, "kill switch"),
        (52, "max-mutations = 0", 2, "budget"),
        (53, "accounts = ['somebody-else']", 0, "declined"),
    ];
    for (seed, respond, expected, word) in table {
        let token = example::expand("<github:ghp_>", seed).unwrap();
        let server = github(&token, 0);
        let project = revoking(&server, "revoke = true", respond);
        reported(&project, &token);
        let (code, said) = drain(&project);
        assert!(code == expected && said.contains(word), "{respond}: {code} {said}");
        assert_eq!(asked(&server, "/credentials/revoke"), 0, "{respond}");
        assert_eq!(told(&project), ["newly-active", "failed"], "{respond}");
    }
}

#[test]
fn an_alert_is_resolved_when_its_token_is_dead_and_never_before() {
    let token = example::expand("<github:ghp_>", 43).unwrap();
    let server = github(&token, 1);
    let project = revoking(&server, "revoke = true", "");
    let serving = serve(&project);
    let body = r#"{"action":"created","alert":{"number":4,"secret_type":"github","html_url":"https://g.example/4"},"repository":{"full_name":"acme/app"}}"#;
    let head = format!(
        "POST /github/alerts HTTP/1.1\r\nX-GitHub-Event: secret_scanning_alert\r\nX-Hub-Signature-256: {}\r\nContent-Length: {}\r\n\r\n",
        hub(body.as_bytes()),
        body.len()
    );
    assert!(send(&serving, (head + body).as_bytes()).starts_with("HTTP/1.1 202 "));
    let patched = || server.asked().into_iter().find(|asked| asked.method == "PATCH");
    until("it still lives", || told(&project).contains(&"still-live".to_owned()));
    assert!(patched().is_none());
    drop(serving);
    let (code, said) = drain(&project);
    assert_eq!(code, 0, "{said}");
    let patch = patched().expect("it is dead");
    assert_eq!(patch.path, "/repos/acme/app/secret-scanning/alerts/4");
    assert_eq!(patch.header("authorization"), Some("Bearer of the alerts"));
    let body: serde_json::Value = serde_json::from_slice(&patch.body).unwrap();
    assert_eq!((&body["state"], &body["resolution"]), (&"resolved".into(), &"revoked".into()));
    let acts: Vec<_> =
        entries(&project).into_iter().filter(|entry| entry["details"]["act"] == "resolve-alert").collect();
    assert_eq!(acts.len(), 2, "before and after");
}

fn hub(body: &[u8]) -> String {
    use hmac::{Hmac, KeyInit, Mac};
    let mut mac = Hmac::<sha2::Sha256>::new_from_slice(b"the webhook's").unwrap();
    mac.update(body);
    mac.finalize().into_bytes().iter().fold("sha256=".to_owned(), |text, byte| text + &format!("{byte:02x}"))
}
