//! Ending secrets by the command line: a plan first, then what was planned, and nothing twice.

use super::server::{Asked, Reply, Server};
use super::{Project, Run};
use std::sync::{Arc, Mutex};
use stopleak_core::rule::example;

/// GitHub, which takes a revocation at once and ends the token after so many more questions; none for ever.
fn github(token: &str, lingers: Option<u32>) -> Server {
    let left = Arc::new(Mutex::new(None::<u32>));
    let token = token.to_owned();
    Server::start(move |asked: &Asked| {
        let mut left = left.lock().unwrap();
        if asked.path == "/credentials/revoke" {
            *left = lingers;
            return Reply::new(202, "");
        }
        let is_known = asked.header("authorization") == Some(&format!("Bearer {token}"));
        let lives = match &mut *left {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                true
            }
        };
        match is_known && lives {
            true => Reply::new(200, r#"{"login":"octocat","type":"User"}"#),
            false => Reply::new(401, r#"{"message":"Bad credentials"}"#),
        }
    })
}

fn run(project: &Project, server: &Server, args: &str) -> Run {
    let mut command = project.command(&format!("{args} --endpoint github=http://{} --quiet", server.host));
    for name in ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy", "NO_PROXY", "no_proxy"] {
        command.env_remove(name);
    }
    let output = command.env("XDG_STATE_HOME", project.path().join("state")).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn project(token: &str) -> Project {
    let project = Project::new().file("a.env", format!("A={token}\n"));
    assert_eq!(project.run("scan --format json=leaks.json --quiet a.env").code, 1);
    project
}

fn revocations(server: &Server) -> usize {
    server.asked().iter().filter(|asked| asked.path == "/credentials/revoke").count()
}

#[test]
fn a_plan_changes_nothing_and_execute_ends_the_token() {
    let token = example::expand("<github:ghp_>", 31).unwrap();
    let (project, server) = (project(&token), github(&token, Some(0)));
    let planned = run(&project, &server, "revoke leaks.json a.env");
    assert_eq!(planned.code, 0, "{}", planned.stderr);
    assert!(
        planned.stdout.contains("POST http") && planned.stdout.contains("cannot be taken back"),
        "{}",
        planned.stdout
    );
    assert_eq!(revocations(&server), 0);
    let unasked = run(&project, &server, "revoke leaks.json a.env --execute");
    assert_eq!((unasked.code, revocations(&server)), (2, 0), "{}", unasked.stderr);
    let done = run(&project, &server, "revoke leaks.json a.env --execute --yes");
    assert_eq!(done.code, 0, "{} {}", done.stdout, done.stderr);
    assert!(done.stdout.contains("confirmed-dead"), "{}", done.stdout);
    assert_eq!(revocations(&server), 1);
    for text in [planned.stdout, planned.stderr, done.stdout, done.stderr] {
        assert!(!text.contains(&token));
    }
    for file in std::fs::read_dir(project.path().join("state/stopleak/runs")).unwrap().flatten() {
        assert!(!std::fs::read_to_string(file.path()).unwrap().contains(&token));
    }
    assert!(!project.read("state/stopleak/audit.jsonl").contains(&token));
}

#[test]
fn what_still_works_is_said_and_the_run_goes_on_later() {
    let token = example::expand("<github:ghp_>", 32).unwrap();
    let (project, server) = (project(&token), github(&token, Some(2)));
    let first = run(&project, &server, "revoke leaks.json a.env --execute --yes --wait 0s --format json");
    assert_eq!(first.code, 1, "{} {}", first.stdout, first.stderr);
    let told: serde_json::Value = serde_json::from_str(&first.stdout).unwrap();
    assert_eq!(told["tasks"][0]["outcome"], "still-live");
    let again = run(&project, &server, "revoke leaks.json a.env --execute --yes");
    assert_eq!(again.code, 2, "the first run did not come to its end");
    let name = told["run"].as_str().unwrap();
    let resumed =
        run(&project, &server, &format!("revoke leaks.json a.env --execute --yes --wait 30s --resume {name}"));
    assert_eq!(resumed.code, 0, "{} {}", resumed.stdout, resumed.stderr);
    assert_eq!(revocations(&server), 1);
}

#[test]
fn the_kill_switch_holds_and_what_cannot_be_ended_is_said() {
    let token = example::expand("<github:ghp_>", 33).unwrap();
    let (project, server) = (project(&token), github(&token, Some(0)));
    let project = project.file("stop.toml", "[respond]\ndisabled = true\n");
    let held = run(&project, &server, "revoke leaks.json a.env --execute --yes --config stop.toml");
    assert_eq!((held.code, revocations(&server)), (2, 0), "{}", held.stderr);
    assert!(held.stderr.contains("kill switch"), "{}", held.stderr);
    let wrong = run(&project, &server, "revoke --rule no.such-rule");
    assert_eq!(wrong.code, 2);
}

const TOLD: &str = "[[notify]]\nname = 'siem'\nkind = 'log'\npath = 'events.jsonl'\n[audit]\nrecord = true\nlog = 'audit.jsonl'\nkey = 'audit.key'\n";

fn log(project: &Project, path: &str) -> Vec<serde_json::Value> {
    project.read(path).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn receivers_are_told_that_it_still_lives_and_then_that_it_is_dead() {
    let token = example::expand("<github:ghp_>", 34).unwrap();
    let (project, server) = (project(&token), github(&token, Some(1)));
    let project = project.file("told.toml", TOLD);
    let config = "revoke leaks.json a.env --config told.toml";
    assert_eq!(run(&project, &server, config).code, 0);
    assert!(!project.path().join("events.jsonl").exists(), "a plan is no news");
    let first = run(&project, &server, &format!("{config} --execute --yes --wait 0s --format json"));
    assert_eq!(first.code, 1, "{}", first.stderr);
    let name = serde_json::from_str::<serde_json::Value>(&first.stdout).unwrap()["run"].as_str().unwrap().to_owned();
    let again = run(&project, &server, &format!("{config} --execute --yes --wait 30s --resume {name}"));
    assert_eq!(again.code, 0, "{}", again.stderr);
    let events = log(&project, "events.jsonl");
    let kinds: Vec<_> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["still-live", "revoked"]);
    let entries = log(&project, "audit.jsonl");
    let tag = entries.iter().find(|entry| entry["action"] == "respond.intent").unwrap()["subjects"][0].clone();
    assert_eq!((&events[1]["run"], &events[1]["subject"]), (&name.as_str().into(), &tag));
    let of = |action: &str| -> Vec<String> {
        let own = entries.iter().filter(|entry| entry["action"] == action && entry["subjects"][0] == tag);
        own.map(|entry| entry["outcome"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(of("respond.plan"), ["planned", "confirmed"]);
    assert_eq!((of("respond.intent"), of("respond.result")), (vec!["intended".to_owned()], vec!["done".to_owned()]));
    assert_eq!(of("respond.outcome"), ["still-live", "confirmed-dead"]);
    let shown = project.run(&format!("audit --log audit.jsonl show --json --run {name}")).stdout;
    assert_eq!(shown.lines().count(), 5, "{shown}");
    assert!(!project.read("events.jsonl").contains(&token) && !project.read("audit.jsonl").contains(&token));
}

#[test]
fn whom_nobody_could_tell_of_a_revocation_is_said_and_the_exit_code_shows_it() {
    let token = example::expand("<github:ghp_>", 35).unwrap();
    let (project, server) = (project(&token), github(&token, Some(0)));
    let project = project.file("told.toml", TOLD.replace("events.jsonl", "no/such/events.jsonl"));
    let done = run(&project, &server, "revoke leaks.json a.env --config told.toml --execute --yes");
    assert!(done.code == 2 && done.stdout.contains("confirmed-dead"), "{} {}", done.stdout, done.stderr);
    assert!(done.stderr.contains("siem was not told"), "{}", done.stderr);
}

#[test]
fn what_cannot_be_written_down_is_not_done() {
    let token = example::expand("<github:ghp_>", 36).unwrap();
    let (project, server) = (project(&token), github(&token, Some(0)));
    // The log's folder is a file.
    let settings = "[audit]\nlog = 'log/audit.jsonl'\nkey = 'audit.key'\n";
    let project = project.file("own.toml", settings).file("log", "");
    let done = run(&project, &server, "revoke leaks.json a.env --config own.toml --execute --yes");
    assert!(done.code == 2 && done.stderr.contains("nothing was done"), "{}", done.stderr);
    assert_eq!(revocations(&server), 0);
}
