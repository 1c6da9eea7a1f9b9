//! `stopleak ci github`.

use super::{Ran, binary, leak, run, with_leaks};
use crate::events::{self, ZERO};
use crate::made::token;
use crate::support::Repo;
use serde_json::Value;
use std::process::Command;

fn ci(clone: &Repo, name: &str, payload: &Value, args: &str) -> Ran {
    let home = tempfile::tempdir().unwrap();
    let event = home.path().join("event.json");
    std::fs::write(&event, payload.to_string()).unwrap();
    let mut command = Command::new(binary());
    command.args(["ci", "github"]).args(args.split_whitespace());
    let sha = clone.id("HEAD");
    let variables = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_EVENT_NAME", name),
        ("GITHUB_EVENT_PATH", event.to_str().unwrap()),
        ("GITHUB_SHA", &sha),
        ("GITHUB_REF", "refs/heads/main"),
    ];
    run(command, clone.path(), &variables)
}

fn pull_request(repo: &Repo) -> Value {
    events::pull_request("synchronize", &repo.id("main"), &repo.id("feature"))
}

#[test]
fn a_pull_request_is_stopped_for_its_new_secret_only_and_the_value_is_masked_first() {
    let repo = with_leaks();
    let clone = repo.clone_with("clone", &["--depth=1"]);
    let sarif = clone.path().join("stopleak.sarif");
    let ran = ci(&clone, "pull_request", &pull_request(&repo), "--format sarif=stopleak.sarif");
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert_eq!(lines[0], format!("::add-mask::{}", token(2)));
    assert!(lines[1].starts_with("::error file=new.env,line=2,col=10,"), "{}", lines[1]);
    assert!(lines[2].starts_with("::stop-commands::stopleak-"), "{}", lines[2]);
    let end = lines[2].replace("::stop-commands::", "::") + "::";
    assert_eq!(lines.last(), Some(&end.as_str()));
    let report = std::fs::read_to_string(sarif).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&report).unwrap()["runs"][0]["results"].as_array().unwrap().len(), 1);
    assert!(!format!("{}{report}", ran.all()).contains(&token(2)[4..]), "a value is shown");
    assert!(!ran.all().contains(&token(1)[4..]));
    assert_eq!(
        (ran.output("findings"), ran.output("active"), ran.output("failing")),
        ("1".into(), "0".into(), "1".into())
    );
    let summary = ran.file("summary");
    assert!(summary.contains("🚨 1 secret in 1 place") && summary.contains("new.env:2"), "{summary}");
    assert!(summary.contains("Scanned 2 new commits") && summary.contains("1 known before"), "{summary}");
}

#[test]
fn nothing_new_is_clean_and_says_so() {
    let repo = with_leaks();
    let head = repo.id("main");
    let clone = repo.clone_with("clone", &["--depth=1"]);
    let payload = events::pull_request("opened", &head, &head);
    let ran = ci(&clone, "pull_request", &payload, "--format sarif=stopleak.sarif");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("Nothing to scan: base and head are the same commit."), "{}", ran.stderr);
    assert!(ran.file("summary").contains("✅ No secrets found"));
    assert_eq!(ran.output("findings"), "0");
    let report = std::fs::read_to_string(clone.at("stopleak.sarif")).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&report).unwrap()["runs"][0]["results"].as_array().unwrap().len(), 0);
    let ran = ci(&clone, "push", &events::push("refs/heads/old", &head, ZERO), "");
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("refs/heads/old was deleted"), "{}", ran.stderr);
}

#[test]
fn a_secret_that_the_branch_removed_again_is_found_and_has_no_line_to_show() {
    let mut repo = with_leaks();
    repo.checkout("feature").commit("new.env", "A=1\n").checkout("main");
    let clone = repo.clone_with("clone", &[]);
    let ran = ci(&clone, "pull_request_target", &pull_request(&repo), "");
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let annotation = ran.stdout.lines().find(|line| line.starts_with("::error ")).unwrap();
    assert!(annotation.starts_with("::error title="), "{annotation}");
    assert!(annotation.contains("in history only"), "{annotation}");
    assert_eq!(clone.id("HEAD"), repo.id("main"), "the fork's head is data");
}

#[test]
fn fail_on_decides_what_fails_and_everything_is_still_told() {
    let repo = with_leaks();
    let clone = repo.clone_with("clone", &[]);
    for (fail_on, code) in [("policy", 1), ("never", 0), ("low", 1), ("critical,0.99999", 0), ("presumed-active", 1)] {
        let ran = ci(&clone, "pull_request", &pull_request(&repo), &format!("--fail-on={fail_on}"));
        assert_eq!((ran.code, ran.output("findings")), (code, "1".to_owned()), "{fail_on}: {}", ran.stderr);
    }
    let ran = ci(&clone, "pull_request", &pull_request(&repo), "--fail-on=hgih");
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("`hgih` is none of"), "{}", ran.stderr);
}

#[test]
fn folders_narrow_what_counts() {
    let mut repo = with_leaks();
    repo.checkout("feature").commit("app/a.env", leak(3)).commit("application/b.env", leak(4)).checkout("main");
    let clone = repo.clone_with("clone", &[]);
    for (folders, expected) in
        [("", "3"), ("--path=app", "1"), ("--path=./app/ --path=application", "2"), ("--path=x", "0")]
    {
        let ran = ci(&clone, "pull_request", &pull_request(&repo), folders);
        assert_eq!(ran.output("findings"), expected, "{folders}: {}", ran.stdout);
    }
}

