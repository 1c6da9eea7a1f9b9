//! Who is told of leaks, as a user meets it.

use crate::made::token;
use crate::server::{Reply, Server};
use crate::{Project, Run};
use std::process::Command;

fn project(settings: &str) -> Project {
    Project::new().file("src/a.env", format!("HF_TOKEN={}\n", token(1))).file("own.toml", settings)
}

fn run(command: &mut Command) -> Run {
    let output = command.output().unwrap();
    Run {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn with_state(project: &Project, args: &str) -> Run {
    run(project.command(args).env("STOPLEAK_STATE", project.path().join("state")).env("HOOK_SECRET", "known to both"))
}

fn webhook(server: &Server) -> String {
    let host = &server.host;
    format!(
        "[[notify]]\nname = 'ops'\nkind = 'webhook'\nurl = 'http://{host}/hook'\nsecret = {{ env = 'HOOK_SECRET' }}\n"
    )
}

#[test]
fn a_scan_tells_of_what_is_new_once() {
    let server = Server::start(|_| Reply::new(204, ""));
    let project = project(&webhook(&server));
    for _ in 0..2 {
        let run = with_state(&project, "scan --config own.toml --notify --no-progress src");
        assert_eq!(run.code, 1, "{}", run.stderr);
    }
    let asked = server.asked();
    assert_eq!(asked.len(), 1, "the second scan finds nothing new");
    let body: serde_json::Value = serde_json::from_slice(&asked[0].body).unwrap();
    assert_eq!((&body["type"], &body["places"][0]), (&"new-finding".into(), &"a.env:1".into()));
    assert!(!String::from_utf8_lossy(&asked[0].body).contains(&token(1)));
    assert!(asked[0].header("webhook-signature").unwrap().starts_with("v1,"));
}

#[test]
fn whom_nobody_could_tell_is_said_and_told_the_next_time() {
    let project = project("[[notify]]\nname = 'siem'\nkind = 'log'\npath = 'no/such/events.jsonl'\n");
    let run = with_state(&project, "scan --config own.toml --notify --no-progress src");
    assert!(run.code == 1 && run.stderr.contains("siem was not told of 1 event"), "{}", run.stderr);
    std::fs::create_dir_all(project.path().join("no/such")).unwrap();
    with_state(&project, "scan --config own.toml --notify --no-progress src");
    assert_eq!(project.read("no/such/events.jsonl").lines().count(), 1);
}

#[test]
fn a_test_says_who_was_told() {
    let server = Server::start(|_| Reply::new(204, ""));
    let project = project(&(webhook(&server) + "[[notify]]\nname = 'siem'\nkind = 'log'\npath = 'events.jsonl'\n"));
    let run = with_state(&project, "notify test --config own.toml");
    assert!(run.code == 0 && run.stderr.contains("ops: told") && run.stderr.contains("siem: told"), "{}", run.stderr);
    let run = with_state(&project, "notify test --config own.toml --to siem");
    assert!(run.code == 0 && !run.stderr.contains("ops"), "{}", run.stderr);
    assert_eq!((server.asked().len(), project.read("events.jsonl").lines().count()), (1, 2));
    let run = with_state(&project, "notify test --config own.toml --to nobody");
    assert!(run.code == 2 && run.stderr.contains("no [[notify]] is called nobody"), "{}", run.stderr);
}

#[test]
fn settings_that_are_wrong_are_errors_and_name_the_table() {
    let table = [
        ("kind = 'webhook'", "needs `url`"),
        ("kind = 'slack'\nurl = 'https://hooks.slack.example/x'", "Slack's address is a credential"),
        ("kind = 'pagerduty'", "needs `key`"),
        ("kind = 'jira'\nurl = 'https://j.example'\nkey = { env = 'X' }", "needs `project`"),
        ("kind = 'log'", "needs `path`"),
        ("kind = 'log'\npath = 'x'\nevents = ['new']", "`new` is none of new-finding"),
        ("kind = 'log'\npath = 'x'\nseverity = 'bad'", "`severity` is low"),
        ("kind = 'pigeon'", "unknown variant"),
        ("kind = 'webhook'\nurl = 'http://127.0.0.1:1/'\nsecret = { env = 'NOT_SET' }", "the variable NOT_SET"),
        ("kind = 'webhook'\nurl = { file = '/no/such/file' }", "cannot read /no/such/file"),
    ];
    for (lines, expected) in table {
        let project = project(&format!("[[notify]]\nname = 'ops'\n{lines}\n"));
        let run = with_state(&project, "notify test --config own.toml");
        assert!(run.code == 2 && run.stderr.contains(expected), "{lines}: {}", run.stderr);
    }
}

#[test]
fn settings_that_are_only_found_tell_nobody() {
    let server = Server::start(|_| Reply::new(204, ""));
    let project = project("").file("src/stopleak.toml", webhook(&server));
    let run = with_state(&project, "scan --no-progress src");
    assert!(run.stderr.contains("[[notify]] is not used"), "{}", run.stderr);
    assert!(with_state(&project, "scan --notify src").code == 2, "--notify needs --config");
    assert!(server.asked().is_empty());
}

#[test]
fn a_scan_that_asks_tells_of_what_works_by_then() {
    let lives = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let answers = lives.clone();
    let token = stopleak_core::rule::example::expand("<github:ghp_>", 44).unwrap();
    let (known, value) = (format!("Bearer {token}"), token.clone());
    let server = Server::start(move |asked| match asked.header("authorization") == Some(&known) {
        true if answers.load(std::sync::atomic::Ordering::SeqCst) => {
            Reply::new(200, r#"{"login":"octocat","type":"User"}"#)
        }
        _ => Reply::new(401, r#"{"message":"Bad credentials"}"#),
    });
    let settings = "[[notify]]\nname = 'siem'\nkind = 'log'\npath = 'events.jsonl'\n[audit]\nrecord = true\nlog = 'audit.jsonl'\nkey = 'audit.key'\n";
    let project = Project::new().file("src/a.env", format!("A={value}\n")).file("own.toml", settings);
    let scan = format!(
        "scan --config own.toml --notify --verify --no-verify-cache --endpoint github=http://{} --no-progress src",
        server.host
    );
    for is_alive in [false, true, true] {
        lives.store(is_alive, std::sync::atomic::Ordering::SeqCst);
        let mut command = project.command(&scan);
        for name in ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"] {
            command.env_remove(name);
        }
        run(command.env("STOPLEAK_STATE", project.path().join("state")));
    }
    let events: Vec<serde_json::Value> =
        project.read("events.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds.last(), Some(&"newly-active"), "{kinds:?}");
    assert_eq!(kinds.iter().filter(|kind| **kind == "newly-active").count(), 1, "{kinds:?}");
    let last = events.last().unwrap();
    assert!(["run", "actor", "subject", "outcome"].iter().all(|key| !last[key].as_str().unwrap().is_empty()), "{last}");
    let tag = last["subject"].as_str().unwrap();
    let shown = project.run(&format!("audit --log audit.jsonl show --json --subject {tag}")).stdout;
    assert!(shown.contains(&format!("\"run\":{}", last["run"])), "{shown}");
    assert!(!project.read("events.jsonl").contains(&token));
}