#[test]
fn a_schedule_scans_all_history_of_a_shallow_clone() {
    let repo = with_leaks();
    let clone = repo.clone_with("clone", &["--depth=1"]);
    let ran = ci(&clone, "schedule", &events::schedule(), "");
    assert_eq!((ran.code, ran.output("findings")), (1, "2".to_owned()), "{}", ran.stderr);
    assert!(ran.stderr.contains("Scanned the whole history"), "{}", ran.stderr);
    let whole = ci(&repo, "pull_request", &pull_request(&repo), "--whole-history");
    assert_eq!(whole.output("findings"), "2", "{}", whole.stderr);
}

#[test]
fn a_tag_s_message_is_scanned() {
    let mut repo = with_leaks();
    repo.tag("v1", &leak(5));
    let clone = repo.clone_with("clone", &["--no-tags"]);
    let ran = ci(&clone, "push", &events::push("refs/tags/v1", ZERO, &repo.id("refs/tags/v1")), "");
    assert_eq!((ran.code, ran.output("findings")), (1, "1".to_owned()), "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn what_cannot_be_fetched_is_2_with_a_way_out() {
    let repo = with_leaks();
    let clone = repo.clone_with("clone", &["--depth=1"]);
    let ran = ci(&clone, "pull_request", &pull_request(&repo), "--no-fetch");
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    assert!(ran.stderr.contains("--no-fetch forbids it") && ran.stderr.contains("fetch-depth: 0"), "{}", ran.stderr);
    let outside = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary());
    command.args(["ci", "github"]);
    let ran = run(command, outside.path(), &[]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("GITHUB_EVENT_PATH is not set"), "{}", ran.stderr);
}

#[test]
fn nothing_is_masked_where_no_runner_takes_the_lines_out() {
    let repo = with_leaks();
    let home = tempfile::tempdir().unwrap();
    let event = home.path().join("event.json");
    std::fs::write(&event, pull_request(&repo).to_string()).unwrap();
    let mut command = Command::new(binary());
    command.args(["ci", "github"]);
    let variables = [("GITHUB_EVENT_NAME", "pull_request"), ("GITHUB_EVENT_PATH", event.to_str().unwrap())];
    let ran = run(command, repo.path(), &variables);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(!ran.stdout.contains("::add-mask::") && !ran.stdout.contains(&token(2)[4..]));
}

#[test]
fn a_path_that_looks_like_a_command_or_markup_stays_a_path() {
    let mut repo = with_leaks();
    repo.checkout("feature").commit("a,b%[x](y)|`z`.env", leak(6)).checkout("main");
    let clone = repo.clone_with("clone", &[]);
    let ran = ci(&clone, "pull_request", &pull_request(&repo), "");
    assert!(ran.stdout.contains("file=a%2Cb%25[x](y)|`z`.env,line=1"), "{}", ran.stdout);
    let summary = ran.file("summary");
    assert!(summary.contains(r"``a,b%[x](y)\|`z`.env"), "{summary}");
}

#[test]
fn an_accepted_value_is_masked_and_not_reported() {
    let mut repo = with_leaks();
    let line = format!("HF_TOKEN={} # stopleak:allow a test account\n", token(7));
    repo.checkout("feature").commit("new.env", "A=1\n").commit("accepted.env", line).checkout("main");
    let clone = repo.clone_with("clone", &[]);
    let base = repo.id("feature~1");
    let ran = ci(&clone, "push", &events::push("refs/heads/feature", &base, &repo.id("feature")), "");
    assert_eq!((ran.code, ran.output("findings")), (0, "0".to_owned()), "{}", ran.stderr);
    assert!(ran.stdout.starts_with(&format!("::add-mask::{}\n", token(7))), "{}", ran.stdout);
}

#[test]
fn a_job_fails_for_what_is_alive_and_stays_open_without_an_answer() {
    let github = |seed| stopleak_core::rule::example::expand("<github:ghp_>", seed).unwrap();
    let mut repo = Repo::new();
    repo.commit("readme", "text\n").branch("feature");
    repo.commit("new.env", format!("A={}\n", github(1))).commit("dead.env", format!("B={}\n", github(2)));
    repo.checkout("main");
    let known = format!("Bearer {}", github(1));
    let server = crate::server::Server::start(move |asked| match asked.header("authorization") == Some(&known) {
        true => crate::server::Reply::new(200, r#"{"login":"octocat","type":"User"}"#),
        false => crate::server::Reply::new(401, "{}"),
    });
    let clone = repo.clone_with("clone", &[]);
    let fail = |args: &str| ci(&clone, "pull_request", &pull_request(&repo), &format!("--no-verify-cache {args}"));
    let own = format!("--verify --endpoint github=http://{}", server.host);
    let ran = fail(&format!("{own} --fail-on active"));
    assert_eq!((ran.code, ran.output("active"), ran.output("failing")), (1, "1".into(), "1".into()), "{}", ran.stderr);
    assert_eq!(fail(&format!("{own} --fail-on unknown")).code, 0);
    let lost = fail("--verify --endpoint github=http://127.0.0.1:1 --fail-on active");
    assert_eq!((lost.code, lost.output("failing")), (2, "0".into()), "{}{}", lost.stdout, lost.stderr);
    let unasked = fail("--fail-on active");
    assert!(unasked.code == 2 && unasked.stderr.contains("add --verify"), "{}", unasked.stderr);
}
